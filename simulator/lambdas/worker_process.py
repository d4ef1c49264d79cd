"""Starts and stops the process of an execution environment, with its Runtime API, its log pipe and its parent pipe."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from simulator.lambdas.environment_folders import EnvironmentFolders
from simulator.lambdas.environment_variables import build_environment_variables
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.interpreters import Interpreter
from simulator.lambdas.log_pipe import LogPipe
from simulator.lambdas.runtime_api import RuntimeApi

_SAFE_PATH_SINCE = (3, 11)
_WORKER_MAIN = Path(__file__).with_name("worker_main.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """The configuration that all workers of a pool share.

    `now` returns the simulated time and `wall` the machine's, in seconds since the Unix epoch. The handler's
    `context.get_remaining_time_in_millis()` reads the machine's clock, so its deadline is in the machine's time.
    """

    interpreter: Interpreter
    runtime_folder: Path
    init_seconds: float
    now: Callable[[], float]
    wall: Callable[[], float]
    variables: Mapping[str, str]


class WorkerProcess:
    """A running worker. Its init phase runs in the background."""

    def __init__(
        self, *, spec: FunctionSpec, folders: EnvironmentFolders, log_stream: str, config: WorkerConfig
    ) -> None:
        """Start the process.

        Raises:
            OSError: it cannot be started; its sockets and pipes are closed.
        """
        self.started_at = time.monotonic()
        self.api = RuntimeApi()
        self.log = LogPipe()
        self.api.watch_fd(fd=self.log.read_fd, on_readable=self.log.drain)
        child_end, self._parent_pipe = os.pipe()
        # `-s -P -S` hide the simulator's packages as `-I` would, but let PYTHONPATH and PYTHONHASHSEED through, which a
        # function may set on AWS too. Nothing else of the simulator's environment is passed on.
        command = [
            *(os.fspath(config.interpreter.executable), "-s", "-S", "-B"),
            *(("-P",) if config.interpreter.version >= _SAFE_PATH_SINCE else ()),
            *(os.fspath(_WORKER_MAIN), spec.handler, self.api.address, str(child_end)),
            str(_compute_data_limit(spec.memory_mb)),
            *map(os.fspath, folders.import_path),
        ]
        variables = build_environment_variables(
            spec=spec,
            folders=folders,
            api_address=self.api.address,
            log_stream=log_stream,
            shared=config.variables,
        )
        try:
            self._process = subprocess.Popen(  # noqa: S603 - running the deployed function is the purpose
                command,
                cwd=folders.task,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=self.log.write_fd,
                stderr=self.log.write_fd,
                start_new_session=True,
                pass_fds=(child_end,),
            )
        except OSError:
            os.close(self._parent_pipe)
            self.api.close()
            self.log.close()
            raise
        finally:
            os.close(child_end)
            self.log.close_write_end()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def return_code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended, up to `seconds`."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def take_log(self) -> str:
        """Return the log since the last call."""
        if self._parent_pipe >= 0:
            self.log.drain()
        return self.log.take()

    def kill(self) -> None:
        """Kill the process and all its descendants. Safe from any thread; `close` is still needed."""
        if self._parent_pipe < 0:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # it has ended; macOS raises EPERM for a group of zombies

    def stop(self) -> None:
        """Kill the process and close its sockets. `take_log` still returns the rest of its log."""
        self.kill()
        self._process.wait()
        if self._parent_pipe >= 0:
            os.close(self._parent_pipe)
            self._parent_pipe = -1
            self.log.drain()
            self.api.close()

    def close(self) -> None:
        """Stop the process and close its log."""
        self.stop()
        self.log.close()


def _compute_data_limit(memory_mb: int) -> int:
    """Return the limit of the data segment in bytes, for a process that grows faster than its memory is measured.

    It is well above MemorySize: RLIMIT_DATA counts reserved memory, and a process that reaches it gets a MemoryError
    where Lambda would kill it.
    """
    return (2 * memory_mb + 256) << 20
