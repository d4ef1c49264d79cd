"""The cost of reads: the instructions of SQLite's virtual machine, with few rows and with many."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from simulator.store.database import Database
from simulator.store.files import FileStore
from simulator.store.job_logs import JobLogStore
from simulator.store.models import ModelStore
from simulator.store.projects import ProjectStore
from simulator.store.responses import ResponseStore
from tests.store.rows import ACCOUNT, PROJECT

Read = Callable[[Database], object]

FEW, MANY = 30, 20_010  # rows; the shares of events and of other projects are the same

# Every other row belongs to another project, so the rows of a listing are not adjacent.
FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO {rows} FROM n
"""
ROWS = {
    "files": "files SELECT i, iif(i % 2, :project, 'other'), 'file-' || i, 'f', iif(i % 3, 'fine-tune', 'other'), 1,"
    " 'sha-' || i, i",
    "jobs": "jobs SELECT i, iif(i % 2, :project, 'other'), 'job-' || i, iif(i % 5, i, NULL), '{}'",
    "log": "log SELECT iif(i % 2, 'job', 'another'), i, 'k', '{}', iif(i % 3, 'event-' || i, NULL)",
    "models": "models SELECT 'm-' || i, iif(i % 2, 'job', 'another'), i, iif(i % 2, :account, 'other'), 'b', i, '{}',"
    " 'ckpt-' || i",
    "responses": "responses SELECT i, 'resp-' || i, iif(i % 2, :project, 'other'), i, 'ended', 0, '{}'",
    "response_items": "response_items SELECT 'msg-' || i, 'resp-' || i",
    "turns": "turns SELECT i, iif(i % 7, NULL, i - 2), '[]'",
    "projects": "projects SELECT iif(i % 2, :account, 'other'), i, 'proj_' || i, 'n', i, i % 5 = 0, '{}'",
}

READS: dict[str, Read] = {
    "files, newest first": lambda database: files(database, order="desc"),
    "files, oldest first": lambda database: files(database, order="asc"),
    "files after one": lambda database: files(database, order="desc", after="file-21"),
    "files of a purpose": lambda database: files(database, order="desc", purpose="fine-tune"),
    "files of a purpose, oldest first": lambda database: files(database, order="asc", purpose="fine-tune"),
    "one file": lambda database: FileStore(database).get(PROJECT, "file-21"),
    "whether a blob is referenced": lambda database: FileStore(database).is_referenced("sha-21"),
    "jobs": lambda database: JobLogStore(database).projections_page(PROJECT, after=None, limit=5),
    "jobs after one": lambda database: JobLogStore(database).projections_page(PROJECT, after="job-21", limit=5),
    "one job": lambda database: JobLogStore(database).get_projection("job-21"),
    "events": lambda database: JobLogStore(database).events("job", after=None, limit=5),
    "events after one": lambda database: JobLogStore(database).events("job", after="event-25", limit=5),
    "checkpoints": lambda database: JobLogStore(database).checkpoints("job", after=None, limit=5),
    "checkpoints after one": lambda database: JobLogStore(database).checkpoints("job", after="ckpt-21", limit=5),
    "one model": lambda database: ModelStore(database).get("m-21"),
    "the newest models": lambda database: ModelStore(database).created_models(ACCOUNT, limit=5),
    "one response": lambda database: ResponseStore(database).get(PROJECT, "resp-21", min_created_at=0),
    "the response of an item": lambda database: ResponseStore(database).find_by_item(
        PROJECT, "msg-21", min_created_at=0
    ),
    "the state of a response": lambda database: ResponseStore(database).get_state(PROJECT, "resp-21", min_created_at=0),
    "projects": lambda database: projects(database, archived=True),
    "projects after one": lambda database: projects(database, archived=True, after="proj_3"),
    "projects in use": lambda database: projects(database, archived=False),
    "the number of projects": lambda database: ProjectStore(database).count(ACCOUNT),
    "the latest time": lambda database: database.latest_simulated_time(),
}


