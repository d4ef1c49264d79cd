"""The bytes of uploads, kept once each under the SHA-256 of what they are."""

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

_CHUNK: Final = 1 << 20
_INCOMING: Final = "incoming-"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedBlob:
    """Bytes that have arrived and have no name yet. `size` in bytes."""

    path: Path
    sha256: str
    size: int


class BlobStore:
    """A folder of immutable blobs named by their content. A `lasting` one waits for the disk before a blob is kept."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self._folder = folder
        self._lasting = durable
        folder.mkdir(parents=True, exist_ok=True)

    def stage(self, source: BinaryIO) -> StagedBlob:
        """Copy `source` to its end in constant memory. Slow: not for the event loop.

        Raises:
            StoreFullError: the disk is full; nothing of it is left.
        """
        hashed, size = hashlib.sha256(), 0
        with (
            translate_disk_full_errors(),
            NamedTemporaryFile(dir=self._folder, prefix=_INCOMING, delete=False) as incoming,
        ):
            path = Path(incoming.name)
            try:
                while chunk := source.read(_CHUNK):
                    hashed.update(chunk)
                    size += len(chunk)
                    incoming.write(chunk)
                incoming.flush()
                if self._lasting:
                    os.fsync(incoming.fileno())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return StagedBlob(path=path, sha256=hashed.hexdigest(), size=size)

    @contextmanager
    def commit(self, staged: StagedBlob) -> Iterator[None]:
        """Give received bytes their name for what the block writes down of them; if that fails they go again.

        Between the two nobody may drop the same bytes.
        """
        kept = self._folder / staged.sha256
        new = not kept.exists()
        staged.path.replace(kept)
        try:
            if self._lasting:
                fsync_folder(self._folder)
            yield
        except BaseException:
            if new:
                kept.unlink()
            raise

    def discard(self, staged: StagedBlob) -> None:
        """Remove bytes that have arrived and will have no name."""
        staged.path.unlink(missing_ok=True)

    def remove_unreferenced(self, referenced: Collection[str]) -> None:
        """Remove what is not needed: the bytes of an upload that was cut off before it was written down."""
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
        """Read a blob through; return what is wrong with it, in words that follow its name, or None if it is whole."""
        path = self._folder / sha256
        if not path.is_file():
            return "is not there"
        with path.open("rb") as stream:
            whole = hashlib.file_digest(stream, "sha256").hexdigest() == sha256
        return None if whole else "does not hold what was written into it"

    def path(self, sha256: str) -> Path:
        """Return where a blob lies; it must not be written to."""
        return self._folder / sha256

    def delete(self, sha256: str) -> None:
        """Forget a blob; nothing happens when there is none."""
        (self._folder / sha256).unlink(missing_ok=True)
