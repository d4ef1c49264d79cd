"""The files of a reward folder that go into its zip."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.errors import UsageError

_EXECUTABLE: Final = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH

_KIND_NAMES: Final = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFile:
    """A file for a zip: its path in the zip, its path on this machine, its size in bytes."""

    name: str
    path: Path
    size: int
    is_executable: bool

    def sha256(self) -> str:
        """Return the hash of the content, hexadecimal."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def list_files(folder: Path) -> tuple[PackageFile, ...]:
    """Return the files of `folder`, sorted by name, without caches and hidden files. Links inside it are followed.

    Raises:
        UsageError: a link leads out of the folder or to nothing, or a file is a pipe, a socket or a device.
    """
    root = folder.resolve()
    return tuple(sorted(_walk(folder, folder=folder, root=root, parents=(root,)), key=lambda file: file.name))


def is_excluded(name: str) -> bool:
    """True for the name of a hidden file, a cache of Python, or a folder of one of these."""
    return name.startswith(".") or name == "__pycache__" or name.endswith(".pyc")


def _walk(parent: Path, *, folder: Path, root: Path, parents: tuple[Path, ...]) -> Iterator[PackageFile]:
    for path in parent.iterdir():
        if is_excluded(path.name):
            continue
        if not _is_unicode(path.name):
            raise UsageError(
                f"{parent} holds a file whose name is not UTF-8, which a zip cannot hold: {path.name!a}",
                next_step="Rename it or remove it.",
            )
        if path.is_symlink():
            _require_inside(path, root=root)
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            resolved = path.resolve()
            if resolved in parents:
                raise UsageError(
                    f"{path} is a link to a folder that contains it.", next_step="Remove the link, which has no end."
                )
            yield from _walk(path, folder=folder, root=root, parents=(*parents, resolved))
        elif stat.S_ISREG(status.st_mode):
            yield PackageFile(
                name=path.relative_to(folder).as_posix(),
                path=path,
                size=status.st_size,
                is_executable=bool(status.st_mode & _EXECUTABLE),
            )
        else:
            kind = _KIND_NAMES.get(stat.S_IFMT(status.st_mode), "not a file")
            raise UsageError(f"{path} is {kind}, which a zip cannot hold.", next_step="Remove it from the folder.")


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _require_inside(path: Path, *, root: Path) -> None:
    # A link to a file elsewhere would put that file into the zip.
    target = path.resolve()
    if not target.is_relative_to(root):
        raise UsageError(
            f"{path} is a link to {target}, outside the folder; such links are not packed.",
            next_step="Replace the link with a copy if the reward function needs it, or remove it.",
        )
    if not target.exists():
        raise UsageError(f"{path} is a link to {target}, which does not exist.", next_step="Remove the link.")
