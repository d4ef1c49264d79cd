"""Which writes are synced to disk, and in which order."""

import io
import os
import stat
from pathlib import Path

import pytest

from simulator.store.blobs import BlobStore
from simulator.store.database import Database

FULL, NORMAL = 2, 1  # SQLite's values of `PRAGMA synchronous`


@pytest.mark.parametrize("lasting", [True, False])
def test_a_durable_blob_is_synced_before_it_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasting: bool
) -> None:
    """First its bytes, then its name. A store that is not durable syncs nothing."""
    uploads, order, fsync = BlobStore(tmp_path / "uploads", durable=lasting), list[object](), os.fsync

    def record_fsync(descriptor: int) -> None:
        fsync(descriptor)
        synced = os.fstat(descriptor)
        order.append("folder" if stat.S_ISDIR(synced.st_mode) else synced.st_size)

    monkeypatch.setattr(os, "fsync", record_fsync)
    incoming = uploads.stage(io.BytesIO(b"x" * 10))
    order.append("received")
    with uploads.commit(incoming):
        order.append(uploads.path(incoming.sha256).exists())
    assert order == ([10, "received", "folder", True] if lasting else ["received", True])


def test_only_a_durable_transaction_is_synced(tmp_path: Path) -> None:
    """In any order."""
    database, reads = Database(tmp_path / "d.sqlite"), list[tuple[bool, int]]()
    for safe in (True, False, False, True):
        with database.transaction(durable=safe) as connection:
            reads.append((safe, *connection.execute("PRAGMA synchronous").fetchone()))
    database.close()
    assert reads == [(True, FULL), (False, NORMAL), (False, NORMAL), (True, FULL)]
