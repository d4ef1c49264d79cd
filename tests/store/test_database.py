"""The SQLite database itself: ordinals, the latest time, transactions, and what a restart finds."""

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
    opened = Database(tmp_path / "d.sqlite")
    yield opened
    opened.close()


def test_an_ordinal_is_never_given_twice(database: Database) -> None:
    """Threads included; each name counts for itself."""
    given_out: list[int] = []

    def take() -> None:
        given_out.extend(database.next_ordinal("files") for _ in range(20))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given_out) == list(range(80))
    assert database.next_ordinal("jobs") == 0


def test_the_latest_time_is_that_of_whatever_happened_last(database: Database) -> None:
    """Files and jobs alike; a deletion does not take it back, and an earlier time does not either."""
    files, before = FileStore(database), database.latest_simulated_time()
    files.add(make_file(1))
    files.delete(PROJECT, "file-1")
    append_entry(JobLogStore(database), "job", make_entry(0))
    after_file = database.latest_simulated_time()
    append_entry(JobLogStore(database), "job", make_entry(300))
    assert (before, after_file, database.latest_simulated_time()) == (0, 101, 300)


def test_a_transaction_that_raises_writes_nothing(database: Database) -> None:
    """All or nothing."""

    def half() -> None:
        with database.transaction() as connection:
            record_simulated_time(connection, 7)
            connection.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        half()
    assert database.latest_simulated_time() == 0


def test_what_is_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    """Counters go on where they stopped."""
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
