"""The data folder: one simulator at a time, and only a folder that this version can read.

    DIR/lock               held by the simulator that uses it
    DIR/simulator.json     the format, and which of the folders beside it holds the state
    DIR/state-1/           the state: database, uploads, requests to AWS, environments of functions

A reset makes the next state whole before it is written down which one counts, so a kill leaves the one or the other. A
folder that holds anything and no manifest is somebody else's, or has lost it: nothing in it is touched.
"""

import fcntl
import json
import os
import re
import shutil
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Final, TextIO

FORMAT_VERSION: Final = 3

_LOCK: Final = "lock"
_MANIFEST: Final = "simulator.json"
_MANIFEST_IN_THE_MAKING: Final = f"{_MANIFEST}.new"
_STATE: Final = "state-"
_STATE_NAME: Final = re.compile(rf"{_STATE}[1-9][0-9]*")  # what `fresh` makes; a copy has some other name
_TEMPORARY: Final = "rft-sim-"
_FORMER: Final = "simulator.sqlite"  # where format 2 had its database
_OWNER_ONLY: Final = 0o700  # functions may hold secrets of their users


class DataFolderError(Exception):
    """A data folder that cannot be used; the message says which, why, and what to do. The folder is as it was."""


class DataFolder:
    """A folder that this simulator has to itself until it is closed; a kill gives it up, too.

    `path` None is a temporary folder, which is removed when it is closed.
    """

    def __init__(self, path: Path | None) -> None:
        """Claim the folder, made if need be, and see what it holds.

        Raises:
            DataFolderError: it cannot be made, written or read, or another simulator has it.
        """
        self._temporary = path is None
        self._path, self._lock = _claimed(path) if path else _temporary()
        try:
            self._state = self._read()
        except DataFolderError:
            self._lock.close()
            raise
        for other in self._path.iterdir():  # of a reset or a first start that was cut off
            if other.name != self._state and _STATE_NAME.fullmatch(other.name):
                shutil.rmtree(other, ignore_errors=True)

    @property
    def state_folder(self) -> Path | None:
        """The folder that holds the state; None as long as there is none."""
        return self._path / self._state if self._state else None

    def create_state_folder(self) -> Path:
        """Make an empty folder for another state. It counts once it is kept."""
        number = int(self._state.removeprefix(_STATE)) + 1 if self._state else 1
        fresh = self._path / f"{_STATE}{number}"
        shutil.rmtree(fresh, ignore_errors=True)  # of an attempt that failed
        fresh.mkdir(mode=_OWNER_ONLY)
        return fresh

    def activate(self, state: Path) -> None:
        """Write down that this folder holds the state from now on."""
        if not self._temporary:
            _write_manifest(self._path, state.name)
        self._state = state.name

    def close(self) -> None:
        """Give the folder up; a temporary one is removed."""
        if self._temporary:
            shutil.rmtree(self._path, ignore_errors=True)
        self._lock.close()

    def _read(self) -> str | None:
        if self._temporary:
            return None
        manifest = self._path / _MANIFEST
        try:
            read = json.loads(manifest.read_text())
            form, state = int(read["format"]), read["state"]
        except OSError as error:
            raise unusable_folder_error(self._path, f"{manifest.name} cannot be read: {error.strerror}") from None
        except (ValueError, LookupError, TypeError):
            raise unusable_folder_error(self._path, f"it is damaged: {manifest.name} says nothing of a state") from None
        if form != FORMAT_VERSION:
            age = "a newer" if form > FORMAT_VERSION else "an older"
            raise unusable_folder_error(self._path, f"{age} version wrote it (format {form}, this is {FORMAT_VERSION})")
        if state is None:  # of a first start that was cut off
            return None
        if not (isinstance(state, str) and _STATE_NAME.fullmatch(state) and (self._path / state).is_dir()):
            raise unusable_folder_error(self._path, f"it is damaged: there is no folder {state!r} in it")
        return state


def _write_manifest(folder: Path, state: str | None) -> None:
    written = folder / _MANIFEST_IN_THE_MAKING
    with written.open("w") as manifest:
        json.dump({"format": FORMAT_VERSION, "state": state}, manifest)
        manifest.flush()
        os.fsync(manifest.fileno())
    written.replace(folder / _MANIFEST)
    fsync_folder(folder)


def fsync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unusable_folder_error(folder: Path, why: str) -> DataFolderError:
    """Return the error for a folder that is left as it is."""
    return DataFolderError(f"{folder} cannot be used: {why}. It is left as it is; choose another folder with --data.")


def _claimed(folder: Path) -> tuple[Path, TextIO]:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY)
        _refuse_others(folder)
        lock = (folder / _LOCK).open("a")
    except OSError as error:
        raise _impossible(folder, error) from None
    if not _locked(lock):
        lock.close()
        raise DataFolderError(f"{folder} is in use by another simulator. Stop it, or choose another folder.")
    try:
        if not (folder / _MANIFEST).exists():
            _write_manifest(folder, None)
    except OSError as error:
        lock.close()
        raise _impossible(folder, error) from None
    return folder, lock


def _refuse_others(folder: Path) -> None:
    found = {path.name for path in folder.iterdir()}
    if _MANIFEST in found or found <= {_LOCK, _MANIFEST_IN_THE_MAKING}:
        return
    if _FORMER in found:
        raise unusable_folder_error(folder, f"an older version wrote it (format 2, this is {FORMAT_VERSION})")
    raise unusable_folder_error(folder, f"it is not empty, and no simulator's: it has no {_MANIFEST}")


def _impossible(folder: Path, error: OSError) -> DataFolderError:
    return DataFolderError(f"{folder} cannot be used: {error.strerror}. Choose another folder with --data.")


def _temporary() -> tuple[Path, TextIO]:
    for left in Path(gettempdir()).glob(f"{_TEMPORARY}*"):
        _remove_if_left(left)
    while True:
        folder = Path(mkdtemp(prefix=_TEMPORARY))
        lock = (folder / _LOCK).open("a")
        if _locked(lock) and (folder / _LOCK).exists():
            return folder, lock
        lock.close()  # another start took it for one that was left, before it was locked


def _remove_if_left(folder: Path) -> None:
    """Remove a temporary folder whose simulator was killed: nobody holds its lock."""
    try:
        with (folder / _LOCK).open("r+") as lock:
            if _locked(lock):
                shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # another user's, or no folder of ours
        return


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