def files(database: Database, *, order: str, after: str | None = None, purpose: str | None = None) -> object:
    """Read a page of files."""
    return FileStore(database).page(PROJECT, after=after, limit=5, order=order, purpose=purpose)


def projects(database: Database, *, archived: bool, after: str | None = None) -> object:
    """Read a page of projects."""
    return ProjectStore(database).page(ACCOUNT, after=after, limit=5, include_archived=archived)


@pytest.fixture(scope="module")
def filled_databases() -> Iterator[tuple[Database, Database]]:
    """Two databases in memory, with few and with many rows in every table."""
    databases = Database(Path(":memory:")), Database(Path(":memory:"))
    for database, count in zip(databases, (FEW, MANY), strict=True):
        with database.transaction() as connection:
            for family in ROWS.values():
                connection.execute(FILL.format(rows=family), {"count": count, "project": PROJECT, "account": ACCOUNT})
    yield databases
    for database in databases:
        database.close()


def count_steps(database: Database, read: Read) -> int:
    """Return how many instructions SQLite's virtual machine runs for a read."""
    steps = 0

    def tick() -> int:
        nonlocal steps
        steps += 1
        return 0

    read(database)  # compiles the statements
    with raw_connection(database) as connection:
        connection.set_progress_handler(tick, 1)
        read(database)
        connection.set_progress_handler(None, 0)
    return steps


def query_plans(database: Database, read: Read) -> list[str]:
    """Return SQLite's plans for the statements of a read."""
    plans: list[str] = []
    with raw_connection(database) as connection:
        connection.set_trace_callback(plans.append)
        read(database)
        connection.set_trace_callback(None)
        return [str(row[3]) for sql in plans for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]


@contextmanager
def raw_connection(database: Database) -> Iterator[sqlite3.Connection]:
    """Return the database's connection, for reading only."""
    with database.transaction() as connection:
        yield connection


@pytest.mark.shows("listing-cost")
@pytest.mark.parametrize("name", READS)
def test_a_read_costs_the_same_with_few_rows_and_with_many(
    filled_databases: tuple[Database, Database], name: str
) -> None:
    """Exactly."""
    few, many = (count_steps(database, READS[name]) for database in filled_databases)
    assert few == many


def test_the_nth_latest_end_costs_the_same_with_few_jobs_and_with_many(
    filled_databases: tuple[Database, Database],
) -> None:
    """For a young job: the search starts at the latest end."""
    few, many = (
        count_steps(database, partial(_third_finish_before, job_id=f"job-{count}"))
        for database, count in zip(filled_databases, (FEW, MANY), strict=True)
    )
    assert few == many


def test_a_conversation_costs_the_same_with_few_others_and_with_many(
    filled_databases: tuple[Database, Database],
) -> None:
    """Only its own turns are read."""
    few, many = (
        count_steps(
            database, lambda database: ResponseStore(database).get_conversation(PROJECT, "resp-21", min_created_at=0)
        )
        for database in filled_databases
    )
    assert few == many


@pytest.mark.parametrize("name", READS)
def test_a_read_uses_an_index_and_does_not_sort(filled_databases: tuple[Database, Database], name: str) -> None:
    """SQLite's plan has a search and no temporary B-tree."""
    planned = query_plans(filled_databases[0], READS[name])
    assert planned
    assert not [plan for plan in planned if plan.startswith("SCAN") and plan != "SCAN CONSTANT ROW"]
    assert not [plan for plan in planned if "TEMP B-TREE" in plan]


def test_the_models_of_an_account_use_a_covering_index(filled_databases: tuple[Database, Database]) -> None:
    """All are read, but no weights, and nothing is sorted."""
    planned = query_plans(filled_databases[0], lambda database: ModelStore(database).created_models(ACCOUNT))
    assert planned == ["SEARCH models USING COVERING INDEX models_of_account (account=?)"]


def _third_finish_before(database: Database, *, job_id: str) -> None:
    JobLogStore(database).nth_latest_finish_before(job_id, n=3)
