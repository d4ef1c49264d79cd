"""Environments with namespaces of their own."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.interpreters import Interpreter
from simulator.lambdas.isolation import EnvironmentPaths
from simulator.lambdas.managed_runtime import runtime_package_sources
from simulator.lambdas.sandbox.environment_check import check_environment
from simulator.lambdas.sandbox.id_maps import can_map_function_user
from simulator.lambdas.sandbox.launcher import (
    EnvironmentRequest,
    Launcher,
    LauncherExitedError,
    NamespaceProcess,
    SandboxUnavailableError,
)
from simulator.lambdas.sandbox.packages import Package, PackageStore
from simulator.lambdas.sandbox.root_folder import BOOTSTRAP, RootFolder

_WORKER_MAIN: Final = Path(__file__).parents[1] / "worker_main.py"

# Below the prefix of an interpreter: Debian's python3 has the second.
_INSTALLED_PACKAGES: Final = (
    "lib/python3*/*-packages",
    "local/lib/python3*/*-packages",
    "lib64/python3*/*-packages",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxFiles:
    """The package of one environment, and the launchers that start its process."""

    paths: EnvironmentPaths
    package: Package
    isolation: "SandboxIsolation"
    interpreter: Interpreter
    tmp_mb: int

    def start(self, command: Sequence[str], *, variables: Mapping[str, str], log_fd: int) -> NamespaceProcess:
        """Start a process in new namespaces. Its /tmp is empty.

        Raises:
            OSError: it cannot be started.
        """
        request = EnvironmentRequest(
            argv=command,
            environment=variables,
            task=self.package.task,
            opt=self.package.opt,
            tmp_mb=self.tmp_mb,
        )
        try:
            return self.isolation.launcher_for(self.interpreter).start(request, log_fd=log_fd)
        except LauncherExitedError:  # the user or the system killed it
            return self.isolation.launcher_for(self.interpreter).start(request, log_fd=log_fd)

    def to_aws_paths(self, text: bytes) -> bytes:
        """Return the text: the paths are those of AWS."""
        return text

    def remove(self) -> None:
        """Release the package."""
        self.isolation.packages.release(self.package)


class SandboxIsolation:
    """Starts one launcher per interpreter. Safe from any thread."""

    reason: None = None

    def __init__(self, folder: Path, *, interpreter: Interpreter, may_have_own_user: bool = True) -> None:
        """Start the launcher of `interpreter` in the pool's folder.

        Without `may_have_own_user`, functions run as the simulator's user even if the simulator runs as root.

        Raises:
            SandboxUnavailableError: this machine does not let the simulator create namespaces.
        """
        self._folder = folder
        self._may_have_own_user = may_have_own_user and os.geteuid() == 0 and can_map_function_user()
        self._lock = Lock()
        self._launchers: dict[Interpreter, Launcher] = {}
        self._is_closed = False
        self.packages = PackageStore(folder / "packages")
        self.launcher_for(interpreter)

    def create_files(self, spec: FunctionSpec, *, interpreter: Interpreter) -> SandboxFiles:
        """Unpack the package of a function, or use one that is unpacked already.

        Raises:
            InvalidZipFile: it cannot be unpacked.
            OSError: the launcher of another interpreter cannot be started.
        """
        launcher = self.launcher_for(interpreter)
        return SandboxFiles(
            paths=EnvironmentPaths(
                task="/var/task",
                opt="/opt",
                tmp="/tmp",  # noqa: S108 - the environment's own
                home=None,
                runtime="/var/runtime",
                bootstrap=BOOTSTRAP,
                python=_path_inside(interpreter),
                python_version=interpreter.version,
            ),
            package=self.packages.acquire(spec, for_owner=not launcher.has_own_user),
            isolation=self,
            interpreter=interpreter,
            tmp_mb=spec.ephemeral_storage_mb,
        )

    def close(self) -> None:
        """End the launchers, and with them every environment."""
        with self._lock:
            self._is_closed = True
            launchers, self._launchers = list(self._launchers.values()), {}
        for launcher in launchers:
            launcher.close()

    def launcher_for(self, interpreter: Interpreter) -> Launcher:
        """Return the launcher of an interpreter, started if there is none or if it was killed.

        Raises:
            LauncherExitedError: everything was closed.
            SandboxUnavailableError: it cannot be started.
        """
        with self._lock:
            if self._is_closed:
                raise LauncherExitedError("the simulator is shutting down")
            launcher = self._launchers.get(interpreter)
            if launcher is None or not launcher.is_alive:
                if launcher is not None:
                    launcher.close()
                launcher = self._start_launcher(interpreter)
                self._launchers[interpreter] = launcher
        return launcher

    def _start_launcher(self, interpreter: Interpreter) -> Launcher:
        root_folder = self._root_folder(interpreter)
        if self._may_have_own_user:
            # It fails where others may not read the interpreter: root installed it with the umask 077.
            with suppress(SandboxUnavailableError):
                return _start_checked_launcher(root_folder, interpreter, has_own_user=True)
        return _start_checked_launcher(root_folder, interpreter, has_own_user=False)

    def _root_folder(self, interpreter: Interpreter) -> RootFolder:
        mount_point = self._folder / "root"
        mount_point.mkdir(exist_ok=True)
        return RootFolder(
            mount_point=os.fspath(mount_point),
            pool=os.fspath(self._folder),
            interpreter=os.fspath(interpreter.prefix),
            hidden=[
                os.fspath(path.relative_to(interpreter.prefix))
                for pattern in _INSTALLED_PACKAGES
                for path in interpreter.prefix.glob(pattern)
                if path.is_dir() and not path.is_symlink()
            ],
            runtime=[os.fspath(source) for source in runtime_package_sources()],
            bootstrap=os.fspath(_WORKER_MAIN),
        )


def _start_checked_launcher(root_folder: RootFolder, interpreter: Interpreter, *, has_own_user: bool) -> Launcher:
    launcher = Launcher(root_folder, has_own_user=has_own_user)
    try:
        check_environment(launcher, python=_path_inside(interpreter))
    except BaseException:
        launcher.close()
        raise
    return launcher


def _path_inside(interpreter: Interpreter) -> str:
    return f"/var/lang/{interpreter.executable.relative_to(interpreter.prefix)}"
