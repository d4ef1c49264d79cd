"""Temporary folders that the next start removes if the process that created them was killed."""

import fcntl
import os
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Final, TextIO

LOCK: Final = "lock"
"""The file that the owner of a folder keeps locked."""


def create_temporary_folder(prefix: str) -> tuple[Path, TextIO]:
    """Create a folder whose name begins with `prefix`; return it with its lock, which the caller keeps open.

    Abandoned folders with the same prefix are removed first.
    """
    for abandoned in Path(gettempdir()).glob(f"{prefix}*"):
        _remove_if_abandoned(abandoned)
    while True:
        folder = Path(mkdtemp(prefix=prefix))
        lock = (folder / LOCK).open("a")
        if try_lock(lock) and (folder / LOCK).exists():
            return folder, lock
        lock.close()  # another start removed it as abandoned before it was locked


def remove_folder(folder: Path) -> None:
    """Remove a folder and what is in it, whatever the modes are. A folder that does not exist is no error."""
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        return
    for path, names, _ in os.walk(folder):  # folders of a package that its owner may not read
        for inner in (Path(path, name) for name in names):
            if not inner.is_symlink():
                with suppress(OSError):
                    inner.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def try_lock(lock: TextIO) -> bool:
    """Lock an open file, and return whether that was possible."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_if_abandoned(folder: Path) -> None:
    """Remove a temporary folder that is not locked, because its process was killed."""
    try:
        with (folder / LOCK).open("r+") as lock:
            if try_lock(lock):
                remove_folder(folder)
    except OSError:  # another user's, or not ours
        return
