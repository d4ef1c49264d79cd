"""Invocations in CloudWatch Logs, written when somebody looks.

Every function has the group /aws/lambda/NAME and a stream for each environment, as on AWS. The trainer makes
thousands of calls that nobody reads the log of, so an invocation is only noted, and written into moto when a
request for logs is about to be served.
"""

import io
import json
import threading
from collections import deque
from dataclasses import replace

from simulator.aws.account import Account
from simulator.aws.request import AwsRequest
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

    def flush(self, account: Account) -> None:
        """Write all that was noted into an account's CloudWatch Logs.

        Groups and streams are made by requests, so that they are there again after a restart, as whatever was made of
        them by others takes for granted; the events are not kept.
        """
        with self._lock:
            if not self._pending:
                return
            pending, dropped = list(self._pending), self._dropped
            self._forget()
            first_spec, first = pending[0]
            with account.alone(), account.reading():
                if dropped:
                    lost = f"[simulator] the logs of {dropped} earlier invocations were dropped\n"
                    _write(account, first_spec, first, [lost])
                for spec, invocation in pending:
                    _write(account, spec, invocation, list(invocation.log_lines))

    def _forget(self) -> None:
        self._pending.clear()
        self._characters = 0
        self._dropped = 0


def _said(invocation: Invocation) -> int:
    return sum(map(len, invocation.log_lines))


def _write(account: Account, spec: FunctionSpec, invocation: Invocation, lines: list[str]) -> None:
    from moto.logs.models import logs_backends  # noqa: PLC0415 - moto is slow to import

    backend = logs_backends[spec.account][spec.region]
    if spec.log_group not in backend.groups:
        _make(account, spec, "CreateLogGroup", logGroupName=spec.log_group)
    group = backend.groups[spec.log_group]
    if invocation.log_stream not in group.streams:
        _make(account, spec, "CreateLogStream", logGroupName=spec.log_group, logStreamName=invocation.log_stream)
    at = int(invocation.finished_at * 1000)
    # The group itself is written to, not `put_log_events` of the backend: that refuses events which are more
    # than 14 days old by the callers' time, and the simulator's clock may stand at any time.
    group.put_log_events(invocation.log_stream, [{"timestamp": at, "message": line} for line in lines])


def _make(account: Account, spec: FunctionSpec, operation: str, **names: str) -> None:
    request = AwsRequest(
        method="POST",
        target="/",
        headers=(
            ("host", f"logs.{spec.region}.amazonaws.com"),
            ("authorization", f"AWS4-HMAC-SHA256 Credential=lambda/20260101/{spec.region}/logs/aws4_request"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", f"Logs_20140328.{operation}"),
            ("x-moto-account-id", spec.account),
        ),
    )
    account.answer(request, io.BytesIO(json.dumps(names).encode()))
