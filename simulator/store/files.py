"""Stores uploaded files: their metadata by project, and which blobs are still referenced."""

from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from simulator.store.database import Database, Page, record_simulated_time

# Two statements instead of one with a condition on the parameter, so that each uses its index.
_IN_PROJECT: Final = "SELECT * FROM files WHERE project = :project"
_WITH_PURPOSE: Final = "SELECT * FROM files WHERE project = :project AND purpose = :purpose"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """An uploaded file. `created_at` is in seconds since the Unix epoch; `sha256` names the blob.

    `project` is the ARN of its project.
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
    """The files of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._generation = 0

    @property
    def generation(self) -> int:
        """A number that changes whenever a file is added or deleted."""
        return self._generation

    def next_ordinal(self) -> int:
        """Return the ordinal of the next upload: 0, 1, 2, …, also across restarts."""
        return self._database.next_ordinal("files")

    def add(self, file: StoredFile) -> None:
        """Store the metadata of an uploaded file."""
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
        self._increment_generation()

    def get(self, project: str, file_id: str) -> StoredFile | None:
        """Return the file, or None when the project has no file with that id."""
        row = self._database.row("SELECT * FROM files WHERE id = ? AND project = ?", file_id, project)
        return _parse_row(row) if row else None

    def find_sha256(self, file_id: str) -> str | None:
        """Return the SHA-256 of a file of any project, or None when there is no file with that id."""
        row = self._database.row("SELECT sha256 FROM files WHERE id = ?", file_id)
        return str(row[0]) if row else None

    def page(self, project: str, *, after: str | None, limit: int, order: str, purpose: str | None) -> Page[StoredFile]:
        """Return a project's files by upload order. The cursor may be a file of another purpose.

        Raises:
            UnknownCursorError: the project has no file `after`.
        """
        return self._database.page(
            _IN_PROJECT if purpose is None else _WITH_PURPOSE,
            _parse_row,
            cursor="SELECT ordinal FROM files WHERE id = :after AND project = :project",
            after=after,
            limit=limit,
            order=order,
            project=project,
            purpose=purpose,
        )

    def delete(self, project: str, file_id: str) -> bool:
        """Delete the metadata of a file; return whether it existed. The blob stays."""
        with self._database.transaction() as connection:
            deleted = connection.execute("DELETE FROM files WHERE id = ? AND project = ?", (file_id, project)).rowcount
        self._increment_generation()
        return deleted == 1

    def is_referenced(self, sha256: str) -> bool:
        """Whether a file or a job of any project references this blob."""
        sql = "SELECT EXISTS (SELECT 1 FROM files WHERE sha256 = ?1) OR EXISTS (SELECT 1 FROM uses WHERE sha256 = ?1)"
        return bool(self._database.row(sql, sha256)[0])

    def all_sha256s(self) -> list[str]:
        """Return the distinct SHA-256 of all files and all jobs' files, the latest upload first."""
        return [
            str(row[0])
            for row in self._database.rows(
                "SELECT sha256 FROM (SELECT sha256, ordinal, 1 AS live FROM files UNION ALL"
                " SELECT sha256, -1, 0 FROM uses) GROUP BY sha256 ORDER BY max(live) DESC, max(ordinal) DESC, sha256"
            )
        ]

    def referenced_sha256s(self) -> list[str]:
        """Return the SHA-256 of all referenced blobs."""
        sql = "SELECT sha256 FROM files UNION SELECT sha256 FROM uses ORDER BY sha256"
        return [str(sha256) for (sha256,) in self._database.rows(sql)]

    def _increment_generation(self) -> None:
        with self._lock:
            self._generation += 1


def _parse_row(row: tuple[Any, ...]) -> StoredFile:
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
