-- The data folder's database. `log` is the source; `jobs.projection` and `models` are derived from it in the same
-- transaction, so that a look-up costs the same at any size. Each listing has an index of its filter and its order.
-- `project` is a project's ARN, which contains the account.

-- Numbers that only increase: the next ordinal of each kind, and (`latest`) the simulated time.
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

-- The blobs that jobs use. They stay when the file object is deleted.
CREATE TABLE uses (
    sha256 TEXT NOT NULL,
    job    TEXT NOT NULL,
    PRIMARY KEY (sha256, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    ordinal    INTEGER PRIMARY KEY,
    project    TEXT    NOT NULL,
    id         TEXT    NOT NULL UNIQUE,
    finished_at INTEGER,             -- NULL: unfinished
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
    event_id TEXT,                    -- NULL: not an event of the API
    PRIMARY KEY (job, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX log_events ON log (job, ordinal) WHERE event_id IS NOT NULL;
CREATE UNIQUE INDEX log_event_id ON log (event_id) WHERE event_id IS NOT NULL;

CREATE TABLE models (
    id            TEXT    PRIMARY KEY,
    job           TEXT    NOT NULL,
    ordinal       INTEGER NOT NULL,   -- of the log entry that created it
    account       TEXT    NOT NULL,
    base_model    TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    weights       TEXT    NOT NULL,
    checkpoint_id TEXT    UNIQUE      -- NULL: the tuned model itself
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX models_of_job ON models (job, ordinal) WHERE checkpoint_id IS NOT NULL;
CREATE INDEX models_of_account ON models (account, created_at, id);

-- The default project of an account is stored here (as number 0) only once it was changed.
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
    waits        INTEGER NOT NULL,    -- how many retrieves still return it as running
    body         TEXT    NOT NULL     -- the final response object
) STRICT;
CREATE INDEX responses_age ON responses (created_at);

-- The response of each output item: a later input may refer to an item by its id.
CREATE TABLE response_items (
    id       TEXT PRIMARY KEY,
    response TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX response_items_of ON response_items (response);

-- What each response adds to its conversation. A turn is deleted with its response unless a later turn continues it.
CREATE TABLE turns (
    ordinal  INTEGER PRIMARY KEY,
    previous INTEGER,                 -- the turn that it continues; NULL: the first
    items    TEXT    NOT NULL         -- a JSON list: its input and its output
) STRICT;
CREATE INDEX turns_previous ON turns (previous) WHERE previous IS NOT NULL;

-- The state of the clock.
CREATE TABLE clock (
    id    INTEGER PRIMARY KEY CHECK (id = 0),
    state TEXT NOT NULL               -- a JSON object
) STRICT;

-- The requests that changed the AWS account: a replay of them rebuilds it.
CREATE TABLE IF NOT EXISTS aws_requests (
    ordinal INTEGER PRIMARY KEY,      -- 0, 1, 2, …
    seed    TEXT    NOT NULL,         -- the account's initial seed
    at      INTEGER NOT NULL,         -- simulated, in microseconds
    callers REAL    NOT NULL,         -- the callers' time, in seconds
    method  TEXT    NOT NULL,
    target  TEXT    NOT NULL,         -- path and query as sent
    headers TEXT    NOT NULL,         -- a JSON list of pairs
    body    BLOB,                     -- NULL: in a file, or not stored
    sha256  TEXT,                     -- the name of the file
    status  INTEGER NOT NULL          -- of the response
) STRICT;
CREATE INDEX IF NOT EXISTS aws_requests_sha256 ON aws_requests (sha256) WHERE sha256 IS NOT NULL;
