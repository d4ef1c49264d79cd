"""Environments with namespaces of their own."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.interpreters import Interpreter
from simulator.lambdas.isolation import EnvironmentPaths
from simulator.lambdas.managed_runtime import runtime_package_sources
from simulator.lambdas.sandbox.launcher import EnvironmentRequest, Launcher, NamespaceProcess
from simulator.lambdas.sandbox.packages import Package, PackageStore
from simulator.lambdas.sandbox.root_folder import BOOTSTRAP, RootFolder

_WORKER_MAIN: Final = Path(__file__).parents[1] / "worker_main.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxFiles:
    """The package of one environment, and the launcher that starts its process."""

    paths: EnvironmentPaths
    package: Package
    store: PackageStore
    launcher: Launcher
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
        return self.launcher.start(request, log_fd=log_fd)

    def to_aws_paths(self, text: bytes) -> bytes:
        """Return the text: the paths are those of AWS."""
        return text

    def remove(self) -> None:
        """Release the package."""
        self.store.release(self.package)


class SandboxIsolation:
    """Starts one launcher per interpreter. Safe from any thread."""

    reason: None = None

    def __init__(self, folder: Path, *, interpreter: Interpreter) -> None:
        """Start the launcher of `interpreter` in the pool's folder.

        Raises:
            SandboxUnavailableError: this machine does not let the simulator create namespaces.
        """
        self._folder = folder
        self._lock = Lock()
        self._launchers: dict[Interpreter, Launcher] = {}
        launcher = self._launcher_for(interpreter)
        self._packages = PackageStore(folder / "packages", for_owner=not launcher.has_own_user)

    def create_files(self, spec: FunctionSpec, *, interpreter: Interpreter) -> SandboxFiles:
        """Unpack the package of a function, or use one that is unpacked already.

        Raises:
            InvalidZipFile: it cannot be unpacked.
            OSError: the launcher of another interpreter cannot be started.
        """
        launcher = self._launcher_for(interpreter)
        return SandboxFiles(
            paths=EnvironmentPaths(
                task="/var/task",
                opt="/opt",
                tmp="/tmp",  # noqa: S108 - the environment's own
                home=None,
                runtime="/var/runtime",
                bootstrap=BOOTSTRAP,
                python=f"/var/lang/{interpreter.executable.relative_to(interpreter.prefix)}",
                python_version=interpreter.version,
            ),
            package=self._packages.acquire(spec),
            store=self._packages,
            launcher=launcher,
            tmp_mb=spec.ephemeral_storage_mb,
        )

    def close(self) -> None:
        """End the launchers, and with them every environment."""
        with self._lock:
            launchers, self._launchers = list(self._launchers.values()), {}
        for launcher in launchers:
            launcher.close()

    def _launcher_for(self, interpreter: Interpreter) -> Launcher:
        with self._lock:
            launcher = self._launchers.get(interpreter)
            if launcher is None or not launcher.is_alive:
                launcher = Launcher(self._root_folder(interpreter))
                self._launchers[interpreter] = launcher
        return launcher

    def _root_folder(self, interpreter: Interpreter) -> RootFolder:
        mount_point = self._folder / "root"
        mount_point.mkdir(exist_ok=True)
        return RootFolder(
            mount_point=os.fspath(mount_point),
            pool=os.fspath(self._folder),
            interpreter=os.fspath(interpreter.prefix),
            hidden=[
                os.fspath(path.relative_to(interpreter.prefix))
                for path in interpreter.prefix.glob("lib/python3*/*-packages")
                if path.is_dir()
            ],
            runtime=[os.fspath(source) for source in runtime_package_sources()],
            bootstrap=os.fspath(_WORKER_MAIN),
        )
