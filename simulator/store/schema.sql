-- The data folder's database. `log` is the truth; `jobs.projection` and `models` are written from it in the same
-- transaction, so that a look-up costs the same however much is kept.

CREATE TABLE IF NOT EXISTS counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS files (
    ordinal    INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    filename   TEXT    NOT NULL,
    purpose    TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    sha256     TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS files_sha256 ON files (sha256);

-- Bytes that a job was made from: kept when the file object is deleted.
CREATE TABLE IF NOT EXISTS uses (
    sha256 TEXT NOT NULL,
    job    TEXT NOT NULL,
    PRIMARY KEY (sha256, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS jobs (
    ordinal    INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    ended      INTEGER NOT NULL,      -- 0 while an event can follow
    projection TEXT    NOT NULL       -- reduce(apply, log), as JSON
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_unfinished ON jobs (ordinal) WHERE ended = 0;

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
    base_model    TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    weights       TEXT    NOT NULL,
    checkpoint_id TEXT    UNIQUE      -- NULL: the tuned model itself
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS models_of_job ON models (job, ordinal);
