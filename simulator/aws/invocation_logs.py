"""Invocations in CloudWatch Logs, written when somebody looks.

Every function has the group /aws/lambda/NAME and a stream for each environment, as on AWS. The trainer makes
thousands of calls that nobody reads the log of, so an invocation is only noted, and written into moto when a
request for logs is about to be served.
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
"""How many invocations, and how much they said, is kept for a reader; the oldest go first, and the log says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _BufferedLog:
    """What an invocation logged, where it belongs, and when that was, in milliseconds since the Unix epoch."""

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
    """`record` is told of every invocation, from any thread; `flush` must run before a logs request is served.

    What was written is still noted: an account that is folded anew has the events of requests alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: deque[_BufferedLog] = deque()
        self._characters = 0
        self._folding = 0  # of the account, into which was written
        self._written = 0  # of those noted, the first so many; they are in the account
        self._placed = 0  # likewise; their groups and streams were made, and belong to whoever came after
        self._dropped = 0  # not in the account, and not noted any more
        self._passed = 0  # not noted any more

    def record(self, spec: FunctionSpec, invocation: Invocation) -> None:
        """Note what an invocation logged; this costs some microseconds."""
        noted = _BufferedLog(
            account=spec.account,
            region=spec.region,
            group=spec.log_group,
            stream=invocation.log_stream,
            timestamp_ms=int(invocation.finished_at * 1000),
            lines=tuple(invocation.log_lines),
        )
        with self._lock:
            self._noted.append(noted)
            self._characters += noted.characters
            while len(self._noted) > MAX_BUFFERED_INVOCATIONS or (
                self._characters > MAX_BUFFERED_CHARACTERS and len(self._noted) > 1
            ):
                self._drop_oldest()

    def flush(self, account: Account) -> None:
        """Write all that was noted into an account's CloudWatch Logs; on a full disk, as much as there is room for.

        Groups and streams are made by requests, so that they are there again after a restart, as whatever was made of
        them by others takes for granted; the events are not kept.
        """
        with self._lock, account.read_transaction():
            if self._folding != account.replay_count:
                self._folding, self._written, self._dropped = account.replay_count, 0, self._passed
            try:
                self._write(account)
            except StoreFullError as error:
                left = len(self._noted) - self._written
                LOGGER.warning("the logs of %d invocations are not shown until there is room: %s", left, error)

    def _write(self, account: Account) -> None:
        while self._written < len(self._noted):
            noted = self._noted[self._written]
            group = _place(account, noted, again=self._written < self._placed)
            if group and self._dropped:
                lost = f"[simulator] the logs of {self._dropped} earlier invocations were dropped\n"
                _put(group, noted, (lost,))
                self._dropped = 0
            if group:
                _put(group, noted, noted.lines)
            self._written += 1
            self._placed = max(self._placed, self._written)

    def _drop_oldest(self) -> None:
        self._characters -= self._noted.popleft().characters
        self._passed += 1
        if self._written:
            self._written -= 1
        else:
            self._dropped += 1
        self._placed = max(self._placed - 1, 0)


def _place(account: Account, noted: _BufferedLog, *, again: bool) -> "LogGroup | None":
    """Return the group, with the stream in it; None when they had been made and somebody took them away `again`."""
    from moto.logs.models import logs_backends  # noqa: PLC0415 - moto is slow to import

    backend = logs_backends[noted.account][noted.region]
    if noted.group not in backend.groups:
        if again:
            return None
        _make(account, noted, "CreateLogGroup", logGroupName=noted.group)
    group = backend.groups[noted.group]
    if noted.stream not in group.streams:
        if again:
            return None
        _make(account, noted, "CreateLogStream", logGroupName=noted.group, logStreamName=noted.stream)
    return group


def _put(group: "LogGroup", noted: _BufferedLog, lines: tuple[str, ...]) -> None:
    # The group itself is written to, not `put_log_events` of the backend: that refuses events which are more
    # than 14 days old by the callers' time, and the simulator's clock may stand at any time.
    group.put_log_events(noted.stream, [{"timestamp": noted.timestamp_ms, "message": line} for line in lines])


def _make(account: Account, noted: _BufferedLog, operation: str, **names: str) -> None:
    request = AwsRequest(
        method="POST",
        target="/",
        headers=(
            ("host", f"logs.{noted.region}.amazonaws.com"),
            ("authorization", f"AWS4-HMAC-SHA256 Credential=lambda/20260101/{noted.region}/logs/aws4_request"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", f"Logs_20140328.{operation}"),
            ("x-moto-account-id", noted.account),
        ),
    )
    account.handle(request, io.BytesIO(json.dumps(names).encode()))
