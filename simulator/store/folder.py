"""The data folder: one simulator at a time, and only a folder that this version can read."""

import fcntl
from pathlib import Path
from typing import TextIO


class DataFolderError(Exception):
    """A data folder that cannot be used; the message says which, why, and what to do. The folder is as it was."""


def claimed(folder: Path) -> TextIO:
    """Make the folder if need be and lock it until the returned file is closed; a kill unlocks it too.

    Raises:
        DataFolderError: it cannot be made or written, or another simulator has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise DataFolderError(
            f"{folder} cannot be used: {error.strerror}. Choose another folder with --data."
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise DataFolderError(f"{folder} is in use by another simulator. Stop it, or choose another folder.") from None
    return lock
