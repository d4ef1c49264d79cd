"""The SQLite database: ordinals, the latest simulated time, transactions and restarts."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.store.database import Database, record_simulated_time
from simulator.store.files import FileStore
from simulator.store.job_logs import JobLogStore
from tests.store.rows import PROJECT, append_entry, make_entry, make_file


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    database = Database(tmp_path / "d.sqlite")
    yield database
    database.close()


def test_each_ordinal_is_returned_once(database: Database) -> None:
    """Also across threads; each name has its own counter."""
    ordinals: list[int] = []

    def take() -> None:
        ordinals.extend(database.next_ordinal("files") for _ in range(20))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ordinals) == list(range(80))
    assert database.next_ordinal("jobs") == 0


def test_the_latest_time_never_decreases(database: Database) -> None:
    """Neither a deletion nor an earlier write decreases it."""
    files, before = FileStore(database), database.latest_simulated_time()
    files.add(make_file(1))
    files.delete(PROJECT, "file-1")
    append_entry(JobLogStore(database), "job", make_entry(0))
    after_file = database.latest_simulated_time()
    append_entry(JobLogStore(database), "job", make_entry(300))
    assert (before, after_file, database.latest_simulated_time()) == (0, 101, 300)


def test_an_exception_rolls_the_transaction_back(database: Database) -> None:
    """Completely."""

    def half() -> None:
        with database.transaction() as connection:
            record_simulated_time(connection, 7)
            connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        half()
    assert database.latest_simulated_time() == 0


def test_data_and_counters_survive_a_restart(tmp_path: Path) -> None:
    """Counters continue."""
    path = tmp_path / "d.sqlite"
    first = Database(path)
    FileStore(first).next_ordinal()
    FileStore(first).add(make_file(0))
    append_entry(JobLogStore(first), "job", make_entry(0))
    first.close()
    second = Database(path)
    try:
        assert (FileStore(second).next_ordinal(), second.latest_simulated_time()) == (1, 100)
        assert FileStore(second).get(PROJECT, "file-0") == make_file(0)
        assert JobLogStore(second).entries("job") == [make_entry(0)]
    finally:
        second.close()
