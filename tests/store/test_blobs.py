"""The bytes of uploads: once each, whole or not at all, in constant memory."""

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
    """A source of very many bytes that has none of them; it notes the largest piece that was asked for."""

    def __init__(self, size: int) -> None:
        self._left = size
        self.largest = 0

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes."""
        assert size > 0, "the source was asked for everything at once"
        self.largest = max(self.largest, size)
        given_out = min(size, self._left)
        self._left -= given_out
        return bytes(given_out)


class BrokenStream:
    """A source that fails after a first piece, as a connection does."""

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
    """Keep some bytes; return their name."""
    incoming = uploads.stage(io.BytesIO(content))
    with uploads.commit(incoming):
        return incoming.sha256


@given(st.binary(max_size=4096))
def test_the_bytes_that_come_back_are_the_bytes_that_went_in(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """And they lie under the SHA-256 of what they are."""
    uploads = BlobStore(tmp_path_factory.mktemp("uploads"))
    incoming = uploads.stage(io.BytesIO(content))
    with uploads.commit(incoming):
        pass
    with uploads.open(incoming.sha256) as stream:
        assert stream.read() == content
    assert (incoming.sha256, incoming.size) == (hashlib.sha256(content).hexdigest(), len(content))


def test_the_same_bytes_are_kept_once(folder: Path) -> None:
    """However often they are uploaded."""
    uploads = BlobStore(folder)
    names = {store_content(uploads, b"same") for _ in range(3)}
    assert [path.name for path in folder.iterdir()] == list(names)


def test_a_source_that_breaks_leaves_nothing(folder: Path) -> None:
    """A blob appears under its name only when it is whole."""
    with pytest.raises(OSError, match="connection"):
        BlobStore(folder).stage(cast("BinaryIO", BrokenStream()))
    assert list(folder.iterdir()) == []


def test_a_large_source_is_copied_in_constant_memory(folder: Path) -> None:
    """64 MB go through without more than a few pieces of 1 MB being held."""
    source = ZeroStream(64 << 20)
    tracemalloc.start()
    try:
        size = BlobStore(folder).stage(cast("BinaryIO", source)).size
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (size, source.largest) == (64 << 20, 1 << 20)
    assert peak < 8 << 20


def test_a_dropped_blob_is_gone_and_dropping_it_again_is_nothing(folder: Path) -> None:
    """Two deletions may race."""
    uploads = BlobStore(folder)
    name = store_content(uploads, b"x")
    uploads.delete(name)
    uploads.delete(name)
    with pytest.raises(FileNotFoundError), uploads.open(name):
        pass


def test_blobs_outlive_the_object_that_kept_them(folder: Path) -> None:
    """A restart on the same folder finds them."""
    name = store_content(BlobStore(folder), b"kept")
    assert BlobStore(folder).path(name).read_bytes() == b"kept"


@pytest.mark.parametrize("lasting", [False, True])
def test_bytes_that_cannot_be_written_down_are_not_kept(folder: Path, lasting: bool) -> None:
    """Unless they were there before."""
    uploads = BlobStore(folder, durable=lasting)
    there = store_content(uploads, b"there before")

    def fail(content: bytes) -> None:
        with uploads.commit(uploads.stage(io.BytesIO(content))):
            raise StoreFullError("no room to write it down")

    for content in (b"new", b"there before"):
        with pytest.raises(StoreFullError):
            fail(content)
    assert [path.name for path in folder.iterdir()] == [there]


def test_what_a_killed_simulator_left_unfinished_is_swept_away(folder: Path) -> None:
    """Bytes that never got their name, and bytes that nothing names."""
    uploads = BlobStore(folder)
    needed = store_content(uploads, b"needed")
    store_content(uploads, b"orphaned")
    uploads.stage(io.BytesIO(b"half"))
    uploads.remove_unreferenced({needed})
    assert [path.name for path in folder.iterdir()] == [needed]
