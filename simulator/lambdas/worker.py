"""One execution environment: its files, its process and the invocations in it."""

import math
import signal
import time
from dataclasses import dataclass
from typing import Literal

from simulator.lambdas import memory, report
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.isolation import EnvironmentFiles
from simulator.lambdas.log_pipe import split_log_events
from simulator.lambdas.runtime_api import MessageKind, RuntimeMessage
from simulator.lambdas.service_call_recorder import make_trace_header
from simulator.lambdas.system_log import SystemLog
from simulator.lambdas.worker_process import WorkerConfig, WorkerProcess

_POLL_SECONDS = 0.05
_REAP_SECONDS = 1.0
_FINAL_READS = 3

FailureKind = Literal["timed out", "exited"]


class CutOff(Exception):  # noqa: N818 - an event, as `CallCutOff`, which the pool makes of it
    """The caller's limit ended an invocation after some seconds. Its process has ended."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What the caller gets of an invocation, and the status and last line of its log."""

    payload: bytes
    function_error: str | None = None
    status: str | None = None
    final_log_line: str = ""


class Worker:
    """Runs one version of one function, one invocation at a time. Only `kill` may be called from another thread."""

    def __init__(self, *, spec: FunctionSpec, files: EnvironmentFiles, log_stream: str, config: WorkerConfig) -> None:
        """Start the process. Its init phase runs in the background. The worker removes the files when it ends.

        Raises:
            OSError: it cannot be started; no files are left.
        """
        self.spec = spec
        self.log_stream = log_stream
        self._config = config
        self._files = files
        self._used = False
        self._init_ms: float | None = None
        self._peak_mb = 0.0
        self._out_of_memory = False
        self._init_log = ""
        self._cut_off_at = math.inf
        self._called_at = 0.0
        try:
            self._process = self._start()
        except OSError:
            self._files.remove()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether the process can run another invocation."""
        return self._process.return_code is None

    def invoke(
        self,
        *,
        request_id: str,
        event: bytes,
        invoked_arn: str,
        client_context: str | None = None,
        cut_off_at: float = math.inf,
        max_seconds: float = math.inf,
    ) -> Invocation:
        """Run the handler on one event. Errors of the function are in the result, not raised.

        After a time-out, an exit, a kill or a cut-off, `is_alive` is False.

        Raises:
            CutOff: `cut_off_at`, a time of the monotonic clock, came before the end, or the handler took longer than
                `max_seconds`.
        """
        self._cut_off_at = cut_off_at
        self._called_at = time.monotonic()
        is_cold, self._used = not self._used, True
        init_failure = self._wait_for_init(request_id=request_id) if is_cold else None
        init_log, self._init_log = self._init_log + self._take_log(), ""
        started_at = time.monotonic()
        self._cut_off_at = min(cut_off_at, started_at + max_seconds)
        if init_failure is None:
            outcome = self._run_handler(
                deadline=started_at + self.spec.timeout,
                request_id=request_id,
                event=event,
                invoked_arn=invoked_arn,
                client_context=client_context,
            )
            duration_ms = (time.monotonic() - started_at) * 1e3
        else:
            outcome, duration_ms = init_failure, 0.0
        if outcome.status == "timeout":
            duration_ms = self.spec.timeout * 1e3
        system_log = SystemLog(
            config=self.spec.logging, request_id=request_id, function_arn=self.spec.arn, version=self.spec.version
        )
        lines = (
            *split_log_events(init_log),
            *system_log.start_lines(at=self._config.now()),
            *split_log_events(self._take_log()),
            *system_log.end_lines(
                at=self._config.now(),
                duration_ms=duration_ms,
                init_ms=self._init_ms if is_cold else None,
                memory_mb=self.spec.memory_mb,
                used_mb=round(self._peak_mb),
                status=outcome.status,
                failed=outcome.function_error is not None,
                response_bytes=len(outcome.payload),
                last_line=outcome.final_log_line,
            ),
        )
        return Invocation(
            payload=self._files.to_aws_paths(outcome.payload),
            function_error=outcome.function_error,
            log_lines=lines,
            log_stream=self.log_stream,
            request_id=request_id,
            executed_version=self.spec.version,
            duration_ms=duration_ms,
            init_ms=self._init_ms if is_cold else None,
            max_memory_mb=round(self._peak_mb),
            finished_at=self._config.now(),
        )

    def kill(self) -> None:
        """Kill the process and all its descendants. Safe from any thread; `close` is still needed."""
        self._process.kill()

    def close(self) -> None:
        """Kill the process and remove its sockets, pipes and files."""
        self._process.close()
        self._files.remove()

    def _start(self) -> WorkerProcess:
        return WorkerProcess(spec=self.spec, files=self._files, log_stream=self.log_stream, config=self._config)

    def _wait_for_init(self, *, request_id: str) -> _Outcome | None:
        """Wait for the end of the init phase; return the outcome of a failed one, or None.

        An init phase that exceeds its limit is restarted by the first invocation, with the function's own Timeout
        ("Lambda execution environment lifecycle", DOCUMENTED).
        """
        message = self._wait_for_message(
            {"next", "init_error"}, deadline=self._process.started_at + self._config.init_seconds
        )
        if message == "timed out":
            self._process.stop()
            self._init_log = self._take_log()
            self._process.close()
            self._process = self._start()
            message = self._wait_for_message(
                {"next", "init_error"}, deadline=self._process.started_at + self.spec.timeout
            )
        self._init_ms = (time.monotonic() - self._process.started_at) * 1e3
        self._peak_mb = max(self._peak_mb, memory.peak_mb(self._process.pid) or 0.0)
        if isinstance(message, str):
            return self._failure_outcome(message, request_id=request_id)
        if message.kind == "init_error":
            self._process.stop()
            return _Outcome(payload=message.body, function_error="Unhandled", status="error")
        return None

    def _run_handler(
        self, *, deadline: float, request_id: str, event: bytes, invoked_arn: str, client_context: str | None
    ) -> _Outcome:
        api = self._process.api
        if not api.is_runtime_ready:
            failure = self._wait_for_message({"next"}, deadline=deadline)
            if isinstance(failure, str):
                return self._failure_outcome(failure, request_id=request_id)
        headers = [
            ("Lambda-Runtime-Aws-Request-Id", request_id),
            ("Lambda-Runtime-Deadline-Ms", str(int((self._config.wall() + self.spec.timeout) * 1e3))),
            ("Lambda-Runtime-Invoked-Function-Arn", invoked_arn),
            ("Lambda-Runtime-Trace-Id", make_trace_header(request_id)),
        ]
        if client_context is not None:
            headers.append(("Lambda-Runtime-Client-Context", client_context))
        try:
            timeout = max(deadline - time.monotonic(), _POLL_SECONDS)
            api.send_event(headers=tuple(headers), event=event, timeout=timeout)
        except TimeoutError:
            return self._failure_outcome("timed out", request_id=request_id)
        except OSError:
            return self._failure_outcome("exited", request_id=request_id)
        message = self._wait_for_message({"response", "error"}, deadline=deadline)
        if isinstance(message, str):
            return self._failure_outcome(message, request_id=request_id)
        self._process.log.drain()
        if self._peak_exceeds_memory():
            return self._failure_outcome("exited", request_id=request_id)
        if message.kind == "error":
            return _Outcome(payload=message.body, function_error="Unhandled")
        if message.oversized:
            return _Outcome(payload=report.render_oversized_payload(), function_error="Unhandled", status="error")
        return _Outcome(payload=message.body)

    def _wait_for_message(self, kinds: set[MessageKind], *, deadline: float) -> RuntimeMessage | FailureKind:
        """Serve the Runtime API until a message of one of the `kinds` arrives or the invocation has failed."""
        next_memory_check = time.monotonic() + _POLL_SECONDS
        while (remaining := min(deadline, self._cut_off_at) - time.monotonic()) > 0:
            messages = self._process.api.receive(timeout=min(remaining, _POLL_SECONDS))
            for message in messages:
                if message.kind in kinds:
                    return message
            if any(message.kind == "disconnected" for message in messages):
                self._process.wait(_REAP_SECONDS)
            if self._process.return_code is not None:
                # Its last message may still be in the sockets.
                last = (message for _ in range(_FINAL_READS) for message in self._process.api.receive(timeout=0.0))
                return next((message for message in last if message.kind in kinds), "exited")
            if time.monotonic() >= next_memory_check:
                next_memory_check = time.monotonic() + _POLL_SECONDS
                if self._resident_exceeds_memory():
                    return "exited"
        if self._cut_off_at < deadline:
            self._process.stop()
            raise CutOff(time.monotonic() - self._called_at)
        return "timed out"

    def _resident_exceeds_memory(self) -> bool:
        resident = memory.resident_mb(self._process.process_ids(), limit=self.spec.memory_mb)
        if resident is None:
            return False
        self._peak_mb = max(self._peak_mb, resident)
        self._out_of_memory = resident > self.spec.memory_mb
        return self._out_of_memory

    def _peak_exceeds_memory(self) -> bool:
        """Whether the process ever exceeded MemorySize. The kernel's peak makes this the same in every run."""
        peak = memory.peak_mb(self._process.pid)
        if peak is None:
            return False
        self._peak_mb = max(self._peak_mb, peak)
        if peak > self.spec.memory_mb:
            self._out_of_memory = True
        return peak > self.spec.memory_mb

    def _failure_outcome(self, failure: FailureKind, *, request_id: str) -> _Outcome:
        self._process.stop()
        if failure == "timed out":
            return _Outcome(
                payload=report.render_timeout_payload(request_id=request_id, seconds=self.spec.timeout),
                function_error="Unhandled",
                status="timeout",
                final_log_line=report.render_timeout_line(
                    request_id=request_id, seconds=self.spec.timeout, at=self._config.now()
                ),
            )
        text = report.describe_exit(-signal.SIGKILL if self._out_of_memory else self._process.return_code)
        return _Outcome(
            payload=report.render_exit_payload(request_id=request_id, text=text),
            function_error="Unhandled",
            status="error",
            final_log_line=report.render_exit_line(request_id=request_id, text=text),
        )

    def _take_log(self) -> str:
        return self._files.to_aws_paths(self._process.take_log().encode()).decode()
