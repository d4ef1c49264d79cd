"""Projects: the default one and created ones."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.store.database import Database, UnknownCursorError
from simulator.store.projects import DEFAULT_PROJECT_ID, ProjectStore
from tests.store.rows import ACCOUNT, make_project


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[ProjectStore]:
    """An empty store."""
    database = Database(tmp_path / "d.sqlite")
    yield ProjectStore(database)
    database.close()


def page(
    projects: ProjectStore, *, after: str | None = None, limit: int = 10, archived: bool = True
) -> tuple[list[str], bool]:
    """Return the ids of a page, and whether there are more."""
    result = projects.page(ACCOUNT, after=after, limit=limit, include_archived=archived)
    return [row.id for row in result.rows], result.has_more


def test_the_default_project_always_exists(projects: ProjectStore) -> None:
    """In every account."""
    default = projects.get(ACCOUNT, DEFAULT_PROJECT_ID)
    assert default
    assert (default.id, default.name, default.archived, default.tags) == ("default", "default", False, {})
    assert (page(projects), projects.count(ACCOUNT)) == ((["default"], False), 1)


def test_projects_are_listed_oldest_first(projects: ProjectStore) -> None:
    """The default project is first, and can be a cursor."""
    for ordinal in (1, 2, 3):
        projects.put(make_project(ordinal), at=7)
    assert page(projects, limit=2) == (["default", "proj_1"], True)
    assert page(projects, limit=1) == (["default"], True)
    assert page(projects, after="default", limit=2) == (["proj_1", "proj_2"], True)
    assert page(projects, after="proj_2") == (["proj_3"], False)


def test_put_replaces_a_project(projects: ProjectStore) -> None:
    """Also the default project."""
    default = projects.get(ACCOUNT, DEFAULT_PROJECT_ID)
    assert default
    renamed = [replace(default, name="main"), replace(make_project(1), archived=True, tags={"a": "\N{SNOWMAN}"})]
    for one in (make_project(1), *renamed):
        projects.put(one, at=7)
    assert [projects.get(ACCOUNT, DEFAULT_PROJECT_ID), projects.get(ACCOUNT, "proj_1")] == renamed
    assert (page(projects), projects.count(ACCOUNT)) == ((["default", "proj_1"], False), 2)


def test_archived_projects_can_be_excluded(projects: ProjectStore) -> None:
    """They are still counted, found and valid cursors."""
    for ordinal in (1, 2):
        projects.put(make_project(ordinal, archived=ordinal == 1), at=7)
    assert page(projects, archived=False) == (["default", "proj_2"], False)
    assert page(projects, after="proj_1", archived=False) == (["proj_2"], False)
    assert projects.count(ACCOUNT) == 3


def test_an_account_sees_its_own_projects_only(projects: ProjectStore) -> None:
    """Those of other accounts are neither listed nor found, and are not cursors."""
    projects.put(make_project(1, account="another"), at=7)
    assert (page(projects), projects.get(ACCOUNT, "proj_1")) == ((["default"], False), None)
    with pytest.raises(UnknownCursorError):
        page(projects, after="proj_1")
