"""Stores the logs of jobs. The same transaction stores the data derived from a log: projection, models, used blobs."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from simulator.store import models
from simulator.store.database import Database, Page, record_simulated_time
from simulator.store.models import StoredModel

_MAX_ORDINAL: Final = 1 << 62  # larger than any ordinal of a log entry
_JOB_COUNTER: Final = "jobs"  # the name of the counter of jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLogEntry:
    """One entry of a job's log, as text. `event_id` is None when the API never returns the entry as an event."""

    ordinal: int
    kind: str
    body: str
    event_id: str | None


class JobLogStore:
    """The logs of all jobs, and their projections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next_job_ordinal(self) -> int:
        """Return the ordinal of the next job: 0, 1, 2, …, also across restarts."""
        row = self._database.row("SELECT value + 1 FROM counters WHERE name = ?", _JOB_COUNTER)
        return int(row[0]) if row else 0

    def append(
        self,
        *,
        job: str,
        project: str,
        at: int,
        finished_at: int | None,
        projection: str,
        entry: StoredLogEntry,
        model: StoredModel | None = None,
        used_sha256s: Collection[str] = (),
        durable: bool = True,
    ) -> None:
        """Append an entry to a job's log and store its derived data in one transaction. The first one creates the job.

        `at` is the simulated time of the entry. `used_sha256s` names the SHA-256 of uploads that this job needs: their
        bytes stay when their file objects are deleted. `durable` is that of `Database.transaction`.

        Raises:
            StoreFullError: the disk is full.
        """
        with self._database.transaction(durable=durable) as connection:
            if entry.ordinal == 0:
                connection.execute(
                    "INSERT INTO counters VALUES (?, 0) ON CONFLICT DO UPDATE SET value = value + 1", (_JOB_COUNTER,)
                )
                connection.execute(
                    "INSERT INTO jobs (project, id, finished_at, projection) VALUES (?, ?, ?, ?)",
                    (project, job, finished_at, projection),
                )
            else:
                connection.execute(
                    "UPDATE jobs SET finished_at = ?, projection = ? WHERE id = ?", (finished_at, projection, job)
                )
            connection.execute(
                "INSERT INTO log VALUES (?, ?, ?, ?, ?)",
                (job, entry.ordinal, entry.kind, entry.body, entry.event_id),
            )
            connection.executemany(
                "INSERT OR IGNORE INTO uses VALUES (?, ?)", [(sha256, job) for sha256 in used_sha256s]
            )
            if model:
                models.insert(connection, model, ordinal=entry.ordinal)
            record_simulated_time(connection, at)

    def get_projection(self, job_id: str) -> str | None:
        """Return the job's projection, or None."""
        row = self._database.row("SELECT projection FROM jobs WHERE id = ?", job_id)
        return str(row[0]) if row else None

    def projections_page(self, project: str, *, after: str | None, limit: int) -> Page[str]:
        """Return the projections of a project's jobs, newest first.

        Raises:
            UnknownCursorError: the project has no job `after`.
        """
        return self._database.page(
            "SELECT projection FROM jobs WHERE project = :project",
            lambda row: str(row[0]),
            cursor="SELECT ordinal FROM jobs WHERE id = :after AND project = :project",
            after=after,
            limit=limit,
            project=project,
        )

    def unfinished_job_ids(self) -> list[str]:
        """Return the ids of unfinished jobs, oldest first."""
        sql = "SELECT id FROM jobs WHERE finished_at IS NULL ORDER BY ordinal"
        return [str(row[0]) for row in self._database.rows(sql)]

    def nth_latest_finish_before(self, job_id: str, *, n: int) -> int | None:
        """Return the time of the `n`-th latest end among older jobs than this one, or None if fewer have ended."""
        row = self._database.row(
            "SELECT finished_at FROM jobs WHERE finished_at IS NOT NULL"
            " AND ordinal < (SELECT ordinal FROM jobs WHERE id = ?) ORDER BY finished_at DESC LIMIT 1 OFFSET ?",
            job_id,
            n - 1,
        )
        return int(row[0]) if row else None

    def entries(self, job_id: str) -> list[StoredLogEntry]:
        """Return a job's whole log, oldest first; empty for an unknown job."""
        sql = "SELECT ordinal, kind, body, event_id FROM log WHERE job = ? ORDER BY ordinal"
        return [_parse_row(row) for row in self._database.rows(sql, job_id)]

    def entry_count(self, job_id: str) -> int:
        """Return the number of entries in a job's log."""
        (last,) = self._database.row("SELECT max(ordinal) FROM log WHERE job = ?", job_id)
        return 0 if last is None else last + 1

    def length_in_event_batches(self, job_id: str, *, batch: int, until: int | None) -> int:
        """Return the length of the log prefix with whole batches of events, within the first `until` entries."""
        end = _MAX_ORDINAL if until is None else until
        events_sql = "FROM log WHERE job = ? AND event_id IS NOT NULL AND ordinal < ?"
        (events,) = self._database.row(f"SELECT count(*) {events_sql}", job_id, end)
        sql = f"SELECT ordinal {events_sql} ORDER BY ordinal LIMIT 1 OFFSET ?"
        row = self._database.row(sql, job_id, end, events - events % batch)
        return int(row[0]) if row else end

    def events(self, job_id: str, *, after: str | None, limit: int, until: int | None = None) -> Page[StoredLogEntry]:
        """Return the events among a log's first `until` entries (None: all), newest first.

        Raises:
            UnknownCursorError: the job has no event `after`.
        """
        return self._database.page(
            "SELECT ordinal, kind, body, event_id FROM log WHERE job = :job AND event_id IS NOT NULL",
            _parse_row,
            cursor="SELECT ordinal FROM log WHERE event_id = :after AND job = :job",
            after=after,
            limit=limit,
            before=until,
            job=job_id,
        )

    def checkpoints(
        self, job_id: str, *, after: str | None, limit: int, until: int | None = None
    ) -> Page[StoredLogEntry]:
        """Return the entries that saved checkpoints, among a log's first `until` entries (None: all), newest first.

        `after` is the id of a checkpoint.

        Raises:
            UnknownCursorError: the job has no checkpoint `after`.
        """
        return self._database.page(
            "SELECT log.ordinal, kind, body, event_id FROM models JOIN log ON log.job = models.job"
            " AND log.ordinal = models.ordinal WHERE models.job = :job AND checkpoint_id IS NOT NULL",
            _parse_row,
            cursor="SELECT ordinal FROM models WHERE checkpoint_id = :after AND job = :job",
            after=after,
            limit=limit,
            column="models.ordinal",
            before=until,
            job=job_id,
        )


def _parse_row(row: tuple[Any, ...]) -> StoredLogEntry:
    ordinal, kind, body, event_id = row
    return StoredLogEntry(ordinal=ordinal, kind=kind, body=body, event_id=event_id)
