"""Environments without namespaces: folders of their own in this machine's file system, and a process group."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from simulator.lambdas import memory
from simulator.lambdas.archive import unpack
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.interpreters import Interpreter
from simulator.lambdas.isolation import EnvironmentPaths
from simulator.lambdas.managed_runtime import link_runtime_packages
from simulator.store.temporary_folder import remove_folder

_WORKER_MAIN: Final = Path(__file__).with_name("worker_main.py")


class PlainProcess:
    """A function in its own process group. It ends when the simulator exits."""

    def __init__(self, command: Sequence[str], *, folder: str, variables: Mapping[str, str], log_fd: int) -> None:
        """Start it.

        Raises:
            OSError: it cannot be started.
        """
        child_end, self._parent_pipe = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - running the deployed function is the purpose
                [*command, f"--parent-pipe={child_end}"],
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log_fd,
                stderr=log_fd,
                start_new_session=True,
                pass_fds=(child_end,),
            )
        except OSError:
            os.close(self._parent_pipe)
            raise
        finally:
            os.close(child_end)

    @property
    def pid(self) -> int:
        """The id of the function's process."""
        return self._process.pid

    @property
    def return_code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._process.poll()

    def process_ids(self) -> list[int]:
        """Return the function's process and its descendants."""
        return [self.pid, *memory.descendants(self._process.pid)]

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended, up to `seconds`."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def kill(self) -> None:
        """Kill the process group. Safe from any thread."""
        if self._parent_pipe < 0:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # it has ended; macOS raises EPERM for a group of zombies

    def close(self) -> None:
        """Kill the process group and wait for the function's process."""
        self.kill()
        self._process.wait()
        if self._parent_pipe >= 0:
            os.close(self._parent_pipe)
            self._parent_pipe = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFiles:
    """The folders of one environment. All environments share `runtime`."""

    root: Path
    paths: EnvironmentPaths

    def start(self, command: Sequence[str], *, variables: Mapping[str, str], log_fd: int) -> PlainProcess:
        """Start a process.

        Raises:
            OSError: it cannot be started.
        """
        return PlainProcess(command, folder=self.paths.task, variables=variables, log_fd=log_fd)

    def to_aws_paths(self, text: bytes) -> bytes:
        """Replace the paths of these folders by their AWS paths."""
        if os.fsencode(self.root.parent) not in text:
            return text
        paths = self.paths
        for local_path, aws_path in (
            (paths.task, b"/var/task"),
            (paths.opt, b"/opt"),
            (paths.tmp, b"/tmp"),
            (paths.runtime, b"/var/runtime"),
        ):
            text = text.replace(os.fsencode(local_path), aws_path)
        return text

    def remove(self) -> None:
        """Remove the folders."""
        remove_folder(self.root)


class FolderIsolation:
    """Creates the folders of each environment."""

    def __init__(self, folder: Path, *, reason: str) -> None:
        """Create the shared runtime folder in the pool's folder."""
        self.reason = reason
        self._folder = folder
        self._numbers = count(1)
        link_runtime_packages(folder / "runtime")

    def create_files(self, spec: FunctionSpec, *, interpreter: Interpreter) -> FolderFiles:
        """Unpack the package and the layers of a function.

        Raises:
            InvalidZipFile: one of them cannot be unpacked; no file is left.
        """
        root = self._folder / f"environment-{next(self._numbers)}"
        root.mkdir()
        try:
            unpack(
                code=spec.code,
                layers=spec.layers,
                task_folder=root / "task",
                opt_folder=root / "opt",
                for_owner=os.geteuid() != 0,
            )
        except BaseException:
            remove_folder(root)
            raise
        (root / "tmp").mkdir()
        return FolderFiles(
            root=root,
            paths=EnvironmentPaths(
                task=os.fspath(root / "task"),
                opt=os.fspath(root / "opt"),
                tmp=os.fspath(root / "tmp"),
                home=os.fspath(root / "tmp"),
                runtime=os.fspath(self._folder / "runtime"),
                bootstrap=os.fspath(_WORKER_MAIN),
                python=os.fspath(interpreter.executable),
                python_version=interpreter.version,
            ),
        )

    def close(self) -> None:
        """Nothing is left to release: the pool removes its folder."""
