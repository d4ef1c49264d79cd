"""The process of an execution environment, with its Runtime API and its log pipe."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulator.lambdas.environment_variables import build_environment_variables
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.isolation import EnvironmentFiles, EnvironmentPaths
from simulator.lambdas.log_pipe import LogPipe
from simulator.lambdas.runtime_api import RuntimeApi

_SAFE_PATH_SINCE = (3, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """The configuration that all workers of a pool share.

    `now` returns the simulated time and `wall` the machine's, in seconds since the Unix epoch. The handler's
    `context.get_remaining_time_in_millis()` reads the machine's clock, so its deadline is in the machine's time.
    """

    init_seconds: float
    now: Callable[[], float]
    wall: Callable[[], float]
    variables: Mapping[str, str]


class WorkerProcess:
    """A running worker. Its init phase runs in the background."""

    def __init__(self, *, spec: FunctionSpec, files: EnvironmentFiles, log_stream: str, config: WorkerConfig) -> None:
        """Start the process.

        Raises:
            OSError: it cannot be started; its sockets and pipes are closed.
        """
        self.started_at = time.monotonic()
        self.api = RuntimeApi()
        self.log = LogPipe()
        self.api.watch_fd(fd=self.log.read_fd, on_readable=self.log.drain)
        self._is_stopped = False
        variables = build_environment_variables(
            spec=spec,
            paths=files.paths,
            api_address=self.api.address,
            log_stream=log_stream,
            shared=config.variables,
        )
        try:
            self._process = files.start(
                _command(spec, files.paths, api_address=self.api.address),
                variables=variables,
                log_fd=self.log.write_fd,
            )
        except OSError:
            self.api.close()
            self.log.close()
            raise
        finally:
            self.log.close_write_end()

    @property
    def return_code(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._process.return_code

    @property
    def pid(self) -> int:
        """The id of the function's process."""
        return self._process.pid

    def process_ids(self) -> list[int]:
        """Return `pid` and the ids of every process that the function has started."""
        return self._process.process_ids()

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended, up to `seconds`."""
        self._process.wait(seconds)

    def take_log(self) -> str:
        """Return the log since the last call."""
        if not self._is_stopped:
            self.log.drain()
        return self.log.take()

    def kill(self) -> None:
        """Kill the process and all its descendants. Safe from any thread; `close` is still needed."""
        self._process.kill()

    def stop(self) -> None:
        """Kill the process and close its sockets. `take_log` still returns the rest of its log."""
        if not self._is_stopped:
            self._process.close()
            self._is_stopped = True
            self.log.drain()
            self.api.close()

    def close(self) -> None:
        """Stop the process and close its log."""
        self.stop()
        self.log.close()


def _command(spec: FunctionSpec, paths: EnvironmentPaths, *, api_address: str) -> list[str]:
    # `-s -P -S` hide the simulator's packages as `-I` would, but let PYTHONPATH and PYTHONHASHSEED through, which a
    # function may set on AWS too. Nothing else of the simulator's environment is passed on.
    return [
        *(paths.python, "-s", "-S", "-B"),
        *(("-P",) if paths.python_version >= _SAFE_PATH_SINCE else ()),
        *(paths.bootstrap, spec.handler, api_address, str(_compute_data_limit(spec.memory_mb))),
        *paths.import_path(spec.runtime),
    ]


def _compute_data_limit(memory_mb: int) -> int:
    """Return the limit of the data segment in bytes, for a process that grows faster than its memory is measured.

    It is well above MemorySize: RLIMIT_DATA counts reserved memory, and a process that reaches it gets a MemoryError
    where Lambda would kill it.
    """
    return (2 * memory_mb + 256) << 20
