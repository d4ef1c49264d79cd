"""What outlives a power cut: what the disk is waited for, and in which order."""

import io
import os
import stat
from pathlib import Path

import pytest

from simulator.store.blobs import BlobStore
from simulator.store.database import Database

FULL, NORMAL = 2, 1  # of SQLite's `PRAGMA synchronous`


@pytest.mark.parametrize("lasting", [True, False])
def test_bytes_are_on_the_disk_before_their_name_is_and_both_before_they_are_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasting: bool
) -> None:
    """Nobody waits for the disk where nothing is to outlive the process."""
    uploads, order, fsync = BlobStore(tmp_path / "uploads", durable=lasting), list[object](), os.fsync

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        found = os.fstat(descriptor)
        order.append("folder" if stat.S_ISDIR(found.st_mode) else found.st_size)

    monkeypatch.setattr(os, "fsync", noted)
    incoming = uploads.stage(io.BytesIO(b"x" * 10))
    order.append("received")
    with uploads.commit(incoming):
        order.append(uploads.path(incoming.sha256).exists())
    assert order == ([10, "received", "folder", True] if lasting else ["received", True])


def test_a_safe_transaction_waits_for_the_disk_and_another_does_not(tmp_path: Path) -> None:
    """In whichever order they come."""
    database, seen = Database(tmp_path / "d.sqlite"), list[tuple[bool, int]]()
    for safe in (True, False, False, True):
        with database.transaction(durable=safe) as connection:
            seen.append((safe, *connection.execute("PRAGMA synchronous").fetchone()))
    database.close()
    assert seen == [(True, FULL), (False, NORMAL), (False, NORMAL), (True, FULL)]
