"""The journal: entries, inline bodies and body files."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.aws.journal import MAX_INLINE_BODY_BYTES, Journal, JournalEntry
from simulator.aws.moto_state import OperationTime
from simulator.aws.request import AwsRequest
from simulator.store.blobs import StagedBlob
from simulator.store.database import Database
from simulator.store.errors import StoreFullError
from tests.aws.account_client import BODIES, DATABASE, open_journal

REQUEST = AwsRequest(method="PUT", target="/bucket/%C3%BC?tagging", headers=(("host", "s3"), ("x-amz-meta-a", "Ã¼")))
LARGE = bytes(MAX_INLINE_BODY_BYTES) + b"!"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """The database of a data folder."""
    database = Database(tmp_path / DATABASE)
    yield database
    database.close()


@pytest.fixture
def journal(database: Database, tmp_path: Path) -> Journal:
    """An empty journal."""
    return open_journal(database, tmp_path)


def entry(ordinal: int) -> JournalEntry:
    """Return an entry."""
    time = OperationTime(simulated_us=1_767_225_600_000_000 + ordinal, caller_seconds=1_800_000_000.25)
    return JournalEntry(ordinal=ordinal, seed=7, time=time, request=REQUEST, status=200)


def append(journal: Journal, ordinal: int, body: bytes) -> None:
    """Receive a body and append an entry."""
    journal.append(entry(ordinal), journal.receive_body(io.BytesIO(body)))


def read_entries(journal: Journal) -> list[tuple[JournalEntry, bytes | None]]:
    """Return all entries with their bodies."""
    return [(expected, body.read() if body else None) for expected, body in journal.entries()]


def test_entries_are_returned_unchanged(journal: Journal, database: Database, tmp_path: Path) -> None:
    """In order, with bodies of any length, also by another journal on the same folder."""
    bodies = [b"", b"small", LARGE[:-1], LARGE]
    for ordinal, body in enumerate(bodies):
        append(journal, ordinal, body)
    expected: list[tuple[JournalEntry, bytes | None]] = [(entry(ordinal), body) for ordinal, body in enumerate(bodies)]
    assert (read_entries(journal), read_entries(open_journal(database, tmp_path))) == (expected, expected)


def test_more_entries_than_a_batch_are_returned_in_order(journal: Journal) -> None:
    """With their bodies."""
    for ordinal in range(150):
        append(journal, ordinal, b"%d" % ordinal)
    assert [body for _, body in read_entries(journal)] == [b"%d" % ordinal for ordinal in range(150)]


def test_a_large_body_is_a_file_of_its_owner(journal: Journal, tmp_path: Path) -> None:
    """Named by its hash; stored once."""
    for ordinal in range(2):
        append(journal, ordinal, LARGE)
    (file,) = (tmp_path / BODIES).iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (hashlib.sha256(LARGE).hexdigest(), 0o600)


def test_a_received_body_is_rewound(journal: Journal) -> None:
    """Moto reads it next."""
    for body in (b"small", LARGE):
        stream = io.BytesIO(body)
        journal.receive_body(stream)
        assert stream.read() == body


def test_unreferenced_bodies_are_removed_at_the_next_start(
    journal: Journal, database: Database, tmp_path: Path
) -> None:
    """A kill between file and entry leaves one."""
    append(journal, 0, LARGE)
    journal.receive_body(io.BytesIO(LARGE + b"2"))
    (tmp_path / BODIES / "orphan").write_bytes(b"of a row that was never written")
    open_journal(database, tmp_path)
    assert [file.name for file in (tmp_path / BODIES).iterdir()] == [hashlib.sha256(LARGE).hexdigest()]


def test_a_damaged_or_missing_body_is_named(journal: Journal, tmp_path: Path) -> None:
    """The account cannot be rebuilt without it."""
    append(journal, 0, LARGE)
    name = hashlib.sha256(LARGE).hexdigest()
    corruptions = [journal.find_corruption()]
    (tmp_path / BODIES / name).write_bytes(LARGE[:-1] + b"?")
    corruptions.append(journal.find_corruption())
    (tmp_path / BODIES / name).unlink()
    corruptions.append(journal.find_corruption())
    assert corruptions == [None, f"{name} has changed since it was written", f"{name} is missing"]


def test_a_failed_append_leaves_no_file(journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full."""

    def refuse(*_: Any) -> None:
        raise StoreFullError("the disk is full")

    monkeypatch.setattr("simulator.store.aws_requests.AwsRequestStore.append", refuse)
    with pytest.raises(StoreFullError):
        append(journal, 0, LARGE)
    assert (read_entries(journal), list((tmp_path / BODIES).iterdir()), journal.seed) == ([], [], None)


def test_the_latest_time_and_the_seed_are_those_of_the_entries(journal: Journal, database: Database) -> None:
    """The clock continues from there."""
    append(journal, 0, b"")
    assert (database.latest_simulated_time(), journal.seed) == (1_767_225_600, 7)


def test_an_entry_may_have_no_body(journal: Journal, database: Database, tmp_path: Path) -> None:
    """This differs from an empty body."""
    received = journal.receive_body(io.BytesIO(LARGE))
    assert isinstance(received, StagedBlob)
    journal.append(entry(0), None)
    journal.discard_body(received)
    append(journal, 1, b"")
    expected = [(entry(0), None), (entry(1), b"")]
    assert (read_entries(open_journal(database, tmp_path)), list((tmp_path / BODIES).iterdir())) == (expected, [])
