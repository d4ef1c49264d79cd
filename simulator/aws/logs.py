"""Invocations in CloudWatch Logs, written when somebody looks.

Every function has the group /aws/lambda/NAME and a stream for each environment, as on AWS. The trainer makes
thousands of calls that nobody reads the log of, so an invocation is only noted, and written into moto when a
request for logs is about to be served.
"""

import threading
from collections import deque
from dataclasses import replace

from simulator.lambdas.function import FunctionSpec, Invocation

MAX_PENDING = 10_000
MAX_PENDING_CHARACTERS = 16 * 1024 * 1024
"""How many invocations, and how much they said, is kept for a reader; the oldest go first, and the log says so."""


class InvocationLogs:
    """`record` is told of every invocation, from any thread; `flush` must run before a logs request is served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: deque[tuple[FunctionSpec, Invocation]] = deque()
        self._characters = 0
        self._dropped = 0

    def record(self, spec: FunctionSpec, invocation: Invocation) -> None:
        """Note what an invocation logged; this costs some microseconds."""
        with self._lock:
            self._pending.append((spec, replace(invocation, payload=b"")))
            self._characters += _said(invocation)
            while len(self._pending) > MAX_PENDING or (
                self._characters > MAX_PENDING_CHARACTERS and len(self._pending) > 1
            ):
                self._characters -= _said(self._pending.popleft()[1])
                self._dropped += 1

    def flush(self) -> None:
        """Write all that was noted into moto's CloudWatch Logs."""
        with self._lock:
            if not self._pending:
                return
            pending, dropped = list(self._pending), self._dropped
            self._forget()
            first_spec, first = pending[0]
            if dropped:
                _write(first_spec, first, [f"[simulator] the logs of {dropped} earlier invocations were dropped\n"])
            for spec, invocation in pending:
                _write(spec, invocation, list(invocation.log_lines))

    def clear(self) -> None:
        """Forget what was noted; for a reset."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._pending.clear()
        self._characters = 0
        self._dropped = 0


def _said(invocation: Invocation) -> int:
    return sum(map(len, invocation.log_lines))


def _write(spec: FunctionSpec, invocation: Invocation, lines: list[str]) -> None:
    from moto.logs.models import logs_backends  # noqa: PLC0415 - moto is slow to import

    backend = logs_backends[spec.account][spec.region]
    backend.ensure_log_group(spec.log_group)
    backend.ensure_log_stream(spec.log_group, invocation.log_stream)
    at = int(invocation.finished_at * 1000)
    # The group itself is written to, not `put_log_events` of the backend: that refuses events which are more
    # than 14 days old by the wall's time, and the simulator's clock may stand at any time.
    backend.groups[spec.log_group].put_log_events(
        invocation.log_stream, [{"timestamp": at, "message": line} for line in lines]
    )
