"""One execution environment: a private folder, a process under AWS's runtime client, the Runtime API that feeds it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from simulator.lambdas import memory, report
from simulator.lambdas.environment_folders import create_folders
from simulator.lambdas.environment_variables import build_environment_variables
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.log_pipe import LogPipe, split_log_events
from simulator.lambdas.runtime_api import MessageKind, RuntimeApi, RuntimeMessage

_WORKER_MAIN = Path(__file__).with_name("worker_main.py")
_TICK = 0.05
_REAP_SECONDS = 1.0
_LAST_READS = 3

FailureKind = Literal["timed out", "exited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """What all workers of a pool share. `now` is the simulator's clock, `wall` the machine's; epoch seconds.

    The handler's `context.get_remaining_time_in_millis()` reads the machine's clock, so its deadline is told in that.
    """

    python: str
    runtime_folder: Path
    init_seconds: float
    now: Callable[[], float]
    wall: Callable[[], float]
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    payload: bytes
    function_error: str | None = None
    status: str | None = None
    final_log_line: str = ""


class Worker:
    """Runs one version of one function, one invocation at a time; but for `kill`, by one thread at a time."""

    def __init__(self, *, spec: FunctionSpec, folder: Path, log_stream: str, config: WorkerConfig) -> None:
        """Unpack the package and start the process; its init phase runs while nobody waits.

        Raises:
            InvalidZipFile: the package or a layer cannot be unpacked. Nothing is left behind then.
        """
        self.spec = spec
        self.log_stream = log_stream
        self._conditions = config
        self._folders = create_folders(spec=spec, root=folder, runtime=config.runtime_folder)
        self._used = False
        self._init_ms: float | None = None
        self._peak_mb = 0.0
        self._out_of_memory = False
        self._early_log = ""
        self._start()

    @property
    def is_alive(self) -> bool:
        """Whether the process can take another invocation."""
        return self._process.poll() is None

    def invoke(
        self, *, request_id: str, event: bytes, invoked_arn: str, client_context: str | None = None
    ) -> Invocation:
        """Run the handler on one event. Whatever the function does wrong is in the result; nothing is raised for it.

        A worker that timed out, exited or was killed is not `alive` afterwards.
        """
        cold, self._used = not self._used, True
        failed = self._initialized(request_id=request_id) if cold else None
        before, self._early_log = self._early_log + self._log_text(), ""
        began = time.monotonic()
        if failed is None:
            outcome = self._answered(
                until=began + self.spec.timeout,
                request_id=request_id,
                event=event,
                invoked_arn=invoked_arn,
                client_context=client_context,
            )
            spent_ms = (time.monotonic() - began) * 1e3
        else:
            outcome, spent_ms = failed, 0.0
        if outcome.status == "timeout":
            spent_ms = self.spec.timeout * 1e3
        lines = (
            *split_log_events(before),
            report.render_start_line(request_id=request_id, version=self.spec.version),
            *split_log_events(self._log_text()),
            *((outcome.final_log_line,) if outcome.final_log_line else ()),
            *report.render_end_lines(
                request_id=request_id,
                duration_ms=spent_ms,
                init_ms=self._init_ms if cold else None,
                memory_mb=self.spec.memory_mb,
                used_mb=self._used_mb,
                status=outcome.status,
            ),
        )
        return Invocation(
            payload=self._folders.to_aws_paths(outcome.payload),
            function_error=outcome.function_error,
            log_lines=lines,
            log_stream=self.log_stream,
            request_id=request_id,
            executed_version=self.spec.version,
            duration_ms=spent_ms,
            init_ms=self._init_ms if cold else None,
            max_memory_mb=self._used_mb,
            finished_at=self._conditions.now(),
        )

    def kill(self) -> None:
        """End the process and all that it started, at once. Safe from any thread; `close` is still needed."""
        if self._lifeline < 0:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # already gone; macOS says EPERM of a group of zombies

    def close(self) -> None:
        """Kill the process and remove all that belonged to it: sockets, pipes, folder."""
        self._stop()
        self._log.close()
        self._folders.remove()

    # The process

    def _start(self) -> None:
        self._started_at = time.monotonic()
        self._api = RuntimeApi()
        self._log = LogPipe()
        self._api.watch_fd(fd=self._log.read_fd, on_readable=self._log.drain)
        lifeline, self._lifeline = os.pipe()
        spec = self.spec
        # `-s -P -S` keep the simulator's packages out as `-I` would, but let PYTHONPATH and PYTHONHASHSEED
        # through, which a function's environment may hold on AWS too; nothing else of the parent's
        # environment is there.
        command = [
            *(self._conditions.python, "-s", "-P", "-S", "-B"),
            *(
                os.fspath(_WORKER_MAIN),
                spec.handler,
                self._api.address,
                str(lifeline),
                str(_data_limit(spec.memory_mb)),
            ),
            *map(os.fspath, self._folders.import_path),
        ]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - running the deployed function is what this is for
                command,
                cwd=self._folders.task,
                env=build_environment_variables(
                    spec=spec,
                    folders=self._folders,
                    api_address=self._api.address,
                    log_stream=self.log_stream,
                    shared=self._conditions.variables,
                ),
                stdin=subprocess.DEVNULL,
                stdout=self._log.write_fd,
                stderr=self._log.write_fd,
                start_new_session=True,
                pass_fds=(lifeline,),
            )
        except OSError:
            os.close(self._lifeline)
            self._api.close()
            self._log.close()
            self._folders.remove()
            raise
        finally:
            os.close(lifeline)
            self._log.close_write_end()

    def _stop(self) -> None:
        self.kill()
        self._process.wait()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
            self._log.drain()
            self._api.close()

    # One invocation

    def _initialized(self, *, request_id: str) -> _Outcome | None:
        """Wait for the init phase to end; give what the caller gets when it fails, None when it is well.

        An init that takes longer than its limit is begun anew at the first invocation, with the function's
        own Timeout ("Lambda execution environment lifecycle", DOCUMENTED).
        """
        message = self._heard({"next", "init_error"}, until=self._started_at + self._conditions.init_seconds)
        if message == "timed out":
            self._stop()
            self._early_log = self._log_text()
            self._log.close()
            self._start()
            message = self._heard({"next", "init_error"}, until=self._started_at + self.spec.timeout)
        self._init_ms = (time.monotonic() - self._started_at) * 1e3
        self._peak_mb = max(self._peak_mb, memory.peak_mb(self._process.pid) or 0.0)
        if isinstance(message, str):
            return self._ended(message, request_id=request_id)
        if message.kind == "init_error":
            self._stop()
            return _Outcome(payload=message.body, function_error="Unhandled", status="error")
        return None

    def _answered(
        self, *, until: float, request_id: str, event: bytes, invoked_arn: str, client_context: str | None
    ) -> _Outcome:
        if not self._api.is_runtime_ready and isinstance(ending := self._heard({"next"}, until=until), str):
            return self._ended(ending, request_id=request_id)
        digits = request_id.replace("-", "").ljust(32, "0")
        headers = [
            ("Lambda-Runtime-Aws-Request-Id", request_id),
            ("Lambda-Runtime-Deadline-Ms", str(int((self._conditions.wall() + self.spec.timeout) * 1e3))),
            ("Lambda-Runtime-Invoked-Function-Arn", invoked_arn),
            ("Lambda-Runtime-Trace-Id", f"Root=1-{digits[:8]}-{digits[8:32]};Sampled=0"),
        ]
        if client_context is not None:
            headers.append(("Lambda-Runtime-Client-Context", client_context))
        try:
            self._api.send_event(headers=tuple(headers), event=event, timeout=max(until - time.monotonic(), _TICK))
        except TimeoutError:
            return self._ended("timed out", request_id=request_id)
        except OSError:
            return self._ended("exited", request_id=request_id)
        message = self._heard({"response", "error"}, until=until)
        if isinstance(message, str):
            return self._ended(message, request_id=request_id)
        self._log.drain()
        peak = memory.peak_mb(self._process.pid)
        if peak is not None:
            self._peak_mb = max(self._peak_mb, peak)
            # The kernel's own high-water mark decides, not the moment of a look: the same function is killed
            # in every run.
            if peak > self.spec.memory_mb:
                self._out_of_memory = True
                return self._ended("exited", request_id=request_id)
        if message.kind == "error":
            return _Outcome(payload=message.body, function_error="Unhandled")
        if message.oversized:
            return _Outcome(payload=report.render_oversized_payload(), function_error="Unhandled", status="error")
        return _Outcome(payload=message.body)

    def _heard(self, wanted: set[MessageKind], *, until: float) -> RuntimeMessage | FailureKind:
        """Turn the Runtime API until one of the `wanted` messages comes or there is no hope of one."""
        look_at = time.monotonic() + _TICK
        while (left := until - time.monotonic()) > 0:
            messages = self._api.receive(timeout=min(left, _TICK))
            for message in messages:
                if message.kind in wanted:
                    return message
            if any(message.kind == "gone" for message in messages):
                self._await_exit()
            if self._process.poll() is not None:
                # What it said with its last breath may still lie in the sockets.
                last = (message for _ in range(_LAST_READS) for message in self._api.receive(timeout=0.0))
                return next((message for message in last if message.kind in wanted), "exited")
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + _TICK
                if self._over_memory():
                    return "exited"
        return "timed out"

    def _over_memory(self) -> bool:
        resident = memory.resident_mb(self._process.pid)
        if resident is None:
            return False
        self._peak_mb = max(self._peak_mb, resident)
        self._out_of_memory = resident > self.spec.memory_mb
        return self._out_of_memory

    def _await_exit(self) -> None:
        try:
            self._process.wait(_REAP_SECONDS)
        except subprocess.TimeoutExpired:
            return

    def _ended(self, ending: FailureKind, *, request_id: str) -> _Outcome:
        self._stop()
        if ending == "timed out":
            return _Outcome(
                payload=report.render_timeout_payload(request_id=request_id, seconds=self.spec.timeout),
                function_error="Unhandled",
                status="timeout",
                final_log_line=report.render_timeout_line(
                    request_id=request_id, seconds=self.spec.timeout, at=self._conditions.now()
                ),
            )
        text = report.describe_exit(-signal.SIGKILL if self._out_of_memory else self._process.returncode)
        return _Outcome(
            payload=report.render_exit_payload(request_id=request_id, text=text),
            function_error="Unhandled",
            status="error",
            final_log_line=report.render_exit_line(request_id=request_id, text=text),
        )

    @property
    def _used_mb(self) -> int:
        return round(self._peak_mb)

    def _log_text(self) -> str:
        if self._lifeline >= 0:
            self._log.drain()
        return self._folders.to_aws_paths(self._log.take().encode()).decode()


def _data_limit(memory_mb: int) -> int:
    """Give the backstop for a process that grows faster than it is looked at; in bytes.

    Only a backstop: RLIMIT_DATA counts what is reserved, and reaching it shows as a MemoryError where Lambda kills.
    """
    return (2 * memory_mb + 256) << 20
