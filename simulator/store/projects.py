"""The projects of each account. The default one always exists; it is written only once it is changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from simulator.store.database import Database, Page, record_simulated_time

DEFAULT_PROJECT_ID: Final = "default"  # DOCUMENTED: its id is literally this

# DOCUMENTED example: the default project is older than any that a caller made.
_DEFAULT_CREATED_AT: Final = 1_764_460_800

_ALL: Final = "SELECT * FROM projects WHERE account = :account AND ordinal > 0"
_OPEN: Final = "SELECT * FROM projects WHERE account = :account AND ordinal > 0 AND archived = 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProject:
    """A project. `ordinal` counts within the account; `created_at` in seconds since the Unix epoch."""

    account: str
    ordinal: int
    id: str
    name: str
    created_at: int
    archived: bool
    tags: Mapping[str, str]


class ProjectStore:
    """The projects of all accounts; whoever asks says which account's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, account: str) -> int:
        """Return how many projects an account has, archived ones and the default one included."""
        (last,) = self._database.row("SELECT max(ordinal) FROM projects WHERE account = ?", account)
        return 1 + (last or 0)

    def put(self, project: StoredProject, *, at: int) -> None:
        """Keep a project as it is from the simulated time `at` on."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO projects VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, ordinal)"
                " DO UPDATE SET name = excluded.name, archived = excluded.archived, tags = excluded.tags",
                (
                    project.account,
                    project.ordinal,
                    project.id,
                    project.name,
                    project.created_at,
                    project.archived,
                    json.dumps(dict(project.tags), ensure_ascii=False),
                ),
            )
            record_simulated_time(connection, at)

    def get(self, account: str, project_id: str) -> StoredProject | None:
        """Return a project, or None when the account has none of that id."""
        sql = "SELECT * FROM projects WHERE account = ? AND id = ?"
        if row := self._database.row(sql, account, project_id):
            return _project(row)
        return _untouched(account) if project_id == DEFAULT_PROJECT_ID else None

    def page(
        self, account: str, *, after: str | None, limit: int, include_archived: bool = True
    ) -> Page[StoredProject]:
        """Return an account's projects in the order in which they were made, the default one first.

        Raises:
            UnknownCursorError: the account has no project `after`.
        """
        first = self.get(account, DEFAULT_PROJECT_ID) if after is None else None
        others = self._database.page(
            _ALL if include_archived else _OPEN,
            _project,
            cursor="SELECT ordinal FROM projects WHERE account = :account AND id = :after",
            after=None if after == DEFAULT_PROJECT_ID else after,
            limit=limit - 1 if first else limit,
            order="asc",
            account=account,
        )
        return replace(others, rows=(first, *others.rows)) if first else others


def _untouched(account: str) -> StoredProject:
    return StoredProject(
        account=account,
        ordinal=0,
        id=DEFAULT_PROJECT_ID,
        name=DEFAULT_PROJECT_ID,
        created_at=_DEFAULT_CREATED_AT,
        archived=False,
        tags={},
    )


def _project(row: tuple[Any, ...]) -> StoredProject:
    account, ordinal, project_id, name, created_at, archived, tags = row
    return StoredProject(
        account=account,
        ordinal=ordinal,
        id=project_id,
        name=name,
        created_at=created_at,
        archived=bool(archived),
        tags=json.loads(tags),
    )
