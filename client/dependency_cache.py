"""Installed requirements, cached as zips by the hash of what they were installed from.

A zip and its record come into the cache by one rename, so a run that is cut off leaves nothing that looks complete.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final

from client.dependency_archive import Dependencies, PackedFile, list_installed, list_projects, pack_installed
from client.dependency_installer import LambdaPlatform, find_installer, install
from client.errors import UsageError
from client.interrupts import clean_up_on_signal
from client.package_size import require_unpacked_size
from client.progress import StepProgress
from client.requirements import Requirements

OpenProgress = Callable[[str], AbstractContextManager[StepProgress]]

# A new way of packing makes new entries.
_FORMAT: Final = 1

_ZIP_NAME, _RECORD_NAME = "packages.zip", "packages.json"


def provide_dependencies(
    requirements: Requirements,
    target: LambdaPlatform,
    *,
    cache_folder: Path,
    refreshes: bool,
    open_progress: OpenProgress,
    notify: Callable[[str], None],
) -> Dependencies:
    """Return installed requirements from the cache, or install them into it. The second time needs no network.

    Args:
        requirements: what to install.
        target: the platform to install for.
        cache_folder: the cache of this program.
        refreshes: install again, although the cache has them.
        open_progress: returns a context manager that shows a step and yields a `StepProgress`.
        notify: receives warnings.

    Raises:
        UsageError: they cannot be installed, they are too large, or the cache cannot be written.
        Unreachable: the package index did not answer.
    """
    key = hashlib.sha256(
        f"{_FORMAT} {requirements.digest} {target.runtime} {target.architecture}".encode()
    ).hexdigest()[:32]
    entry = cache_folder / "dependencies" / key
    source = requirements.file.name
    if not refreshes and (dependencies := _read_entry(entry, source=source, is_cached=True)):
        return dependencies
    try:
        (entry.parent).mkdir(parents=True, exist_ok=True)
        (cache_folder / "logs").mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"The cache {cache_folder} cannot be written: {error.strerror}.",
            next_step="Set XDG_CACHE_HOME to a folder that you may write.",
        ) from error
    with _lock(entry.with_suffix(".lock"), notify=notify):
        # Another run may have installed them meanwhile.
        if not refreshes and (dependencies := _read_entry(entry, source=source, is_cached=True)):
            return dependencies
        _remove_partial_entries(entry)
        _install_into(
            entry,
            requirements,
            target,
            log_file=cache_folder / "logs" / f"{key}.log",
            open_progress=open_progress,
            notify=notify,
        )
        dependencies = _read_entry(entry, source=source, is_cached=False)
    if dependencies is None:
        raise UsageError(f"The cache {entry} was changed by another program.", next_step="Run the same command again.")
    return dependencies


def _install_into(
    entry: Path,
    requirements: Requirements,
    target: LambdaPlatform,
    *,
    log_file: Path,
    open_progress: OpenProgress,
    notify: Callable[[str], None],
) -> None:
    installer = find_installer(target)
    if installer.reads_markers_here:  # the markers of dependencies too, which no line shows
        notify(
            f"pip reads the markers of dependencies, such as `python_version < '3.11'`, for this machine's Python and "
            f"not for {target}, so a dependency can be missing. Install uv, which reads them for the function."
        )
    partial = Path(tempfile.mkdtemp(prefix=f"{entry.name}.partial-", dir=entry.parent))

    def remove() -> None:
        shutil.rmtree(partial, ignore_errors=True)

    with clean_up_on_signal(remove):
        try:
            folder, result = partial / "installed", partial / "result"
            result.mkdir()
            file = requirements.file.absolute()
            if file.suffix == ".toml":
                file = partial / "requirements.txt"
                file.write_text("\n".join(requirements.lines) + "\n", encoding="utf-8")
            with open_progress(f"installing {requirements.file} for {target}") as progress:
                install(
                    installer,
                    file,
                    target=target,
                    folder=folder,
                    working_folder=requirements.file.absolute().parent,
                    log_file=log_file,
                    report=progress.describe,
                )
            paths = list_installed(folder)
            sizes = {name: path.stat().st_size for name, path in paths.items()}
            require_unpacked_size(sizes, location=f"What {requirements.file} installs")
            with open_progress(f"packing what {requirements.file} installs") as progress:
                files = pack_installed(paths, result / _ZIP_NAME, progress=progress)
            record = {
                "files": {name: [file.size, file.is_executable, file.sha256] for name, file in files.items()},
                "platform": str(target),
                "resolved": list_projects(folder),
                "zip_sha256": hashlib.sha256((result / _ZIP_NAME).read_bytes()).hexdigest(),
            }
            (result / _RECORD_NAME).write_text(json.dumps(record, sort_keys=True), encoding="utf-8")
            if entry.exists():  # refreshed, or damaged
                entry.rename(partial / "old")
            result.rename(entry)
        finally:
            remove()


def _read_entry(entry: Path, *, source: str, is_cached: bool) -> Dependencies | None:
    """Return what the cache has, or None if it has nothing or something that is damaged."""
    try:
        record = json.loads((entry / _RECORD_NAME).read_bytes())
        zip_bytes = (entry / _ZIP_NAME).read_bytes()
        if hashlib.sha256(zip_bytes).hexdigest() != record["zip_sha256"]:
            return None
        return Dependencies(
            source=source,
            zip_bytes=zip_bytes,
            files={
                name: PackedFile(size=size, is_executable=is_executable, sha256=sha256)
                for name, (size, is_executable, sha256) in record["files"].items()
            },
            resolved=tuple(record["resolved"]),
            is_cached=is_cached,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@contextmanager
def _lock(path: Path, *, notify: Callable[[str], None]) -> Iterator[None]:
    """Let one run at a time install the same requirements."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notify("another run installs the same requirements; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:  # some network file systems have no locks, and the rename is enough for a sound cache
            pass
        yield


def _remove_partial_entries(entry: Path) -> None:
    """Remove what runs left that were killed. No other run is at work here, because the lock is held."""
    for path in entry.parent.glob(f"{entry.name}.partial-*"):
        with suppress(OSError):
            shutil.rmtree(path)
