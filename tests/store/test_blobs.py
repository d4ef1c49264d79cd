"""Blobs are stored once, completely or not at all, in constant memory."""

import hashlib
import io
import tracemalloc
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.store.blobs import BlobStore
from simulator.store.errors import StoreFullError


class ZeroStream:
    """A large stream of zeros that needs no memory; it records the largest read."""

    def __init__(self, size: int) -> None:
        self._left = size
        self.largest = 0

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes."""
        assert size > 0, "the source was asked for everything at once"
        self.largest = max(self.largest, size)
        sizes = min(size, self._left)
        self._left -= sizes
        return bytes(sizes)


class BrokenStream:
    """A stream that fails after its first chunk, as a connection does."""

    def __init__(self) -> None:
        self._reads = 0

    def read(self, _size: int = -1) -> bytes:
        """Give a piece, then fail."""
        self._reads += 1
        if self._reads > 1:
            raise OSError("the connection was lost")
        return b"a first piece"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the blobs; it does not exist yet."""
    return tmp_path / "uploads"


def store_content(uploads: BlobStore, content: bytes) -> str:
    """Store bytes; return their name."""
    incoming = uploads.stage(io.BytesIO(content))
    with uploads.commit(incoming):
        return incoming.sha256


@given(st.binary(max_size=4096))
def test_a_blob_is_returned_unchanged(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Under its SHA-256."""
    uploads = BlobStore(tmp_path_factory.mktemp("uploads"))
    incoming = uploads.stage(io.BytesIO(content))
    with uploads.commit(incoming):
        pass
    with uploads.open(incoming.sha256) as stream:
        assert stream.read() == content
    assert (incoming.sha256, incoming.size) == (hashlib.sha256(content).hexdigest(), len(content))


def test_the_same_bytes_are_stored_once(folder: Path) -> None:
    """After any number of uploads."""
    uploads = BlobStore(folder)
    names = {store_content(uploads, b"same") for _ in range(3)}
    assert [path.name for path in folder.iterdir()] == list(names)


def test_a_source_that_fails_leaves_no_file(folder: Path) -> None:
    """A blob gets its name only when it is complete."""
    with pytest.raises(OSError, match="connection"):
        BlobStore(folder).stage(cast("BinaryIO", BrokenStream()))
    assert list(folder.iterdir()) == []


def test_a_large_source_is_copied_in_constant_memory(folder: Path) -> None:
    """64 MB need only a few chunks of 1 MB."""
    source = ZeroStream(64 << 20)
    tracemalloc.start()
    try:
        size = BlobStore(folder).stage(cast("BinaryIO", source)).size
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (size, source.largest) == (64 << 20, 1 << 20)
    assert peak < 8 << 20


def test_a_blob_can_be_deleted_twice(folder: Path) -> None:
    """Two deletions may race."""
    uploads = BlobStore(folder)
    name = store_content(uploads, b"x")
    uploads.delete(name)
    uploads.delete(name)
    with pytest.raises(FileNotFoundError), uploads.open(name):
        pass


def test_another_store_on_the_folder_finds_the_blobs(folder: Path) -> None:
    """As after a restart."""
    name = store_content(BlobStore(folder), b"kept")
    assert BlobStore(folder).path(name).read_bytes() == b"kept"


@pytest.mark.parametrize("lasting", [False, True])
def test_a_blob_is_removed_when_its_record_fails(folder: Path, lasting: bool) -> None:
    """Unless it existed before."""
    uploads = BlobStore(folder, durable=lasting)
    stored = store_content(uploads, b"there before")

    def fail(content: bytes) -> None:
        with uploads.commit(uploads.stage(io.BytesIO(content))):
            raise StoreFullError("the disk is full")

    for content in (b"new", b"there before"):
        with pytest.raises(StoreFullError):
            fail(content)
    assert [path.name for path in folder.iterdir()] == [stored]


def test_unreferenced_and_staged_blobs_are_removed(folder: Path) -> None:
    """A killed simulator leaves them."""
    uploads = BlobStore(folder)
    needed = store_content(uploads, b"needed")
    store_content(uploads, b"orphaned")
    uploads.stage(io.BytesIO(b"half"))
    uploads.remove_unreferenced({needed})
    assert [path.name for path in folder.iterdir()] == [needed]
