"""Uploaded files: their descriptions, each in its project, and which bytes are still needed."""

from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from simulator.store.database import Database, Page, record_simulated_time

# Two statements, and not one with a condition on the parameter: only so does each have its index.
_OF_PROJECT: Final = "SELECT * FROM files WHERE project = :project"
_OF_PURPOSE: Final = "SELECT * FROM files WHERE project = :project AND purpose = :purpose"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """An uploaded file. `created_at` in seconds since the Unix epoch; the bytes lie in the uploads by `sha256`.

    `project` is the ARN of the project that it belongs to.
    """

    ordinal: int
    project: str
    id: str
    filename: str
    purpose: str
    bytes: int
    sha256: str
    created_at: int


class FileStore:
    """The files of all projects; whoever asks says which project's."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._generation = 0

    @property
    def generation(self) -> int:
        """A number that is another one after any file came or went; it costs nothing to look at."""
        return self._generation

    def next_ordinal(self) -> int:
        """Return 0, 1, 2, …: one for each upload, across restarts too."""
        return self._database.next_ordinal("files")

    def add(self, file: StoredFile) -> None:
        """Keep an uploaded file's description."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    file.ordinal,
                    file.project,
                    file.id,
                    file.filename,
                    file.purpose,
                    file.bytes,
                    file.sha256,
                    file.created_at,
                ),
            )
            record_simulated_time(connection, file.created_at)
        self._changed()

    def get(self, project: str, file_id: str) -> StoredFile | None:
        """Return the file, or None when the project has none of that id (any more)."""
        row = self._database.row("SELECT * FROM files WHERE id = ? AND project = ?", file_id, project)
        return _file(row) if row else None

    def find_sha256(self, file_id: str) -> str | None:
        """Return the SHA-256 of a file of whatever project, or None when there is none of that id (any more)."""
        row = self._database.row("SELECT sha256 FROM files WHERE id = ?", file_id)
        return str(row[0]) if row else None

    def page(self, project: str, *, after: str | None, limit: int, order: str, purpose: str | None) -> Page[StoredFile]:
        """Return a project's files by upload order. A cursor may be a file of another purpose: its position counts.

        Raises:
            UnknownCursorError: no file `after` in this project.
        """
        return self._database.page(
            _OF_PROJECT if purpose is None else _OF_PURPOSE,
            _file,
            cursor="SELECT ordinal FROM files WHERE id = :after AND project = :project",
            after=after,
            limit=limit,
            order=order,
            project=project,
            purpose=purpose,
        )

    def delete(self, project: str, file_id: str) -> bool:
        """Forget the file's description; return whether there was one. Its bytes are not touched."""
        with self._database.transaction() as connection:
            deleted = connection.execute("DELETE FROM files WHERE id = ? AND project = ?", (file_id, project)).rowcount
        self._changed()
        return deleted == 1

    def is_referenced(self, sha256: str) -> bool:
        """Whether a file or a job, of whatever project, still names these bytes."""
        sql = "SELECT EXISTS (SELECT 1 FROM files WHERE sha256 = ?1) OR EXISTS (SELECT 1 FROM uses WHERE sha256 = ?1)"
        return bool(self._database.row(sql, sha256)[0])

    def all_sha256s(self) -> list[str]:
        """Return the SHA-256 of every file and every job's file, the latest upload first, each once."""
        return [
            str(row[0])
            for row in self._database.rows(
                "SELECT sha256 FROM (SELECT sha256, ordinal, 1 AS live FROM files UNION ALL"
                " SELECT sha256, -1, 0 FROM uses) GROUP BY sha256 ORDER BY max(live) DESC, max(ordinal) DESC, sha256"
            )
        ]

    def referenced_sha256s(self) -> list[str]:
        """Return the SHA-256 of all bytes that are still needed."""
        sql = "SELECT sha256 FROM files UNION SELECT sha256 FROM uses ORDER BY sha256"
        return [str(sha256) for (sha256,) in self._database.rows(sql)]

    def _changed(self) -> None:
        with self._lock:
            self._generation += 1


def _file(row: tuple[Any, ...]) -> StoredFile:
    ordinal, project, file_id, filename, purpose, size, sha256, created_at = row
    return StoredFile(
        ordinal=ordinal,
        project=project,
        id=file_id,
        filename=filename,
        purpose=purpose,
        bytes=size,
        sha256=sha256,
        created_at=created_at,
    )
