-- The data folder's database. `log` is the truth; `jobs.projection` and `models` are written from it in the same
-- transaction, so that a look-up costs the same however much is kept. Each listing has the index that begins with what
-- it is about and goes on with its order. `project` is a project's ARN: it names the account too.

-- Numbers that only grow: the next ordinal of each kind, and (`latest`) the simulated time.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE files (
    ordinal    INTEGER PRIMARY KEY,
    project    TEXT    NOT NULL,
    id         TEXT    NOT NULL UNIQUE,
    filename   TEXT    NOT NULL,
    purpose    TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    sha256     TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX files_of_project ON files (project, ordinal);
CREATE INDEX files_of_purpose ON files (project, purpose, ordinal);
CREATE INDEX files_sha256 ON files (sha256);

-- Bytes that a job was made from: kept when the file object is deleted.
CREATE TABLE uses (
    sha256 TEXT NOT NULL,
    job    TEXT NOT NULL,
    PRIMARY KEY (sha256, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    ordinal    INTEGER PRIMARY KEY,
    project    TEXT    NOT NULL,
    id         TEXT    NOT NULL UNIQUE,
    finished_at INTEGER,             -- NULL while an event can follow
    projection TEXT    NOT NULL       -- reduce(apply, log), as JSON
) STRICT;
CREATE INDEX jobs_of_project ON jobs (project, ordinal);
CREATE INDEX jobs_unfinished ON jobs (ordinal) WHERE finished_at IS NULL;
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE log (
    job      TEXT    NOT NULL,
    ordinal  INTEGER NOT NULL,        -- 0, 1, 2, … within the job
    kind     TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    event_id TEXT,                    -- the API's name for it; NULL: never shown as an event
    PRIMARY KEY (job, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX log_events ON log (job, ordinal) WHERE event_id IS NOT NULL;
CREATE UNIQUE INDEX log_event_id ON log (event_id) WHERE event_id IS NOT NULL;

CREATE TABLE models (
    id            TEXT    PRIMARY KEY,
    job           TEXT    NOT NULL,
    ordinal       INTEGER NOT NULL,   -- of the log entry that made it
    account       TEXT    NOT NULL,
    base_model    TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    weights       TEXT    NOT NULL,
    checkpoint_id TEXT    UNIQUE      -- NULL: the tuned model itself
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX models_of_job ON models (job, ordinal) WHERE checkpoint_id IS NOT NULL;
CREATE INDEX models_of_account ON models (account, created_at, id);

-- The default project of an account is here (as number 0) only once it was changed.
CREATE TABLE projects (
    account    TEXT    NOT NULL,
    ordinal    INTEGER NOT NULL,      -- 0, 1, 2, … within the account
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    archived   INTEGER NOT NULL,
    tags       TEXT    NOT NULL,      -- a JSON object of strings
    PRIMARY KEY (account, ordinal),
    UNIQUE (account, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX projects_open ON projects (account, ordinal) WHERE archived = 0;

CREATE TABLE responses (
    ordinal      INTEGER PRIMARY KEY, -- that of its turn
    id           TEXT    NOT NULL UNIQUE,
    project      TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    state        TEXT    NOT NULL,    -- running, ended or cancelled
    waits        INTEGER NOT NULL,    -- how many retrieves still find it running
    body         TEXT    NOT NULL     -- the response object at its end
) STRICT;
CREATE INDEX responses_age ON responses (created_at);

-- Which response an output item belongs to: the next input may name it by its id.
CREATE TABLE response_items (
    id       TEXT PRIMARY KEY,
    response TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX response_items_of ON response_items (response);

-- What each response added to its conversation. A turn stays for as long as its response or a later turn is there.
CREATE TABLE turns (
    ordinal  INTEGER PRIMARY KEY,
    previous INTEGER,                 -- the turn that it goes on from; NULL: the first
    items    TEXT    NOT NULL         -- a JSON list: its input and its output
) STRICT;
CREATE INDEX turns_previous ON turns (previous) WHERE previous IS NOT NULL;

-- How a user left the clock.
CREATE TABLE clock (
    id    INTEGER PRIMARY KEY CHECK (id = 0),
    state TEXT NOT NULL               -- a JSON object
) STRICT;

-- What made the AWS account what it is: the account is made again by driving these anew.
CREATE TABLE IF NOT EXISTS aws_requests (
    ordinal INTEGER PRIMARY KEY,      -- 0, 1, 2, …
    seed    TEXT    NOT NULL,         -- the account's: it keeps the one that it began with
    at      INTEGER NOT NULL,         -- simulated, in microseconds
    callers REAL    NOT NULL,         -- the callers' time, in seconds
    method  TEXT    NOT NULL,
    target  TEXT    NOT NULL,         -- path and query as they came
    headers TEXT    NOT NULL,         -- a JSON list of pairs
    body    BLOB,                     -- NULL: it is in a file, or was not kept
    sha256  TEXT,                     -- which names the file
    status  INTEGER NOT NULL          -- of the answer
) STRICT;
CREATE INDEX IF NOT EXISTS aws_requests_sha256 ON aws_requests (sha256) WHERE sha256 IS NOT NULL;
