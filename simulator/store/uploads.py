"""The bytes of uploads, kept once each under the SHA-256 of what they are."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Final

_CHUNK: Final = 1 << 20
_INCOMING: Final = "incoming-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """Bytes that have arrived and have no name yet. `size` in bytes."""

    path: Path
    sha256: str
    size: int


class Uploads:
    """A folder of immutable blobs named by their content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob(f"{_INCOMING}*"):  # of a simulator that was killed
            unfinished.unlink()

    def received(self, source: BinaryIO) -> Incoming:
        """Copy `source` to its end in constant memory. Slow: not for the event loop."""
        hashed, size = hashlib.sha256(), 0
        with NamedTemporaryFile(dir=self._folder, prefix=_INCOMING, delete=False) as incoming:
            path = Path(incoming.name)
            try:
                while chunk := source.read(_CHUNK):
                    hashed.update(chunk)
                    size += len(chunk)
                    incoming.write(chunk)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return Incoming(path=path, sha256=hashed.hexdigest(), size=size)

    def keep(self, incoming: Incoming) -> None:
        """Give received bytes their name.

        Whoever keeps bytes and then names them in the database must do both where nobody can drop them in between.
        """
        incoming.path.replace(self._folder / incoming.sha256)

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
