"""Writes the logs of Lambda invocations to CloudWatch Logs when they are first read.

Every function has the group /aws/lambda/NAME with a stream for each environment, as on AWS. A training run makes
thousands of invocations whose logs are rarely read, so an invocation is only buffered, and written to moto before the
next request for logs is served.
"""

import io
import json
import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from simulator.aws.account import Account
from simulator.aws.request import AwsRequest
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.store.errors import StoreFullError

if TYPE_CHECKING:
    from moto.logs.models import LogGroup

LOGGER: Final = logging.getLogger("simulator.aws")

MAX_BUFFERED_INVOCATIONS = 10_000
MAX_BUFFERED_CHARACTERS = 16 * 1024 * 1024
"""The limits of the buffer. Beyond them the oldest logs are dropped, and the log says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _BufferedLog:
    """The log lines of an invocation, their group and stream, and the time in milliseconds since the Unix epoch."""

    account: str
    region: str
    group: str
    stream: str
    timestamp_ms: int
    lines: tuple[str, ...]

    @property
    def characters(self) -> int:
        return sum(map(len, self.lines))


class InvocationLogs:
    """`record` takes every invocation, from any thread; call `flush` before a request for logs is served.

    Logs stay in the buffer after they are written, because a replay of the account's journal restores groups and
    streams but no log events.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buffer: deque[_BufferedLog] = deque()
        self._characters = 0
        self._replay_count = 0  # the account's count when logs were last written to it
        self._written_count = 0  # the logs at the start of the buffer that the account already has
        self._created_count = 0  # the logs at the start of the buffer whose group and stream were created
        self._dropped_count = 0  # logs that are neither in the account nor in the buffer
        self._evicted_count = 0  # logs that are no longer in the buffer

    def record(self, spec: FunctionSpec, invocation: Invocation) -> None:
        """Buffer the log of an invocation; this takes microseconds."""
        log = _BufferedLog(
            account=spec.account,
            region=spec.region,
            group=spec.log_group,
            stream=invocation.log_stream,
            timestamp_ms=int(invocation.finished_at * 1000),
            lines=tuple(invocation.log_lines),
        )
        with self._lock:
            self._buffer.append(log)
            self._characters += log.characters
            while len(self._buffer) > MAX_BUFFERED_INVOCATIONS or (
                self._characters > MAX_BUFFERED_CHARACTERS and len(self._buffer) > 1
            ):
                self._drop_oldest()

    def flush(self, account: Account) -> None:
        """Write the buffered logs to an account's CloudWatch Logs. If the disk is full, write as many as fit.

        Groups and streams are created by requests, so the journal restores them after a restart, together with what
        users did to them. Log events are not stored.
        """
        with self._lock, account.read_transaction():
            if self._replay_count != account.replay_count:
                self._replay_count, self._written_count = account.replay_count, 0
                self._dropped_count = self._evicted_count
            try:
                self._write(account)
            except StoreFullError as error:
                unwritten = len(self._buffer) - self._written_count
                LOGGER.warning("the logs of %d invocations are missing until the disk has room: %s", unwritten, error)

    def _write(self, account: Account) -> None:
        while self._written_count < len(self._buffer):
            log = self._buffer[self._written_count]
            group = _find_or_create_stream(account, log, must_exist=self._written_count < self._created_count)
            if group and self._dropped_count:
                notice = f"[simulator] the logs of {self._dropped_count} earlier invocations were dropped\n"
                _put_lines(group, log, (notice,))
                self._dropped_count = 0
            if group:
                _put_lines(group, log, log.lines)
            self._written_count += 1
            self._created_count = max(self._created_count, self._written_count)

    def _drop_oldest(self) -> None:
        self._characters -= self._buffer.popleft().characters
        self._evicted_count += 1
        if self._written_count:
            self._written_count -= 1
        else:
            self._dropped_count += 1
        self._created_count = max(self._created_count - 1, 0)


def _find_or_create_stream(account: Account, log: _BufferedLog, *, must_exist: bool) -> "LogGroup | None":
    """Return the group of a log, and create the group and the stream if they do not exist.

    With `must_exist` nothing is created: the result is None if a user has deleted the group or the stream.
    """
    from moto.logs.models import logs_backends  # noqa: PLC0415 - moto is slow to import

    backend = logs_backends[log.account][log.region]
    if log.group not in backend.groups:
        if must_exist:
            return None
        _send_request(account, log, "CreateLogGroup", logGroupName=log.group)
    group = backend.groups[log.group]
    if log.stream not in group.streams:
        if must_exist:
            return None
        _send_request(account, log, "CreateLogStream", logGroupName=log.group, logStreamName=log.stream)
    return group


def _put_lines(group: "LogGroup", log: _BufferedLog, lines: tuple[str, ...]) -> None:
    # This calls the group's `put_log_events`. The backend's method would reject events that are more than 14 days
    # older than the callers' time, and the simulated time may be any time.
    group.put_log_events(log.stream, [{"timestamp": log.timestamp_ms, "message": line} for line in lines])


def _send_request(account: Account, log: _BufferedLog, operation: str, **parameters: str) -> None:
    request = AwsRequest(
        method="POST",
        target="/",
        headers=(
            ("host", f"logs.{log.region}.amazonaws.com"),
            ("authorization", f"AWS4-HMAC-SHA256 Credential=lambda/20260101/{log.region}/logs/aws4_request"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", f"Logs_20140328.{operation}"),
            ("x-moto-account-id", log.account),
        ),
    )
    account.handle(request, io.BytesIO(json.dumps(parameters).encode()))
