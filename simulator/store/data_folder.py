"""The data folder of a simulator. It is locked, so that only one simulator uses it, and its format is checked.

    DIR/lock               locked by the simulator that uses the folder
    DIR/simulator.json     the manifest: the format, and the name of the current state folder
    DIR/state-1/           the state: database, uploads, requests to AWS, environments of functions

A reset completes the next state folder before it changes the manifest, so a kill leaves the old or the new state. A
non-empty folder without a manifest is not a data folder, or is damaged: nothing in it is changed.
"""

import json
import os
import re
from pathlib import Path
from typing import Final, TextIO

from simulator.store.temporary_folder import LOCK, create_temporary_folder, remove_folder, try_lock

FORMAT_VERSION: Final = 3

_MANIFEST: Final = "simulator.json"
_TEMPORARY_MANIFEST: Final = f"{_MANIFEST}.new"
_STATE_PREFIX: Final = "state-"
_STATE_NAME: Final = re.compile(rf"{_STATE_PREFIX}[1-9][0-9]*")  # not the name of a user's copy
_TEMPORARY_PREFIX: Final = "rft-sim-"
_FORMAT_2_DATABASE: Final = "simulator.sqlite"  # the database of format 2
_OWNER_ONLY: Final = 0o700  # Lambda functions may hold secrets


class DataFolderError(Exception):
    """The data folder cannot be used; the message says which, why and what to do. The folder is unchanged."""


class DataFolder:
    """A folder that this simulator holds exclusively until `close` or the end of the process.

    With `path` None it is a temporary folder, which `close` removes.
    """

    def __init__(self, path: Path | None) -> None:
        """Create the folder if necessary, lock it and read its manifest.

        Raises:
            DataFolderError: it cannot be created, written or read, or another simulator uses it.
        """
        self._is_temporary = path is None
        self._path, self._lock = _claim(path) if path else create_temporary_folder(_TEMPORARY_PREFIX)
        try:
            self._state = self._read_manifest()
        except DataFolderError:
            self._lock.close()
            raise
        for folder in self._path.iterdir():  # left by an interrupted reset or first start
            if folder.name != self._state and _STATE_NAME.fullmatch(folder.name):
                remove_folder(folder)

    @property
    def state_folder(self) -> Path | None:
        """The current state folder, or None."""
        return self._path / self._state if self._state else None

    def create_state_folder(self) -> Path:
        """Create an empty folder for a new state. `activate` makes it the current one."""
        number = int(self._state.removeprefix(_STATE_PREFIX)) + 1 if self._state else 1
        folder = self._path / f"{_STATE_PREFIX}{number}"
        remove_folder(folder)  # left by a failed attempt
        folder.mkdir(mode=_OWNER_ONLY)
        return folder

    def activate(self, state: Path) -> None:
        """Make a folder the current state folder."""
        if not self._is_temporary:
            _write_manifest(self._path, state.name)
        self._state = state.name

    def close(self) -> None:
        """Unlock the folder; a temporary one is removed."""
        if self._is_temporary:
            remove_folder(self._path)
        self._lock.close()

    def _read_manifest(self) -> str | None:
        if self._is_temporary:
            return None
        manifest = self._path / _MANIFEST
        try:
            content = json.loads(manifest.read_text())
            format_version, state = int(content["format"]), content["state"]
        except OSError as error:
            raise unusable_folder_error(self._path, f"{manifest.name} cannot be read: {error.strerror}") from None
        except (ValueError, LookupError, TypeError):
            raise unusable_folder_error(self._path, f"it is damaged: {manifest.name} names no state") from None
        if format_version != FORMAT_VERSION:
            age = "a newer" if format_version > FORMAT_VERSION else "an older"
            raise unusable_folder_error(
                self._path, f"{age} version wrote it (format {format_version}, this is {FORMAT_VERSION})"
            )
        if state is None:  # left by an interrupted first start
            return None
        if not (isinstance(state, str) and _STATE_NAME.fullmatch(state) and (self._path / state).is_dir()):
            raise unusable_folder_error(self._path, f"it is damaged: there is no folder {state!r} in it")
        return state


def _write_manifest(folder: Path, state: str | None) -> None:
    temporary = folder / _TEMPORARY_MANIFEST
    with temporary.open("w") as manifest:
        json.dump({"format": FORMAT_VERSION, "state": state}, manifest)
        manifest.flush()
        os.fsync(manifest.fileno())
    temporary.replace(folder / _MANIFEST)
    fsync_folder(folder)


def fsync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unusable_folder_error(folder: Path, reason: str) -> DataFolderError:
    """Return the error for a folder that stays unchanged."""
    return DataFolderError(f"{folder} cannot be used: {reason}. It is unchanged; choose another folder with --data.")


def _claim(folder: Path) -> tuple[Path, TextIO]:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY)
        _check_is_data_folder(folder)
        lock = (folder / LOCK).open("a")
    except OSError as error:
        raise _io_error(folder, error) from None
    if not try_lock(lock):
        lock.close()
        raise DataFolderError(f"{folder} is in use by another simulator. Stop it, or choose another folder.")
    try:
        if not (folder / _MANIFEST).exists():
            _write_manifest(folder, None)
    except OSError as error:
        lock.close()
        raise _io_error(folder, error) from None
    return folder, lock


def _check_is_data_folder(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    if _MANIFEST in names or names <= {LOCK, _TEMPORARY_MANIFEST}:
        return
    if _FORMAT_2_DATABASE in names:
        raise unusable_folder_error(folder, f"an older version wrote it (format 2, this is {FORMAT_VERSION})")
    raise unusable_folder_error(folder, f"it is not empty and not a simulator's: it has no {_MANIFEST}")


def _io_error(folder: Path, error: OSError) -> DataFolderError:
    return DataFolderError(f"{folder} cannot be used: {error.strerror}. Choose another folder with --data.")
