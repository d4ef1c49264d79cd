"""The SQLite database of a data folder: files, jobs, their logs, and the models they made."""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from threading import RLock
from typing import Any, Final, Generic, TypeVar

from simulator.store.folder import DataFolderError

Row = TypeVar("Row")

VERSION: Final = 1  # of the tables and of what is written into them

# A listing's order: how to ask for what lies past a position, SQL's word for the order, and the position before all.
_ORDERS: Final = {"desc": ("<", "DESC", 1 << 62), "asc": (">", "ASC", -1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """An uploaded file. `created_at` in seconds since the Unix epoch; the bytes lie in the uploads by `sha256`."""

    ordinal: int
    id: str
    filename: str
    purpose: str
    bytes: int
    sha256: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """One entry of a job's log, as text. `event_id` is None for what the API never shows as an event."""

    ordinal: int
    kind: str
    body: str
    event_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """A model that a job made, with its weights as JSON text: a checkpoint, or (no `checkpoint_id`) the tuned model."""

    id: str
    job: str
    base_model: str
    created_at: int
    weights: str
    checkpoint_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """A slice of a listing, in the order asked for."""

    rows: tuple[Row, ...]
    has_more: bool


class UnknownCursorError(Exception):
    """The listing has no element under the id that `after` names."""

    def __init__(self, after: str) -> None:
        super().__init__(after)
        self.after = after


class Database:
    """One connection behind one lock; every method is one transaction and may be called from any thread.

    Raises:
        DataFolderError: the file is not a simulator's, or another version's.
    """

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._open()
        except (sqlite3.DatabaseError, DataFolderError) as error:
            self._connection.close()
            raise DataFolderError(f"{path} cannot be used: {error}. It is left as it is.") from None

    def _open(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise DataFolderError(f"another version wrote it (format {version}, this is {VERSION})")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(files("simulator.store").joinpath("schema.sql").read_text())
        self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the connection; the database is whole on disk."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _rows(self, sql: str, *values: object) -> list[Any]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _row(self, sql: str, *values: object) -> Any:
        with self._lock:
            return self._connection.execute(sql, values).fetchone()

    def next_ordinal(self, name: str) -> int:
        """Return 0, 1, 2, … for each `name`, never one twice, across restarts too."""
        with self._transaction() as connection:
            (value,) = connection.execute(
                "INSERT INTO counters VALUES (?, 0) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value",
                (name,),
            ).fetchone()
        return int(value)

    def latest(self) -> int:
        """Return the latest simulated time that anything here happened at; 0 when nothing did."""
        (latest,) = self._row(
            "SELECT max(coalesce((SELECT max(created_at) FROM files), 0),"
            " coalesce((SELECT max(json_extract(projection, '$.changed_at')) FROM jobs), 0))"
        )
        return int(latest)

    # files

    def add_file(self, file: StoredFile) -> None:
        """Keep an uploaded file's description."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    file.ordinal,
                    file.id,
                    file.filename,
                    file.purpose,
                    file.bytes,
                    file.sha256,
                    file.created_at,
                ),
            )

    def file(self, file_id: str) -> StoredFile | None:
        """Return the file, or None when there is none (any more)."""
        row = self._row("SELECT * FROM files WHERE id = ?", file_id)
        return _file(row) if row else None

    def files(self, *, after: str | None, limit: int, order: str, purpose: str | None) -> Page[StoredFile]:
        """Return files by upload order.

        Raises:
            UnknownCursorError: no file `after`.
        """
        return self._page(
            "SELECT * FROM files WHERE (:purpose IS NULL OR purpose = :purpose)",
            _file,
            cursor="SELECT ordinal FROM files WHERE id = :after",
            after=after,
            limit=limit,
            order=order,
            purpose=purpose,
        )

    def delete_file(self, file_id: str) -> bool:
        """Forget the file's description; return whether there was one. Its bytes are not touched."""
        with self._transaction() as connection:
            return connection.execute("DELETE FROM files WHERE id = ?", (file_id,)).rowcount == 1

    def in_use(self, sha256: str) -> bool:
        """Whether a file or a job still names these bytes."""
        return (
            self._row("SELECT 1 FROM files WHERE sha256 = ?1 UNION SELECT 1 FROM uses WHERE sha256 = ?1", sha256)
            is not None
        )

    def shas(self) -> list[str]:
        """Return the SHA-256 of every file and every job's file, the latest upload first, each once."""
        return [
            str(row[0])
            for row in self._rows(
                "SELECT sha256 FROM (SELECT sha256, ordinal, 1 AS live FROM files UNION ALL"
                " SELECT sha256, -1, 0 FROM uses) GROUP BY sha256 ORDER BY max(live) DESC, max(ordinal) DESC, sha256"
            )
        ]

    # jobs and their logs

    def append(
        self,
        *,
        job: str,
        ended: bool,
        projection: str,
        entry: StoredEntry,
        model: StoredModel | None = None,
        uses: Collection[str] = (),
    ) -> None:
        """Add one entry to a job's log, and what follows from it, in one transaction.

        `uses` names the SHA-256 of uploads that must outlive their file objects because this job needs them.
        """
        with self._transaction() as connection:
            if entry.ordinal == 0:
                connection.execute(
                    "INSERT INTO jobs (id, ended, projection) VALUES (?, ?, ?)", (job, ended, projection)
                )
            else:
                connection.execute("UPDATE jobs SET ended = ?, projection = ? WHERE id = ?", (ended, projection, job))
            connection.execute(
                "INSERT INTO log VALUES (?, ?, ?, ?, ?)",
                (job, entry.ordinal, entry.kind, entry.body, entry.event_id),
            )
            connection.executemany("INSERT OR IGNORE INTO uses VALUES (?, ?)", [(sha256, job) for sha256 in uses])
            if model:
                connection.execute(
                    "INSERT INTO models VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        model.id,
                        model.job,
                        entry.ordinal,
                        model.base_model,
                        model.created_at,
                        model.weights,
                        model.checkpoint_id,
                    ),
                )

    def job(self, job_id: str) -> str | None:
        """Return the job's projection, or None."""
        row = self._row("SELECT projection FROM jobs WHERE id = ?", job_id)
        return str(row[0]) if row else None

    def jobs(self, *, after: str | None, limit: int) -> Page[str]:
        """Return projections, newest first.

        Raises:
            UnknownCursorError: no job `after`.
        """
        return self._page(
            "SELECT projection, ordinal FROM jobs WHERE TRUE",
            lambda row: str(row[0]),
            cursor="SELECT ordinal FROM jobs WHERE id = :after",
            after=after,
            limit=limit,
        )

    def unfinished_jobs(self) -> list[str]:
        """Return the ids of jobs that an event can still follow, oldest first."""
        return [str(row[0]) for row in self._rows("SELECT id FROM jobs WHERE ended = 0 ORDER BY ordinal")]

    def log(self, job_id: str) -> list[StoredEntry]:
        """Return a job's whole log, oldest first; empty for an unknown job."""
        rows = self._rows("SELECT ordinal, kind, body, event_id FROM log WHERE job = ? ORDER BY ordinal", job_id)
        return [_entry(row) for row in rows]

    def checkpoints(self, job_id: str, *, after: str | None, limit: int) -> Page[StoredEntry]:
        """Return the entries that saved a job's checkpoints, newest first; `after` is a checkpoint's id.

        Raises:
            UnknownCursorError: no checkpoint `after` in this job.
        """
        return self._page(
            "SELECT log.ordinal, kind, body, event_id FROM models JOIN log ON log.job = models.job"
            " AND log.ordinal = models.ordinal WHERE models.job = :job AND checkpoint_id IS NOT NULL",
            _entry,
            cursor="SELECT ordinal FROM models WHERE checkpoint_id = :after AND job = :job",
            after=after,
            limit=limit,
            column="log.ordinal",
            job=job_id,
        )

    def events(self, job_id: str, *, after: str | None, limit: int) -> Page[StoredEntry]:
        """Return what the API shows as events, newest first.

        Raises:
            UnknownCursorError: no event `after` in this job.
        """
        return self._page(
            "SELECT ordinal, kind, body, event_id FROM log WHERE job = :job AND event_id IS NOT NULL",
            _entry,
            cursor="SELECT ordinal FROM log WHERE event_id = :after AND job = :job",
            after=after,
            limit=limit,
            job=job_id,
        )

    # models

    def model(self, model_id: str) -> StoredModel | None:
        """Return a tuned model or checkpoint, or None."""
        row = self._row("SELECT * FROM models WHERE id = ?", model_id)
        return _model(row) if row else None

    def models(self) -> list[tuple[str, int]]:
        """Return the id and the creation time of every tuned model and checkpoint, oldest first."""
        return [
            (str(model_id), int(created_at))
            for model_id, created_at in self._rows("SELECT id, created_at FROM models ORDER BY created_at, id")
        ]

    def _page(
        self,
        select: str,
        read: Callable[[Any], Row],
        *,
        cursor: str,
        after: str | None,
        limit: int,
        order: str = "desc",
        column: str = "ordinal",
        **values: object,
    ) -> Page[Row]:
        past, direction, start = _ORDERS[order]
        with self._lock:
            if after is not None:
                found = self._connection.execute(cursor, {"after": after, **values}).fetchone()
                if found is None:
                    raise UnknownCursorError(after)
                (start,) = found
            rows = self._connection.execute(
                f"{select} AND {column} {past} :start ORDER BY {column} {direction} LIMIT :limit",
                {"start": start, "limit": limit + 1, **values},
            ).fetchall()
        return Page(rows=tuple(read(row) for row in rows[:limit]), has_more=len(rows) > limit)


def _file(row: tuple[Any, ...]) -> StoredFile:
    ordinal, file_id, filename, purpose, size, sha256, created_at = row
    return StoredFile(
        ordinal=ordinal,
        id=file_id,
        filename=filename,
        purpose=purpose,
        bytes=size,
        sha256=sha256,
        created_at=created_at,
    )


def _entry(row: tuple[Any, ...]) -> StoredEntry:
    ordinal, kind, body, event_id = row
    return StoredEntry(ordinal=ordinal, kind=kind, body=body, event_id=event_id)


def _model(row: tuple[Any, ...]) -> StoredModel:
    model_id, job, _, base_model, created_at, weights, checkpoint_id = row
    return StoredModel(
        id=model_id,
        job=job,
        base_model=base_model,
        created_at=created_at,
        weights=weights,
        checkpoint_id=checkpoint_id,
    )
