"""The bytes of uploads, kept once each under the SHA-256 of what they are."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Final

_CHUNK: Final = 1 << 20
_INCOMING: Final = "incoming-"


class Uploads:
    """A folder of immutable blobs named by their content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob(f"{_INCOMING}*"):  # of a simulator that was killed
            unfinished.unlink()

    def keep(self, source: BinaryIO) -> tuple[str, int]:
        """Copy `source` to its end in constant memory; return its SHA-256 (hex) and its size in bytes.

        The blob appears under its name only when it is whole.
        """
        hashed, size = hashlib.sha256(), 0
        with NamedTemporaryFile(dir=self._folder, prefix=_INCOMING, delete=False) as incoming:
            path = Path(incoming.name)
            try:
                while chunk := source.read(_CHUNK):
                    hashed.update(chunk)
                    size += len(chunk)
                    incoming.write(chunk)
                incoming.flush()
                path.replace(self._folder / hashed.hexdigest())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return hashed.hexdigest(), size

    @contextmanager
    def reading(self, sha256: str) -> Iterator[BinaryIO]:
        """Open a blob for reading.

        Raises:
            FileNotFoundError: no such blob.
        """
        with (self._folder / sha256).open("rb") as stream:
            yield stream

    def path(self, sha256: str) -> Path:
        """Return where a blob lies; it must not be written to."""
        return self._folder / sha256

    def drop(self, sha256: str) -> None:
        """Forget a blob; nothing happens when there is none."""
        (self._folder / sha256).unlink(missing_ok=True)
