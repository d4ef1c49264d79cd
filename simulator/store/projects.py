"""Stores the projects of each account. The default project always exists; it is stored only once it is changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from simulator.store.database import Database, Page, record_simulated_time

DEFAULT_PROJECT_ID: Final = "default"  # DOCUMENTED

# DOCUMENTED example: the default project is older than any created project.
_DEFAULT_CREATED_AT: Final = 1_764_460_800

_ALL: Final = "SELECT * FROM projects WHERE account = :account AND ordinal > 0"
_NOT_ARCHIVED: Final = "SELECT * FROM projects WHERE account = :account AND ordinal > 0 AND archived = 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProject:
    """A project. `ordinal` is its number in the account; `created_at` is in seconds since the Unix epoch."""

    account: str
    ordinal: int
    id: str
    name: str
    created_at: int
    archived: bool
    tags: Mapping[str, str]


class ProjectStore:
    """The projects of all accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, account: str) -> int:
        """Return the number of projects of an account, including archived projects and the default project."""
        (last,) = self._database.row("SELECT max(ordinal) FROM projects WHERE account = ?", account)
        return 1 + (last or 0)

    def put(self, project: StoredProject, *, at: int) -> None:
        """Store a project at the simulated time `at`."""
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
        """Return a project, or None when the account has no project with that id."""
        sql = "SELECT * FROM projects WHERE account = ? AND id = ?"
        if row := self._database.row(sql, account, project_id):
            return _parse_row(row)
        return _default_project(account) if project_id == DEFAULT_PROJECT_ID else None

    def page(
        self, account: str, *, after: str | None, limit: int, include_archived: bool = True
    ) -> Page[StoredProject]:
        """Return an account's projects in the order of their creation, the default one first.

        Raises:
            UnknownCursorError: the account has no project `after`.
        """
        default_project = self.get(account, DEFAULT_PROJECT_ID) if after is None else None
        page = self._database.page(
            _ALL if include_archived else _NOT_ARCHIVED,
            _parse_row,
            cursor="SELECT ordinal FROM projects WHERE account = :account AND id = :after",
            after=None if after == DEFAULT_PROJECT_ID else after,
            limit=limit - 1 if default_project else limit,
            order="asc",
            account=account,
        )
        return replace(page, rows=(default_project, *page.rows)) if default_project else page


def _default_project(account: str) -> StoredProject:
    return StoredProject(
        account=account,
        ordinal=0,
        id=DEFAULT_PROJECT_ID,
        name=DEFAULT_PROJECT_ID,
        created_at=_DEFAULT_CREATED_AT,
        archived=False,
        tags={},
    )


def _parse_row(row: tuple[Any, ...]) -> StoredProject:
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
