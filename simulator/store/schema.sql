-- The data folder's database. `log` is the truth; `jobs.projection` and `models` are written from it in the same
-- transaction, so that a look-up costs the same however much is kept. Each listing has the index that begins with what
-- it is about and goes on with its order. `project` is a project's ARN: it names the account too.

-- Numbers that only grow: the next ordinal of each kind, and (`latest`) the simulated time.
CREATE TABLE IF NOT EXISTS counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS files (
    ordinal    INTEGER PRIMARY KEY,
    project    TEXT    NOT NULL,
    id         TEXT    NOT NULL UNIQUE,
    filename   TEXT    NOT NULL,
    purpose    TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    sha256     TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS files_of_project ON files (project, ordinal);
CREATE INDEX IF NOT EXISTS files_of_purpose ON files (project, purpose, ordinal);
CREATE INDEX IF NOT EXISTS files_sha256 ON files (sha256);

-- Bytes that a job was made from: kept when the file object is deleted.
CREATE TABLE IF NOT EXISTS uses (
    sha256 TEXT NOT NULL,
    job    TEXT NOT NULL,
    PRIMARY KEY (sha256, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS jobs (
    ordinal    INTEGER PRIMARY KEY,
    project    TEXT    NOT NULL,
    id         TEXT    NOT NULL UNIQUE,
    finished_at INTEGER,             -- NULL while an event can follow
    projection TEXT    NOT NULL       -- reduce(apply, log), as JSON
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_of_project ON jobs (project, ordinal);
CREATE INDEX IF NOT EXISTS jobs_unfinished ON jobs (ordinal) WHERE finished_at IS NULL;
CREATE INDEX IF NOT EXISTS jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS log (
    job      TEXT    NOT NULL,
    ordinal  INTEGER NOT NULL,        -- 0, 1, 2, … within the job
    kind     TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    event_id TEXT,                    -- the API's name for it; NULL: never shown as an event
    PRIMARY KEY (job, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS log_events ON log (job, ordinal) WHERE event_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS log_event_id ON log (event_id) WHERE event_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS models (
    id            TEXT    PRIMARY KEY,
    job           TEXT    NOT NULL,
    ordinal       INTEGER NOT NULL,   -- of the log entry that made it
    account       TEXT    NOT NULL,
    base_model    TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    weights       TEXT    NOT NULL,
    checkpoint_id TEXT    UNIQUE      -- NULL: the tuned model itself
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS models_of_job ON models (job, ordinal) WHERE checkpoint_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS models_of_account ON models (account, created_at, id);

-- The default project of an account is here (as number 0) only once it was changed.
CREATE TABLE IF NOT EXISTS projects (
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
CREATE INDEX IF NOT EXISTS projects_open ON projects (account, ordinal) WHERE archived = 0;

CREATE TABLE IF NOT EXISTS responses (
    ordinal      INTEGER PRIMARY KEY, -- that of its turn
    id           TEXT    NOT NULL UNIQUE,
    project      TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    state        TEXT    NOT NULL,    -- running, ended or cancelled
    waits        INTEGER NOT NULL,    -- how many retrieves still find it running
    body         TEXT    NOT NULL     -- the response object at its end
) STRICT;
CREATE INDEX IF NOT EXISTS responses_age ON responses (created_at);

-- Which response an output item belongs to: the next input may name it by its id.
CREATE TABLE IF NOT EXISTS response_items (
    id       TEXT PRIMARY KEY,
    response TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS response_items_of ON response_items (response);

-- What each response added to its conversation. A turn stays for as long as its response or a later turn is there.
CREATE TABLE IF NOT EXISTS turns (
    ordinal  INTEGER PRIMARY KEY,
    previous INTEGER,                 -- the turn that it goes on from; NULL: the first
    items    TEXT    NOT NULL         -- a JSON list: its input and its output
) STRICT;
CREATE INDEX IF NOT EXISTS turns_previous ON turns (previous) WHERE previous IS NOT NULL;
