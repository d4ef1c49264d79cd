"""A folder of blobs, each stored once, named by its SHA-256."""

import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Final

from simulator.store.data_folder import fsync_folder
from simulator.store.errors import translate_disk_full_errors

_CHUNK_BYTES: Final = 1 << 20
_STAGED_PREFIX: Final = "incoming-"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedBlob:
    """Received bytes that are not committed yet. `size` is in bytes."""

    path: Path
    sha256: str
    size: int


class BlobStore:
    """A folder of immutable blobs named by their SHA-256. With `durable`, writes are synced to disk."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        self._durable = durable
        folder.mkdir(parents=True, exist_ok=True)

    def stage(self, source: BinaryIO) -> StagedBlob:
        """Copy `source` to its end in constant memory. Slow: not for the event loop.

        Raises:
            StoreFullError: the disk is full; no file is left.
        """
        digest, size = hashlib.sha256(), 0
        with (
            translate_disk_full_errors(),
            NamedTemporaryFile(dir=self._folder, prefix=_STAGED_PREFIX, delete=False) as staged,
        ):
            path = Path(staged.name)
            try:
                while chunk := source.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    size += len(chunk)
                    staged.write(chunk)
                staged.flush()
                if self._durable:
                    os.fsync(staged.fileno())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return StagedBlob(path=path, sha256=digest.hexdigest(), size=size)

    @contextmanager
    def commit(self, staged: StagedBlob) -> Iterator[None]:
        """Give staged bytes their name, then run the block that records them; if it fails, remove a new blob.

        The same bytes must not be deleted meanwhile.
        """
        blob = self._folder / staged.sha256
        is_new = not blob.exists()
        staged.path.replace(blob)
        try:
            if self._durable:
                fsync_folder(self._folder)
            yield
        except BaseException:
            if is_new:
                blob.unlink()
            raise

    def discard(self, staged: StagedBlob) -> None:
        """Remove staged bytes."""
        staged.path.unlink(missing_ok=True)

    def remove_unreferenced(self, referenced: Collection[str]) -> None:
        """Remove all blobs that are not `referenced`. An interrupted upload leaves such a blob."""
        for blob in self._folder.iterdir():
            if blob.name not in referenced:
                blob.unlink()

    @contextmanager
    def open(self, sha256: str) -> Iterator[BinaryIO]:
        """Open a blob for reading.

        Raises:
            FileNotFoundError: no such blob.
        """
        with (self._folder / sha256).open("rb") as stream:
            yield stream

    def find_corruption(self, sha256: str) -> str | None:
        """Read a whole blob; return its problem, such as "is missing", or None."""
        path = self._folder / sha256
        if not path.is_file():
            return "is missing"
        with path.open("rb") as stream:
            is_intact = hashlib.file_digest(stream, "sha256").hexdigest() == sha256
        return None if is_intact else "has changed since it was written"

    def path(self, sha256: str) -> Path:
        """Return the path of a blob, which must not be written to."""
        return self._folder / sha256

    def delete(self, sha256: str) -> None:
        """Delete a blob, if it exists."""
        (self._folder / sha256).unlink(missing_ok=True)
