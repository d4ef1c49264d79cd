"""How long to wait, how often to ask again, and when to stop asking: the rhythm of a long watch over a bad line."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar

from client.errors import ServiceError, Unreachable, connection_refused_error

ResultT = TypeVar("ResultT")
Notify = Callable[[str], None]

_REQUEST_TIMEOUT = 408
_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A monotonic clock in seconds and a way to let it run; tests pass their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class PollInterval:
    """The pause between two looks at a job, in seconds: shorter while there is news, longer while there is none."""

    shortest: float
    longest: float

    def next_delay(self, delay: float, *, has_changes: bool) -> float:
        """The next pause: halved by news, half as long again without."""
        return max(self.shortest, delay / 2) if has_changes else min(self.longest, delay * 1.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Pauses after failures, in seconds, doubling from `first_delay` to `longest_delay`; `give_up_after` of unbroken failure.

    `give_up_after_refused` counts instead while nobody listens at the address and nothing has ever answered there.
    """

    first_delay: float
    longest_delay: float
    give_up_after: float
    give_up_after_refused: float | None = None

    def delay(self, *, attempt: int, retry_after: float | None) -> float:
        """Seconds to wait after the failure number `attempt` (from 1); a server's own Retry-After wins when longer."""
        own = min(self.longest_delay, self.first_delay * 2.0 ** min(attempt - 1, 16))
        return max(own, retry_after or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransientFailure:
    """One failure that may pass.

    Attributes:
        reason: in plain words.
        delay: seconds until the next try.
        attempt: failures in a row, this one included.
    """

    reason: str
    delay: float
    attempt: int

    @property
    def should_report(self) -> bool:
        """True for failures 1, 2, 4, 8 ... in a row, so that a log of a long outage stays short."""
        return self.attempt & (self.attempt - 1) == 0

    def __str__(self) -> str:
        return f"{self.reason}; trying again in {self.delay:.3g} s"


class FailureStreak:
    """Failures in a row, and the time they have taken; any success ends it."""

    def __init__(self, *, retry_policy: RetryPolicy, clock: Clock) -> None:
        self._patience = retry_policy
        self._stopwatch = clock
        self._attempt = 0
        self._since = 0.0
        self._answered = False

    def reset(self) -> None:
        """A call went through."""
        self._attempt = 0
        self._answered = True

    def record(self, error: Exception) -> TransientFailure:
        """The next pause after `error`.

        Raises:
            Unreachable: the streak has outlasted our patience.
            Exception: `error` itself, when waiting will not help.
        """
        reason = transient_reason(error)
        if reason is None:
            raise error
        asked = retry_after_seconds(error)
        if asked is not None and asked > self._patience.give_up_after:
            raise Unreachable(f"Gave up: {reason}, and wants to be left alone for {asked:.0f} s.") from error
        now = self._stopwatch.now()
        if self._attempt == 0:
            self._since = now
        self._attempt += 1
        lasted = now - self._since
        pause = self._patience.delay(attempt=self._attempt, retry_after=asked)
        soon = self._patience.give_up_after_refused
        if soon is not None and not self._answered and lasted + pause >= soon and _is_connection_refused(error):
            raise connection_refused_error(str(getattr(getattr(error, "request", None), "url", ""))) from error
        if lasted >= self._patience.give_up_after:
            raise Unreachable(f"Gave up after {lasted:.0f} s without an answer that counts: {reason}.") from error
        return TransientFailure(
            reason=reason,
            delay=pause,
            attempt=self._attempt,
        )


class RetryAfterGate:
    """Until when the service asked to be left alone: what one thread was told, all threads keep."""

    def __init__(self, *, retry_policy: RetryPolicy, clock: Clock) -> None:
        self._longest = retry_policy.give_up_after
        self._stopwatch = clock
        self._until = 0.0

    def wait(self) -> None:
        """Wait until the service may be asked again.

        Raises:
            Unreachable: that is later than we are willing to wait for; whoever was told so has given up.
        """
        # Whoever sleeps looks again afterwards: another thread may have been told of a later time meanwhile.
        while (left := self._until - self._stopwatch.now()) > 0:
            if left > self._longest:
                raise Unreachable(f"The service was not asked: it wants to be left alone for another {left:.0f} s.")
            self._stopwatch.sleep(left)

    def record(self, error: Exception) -> None:
        """Take note of what a refusal asked for."""
        asked = retry_after_seconds(error)
        if asked:
            self._until = max(self._until, self._stopwatch.now() + asked)


def call_with_retry(call: Callable[[], ResultT], *, retry_policy: RetryPolicy, clock: Clock, notify: Notify) -> ResultT:
    """Call until it goes through, waiting out failures that may pass.

    Only for calls that may safely be made twice.

    Raises:
        Unreachable: the failures outlasted our patience.
        openai.APIError: a failure that waiting will not cure.
    """
    streak = FailureStreak(retry_policy=retry_policy, clock=clock)
    while True:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - setback() raises again whatever waiting does not cure
            setback = streak.record(error)
            if setback.should_report:
                notify(f"{setback}.")
            clock.sleep(setback.delay)


def transient_reason(error: Exception) -> str | None:
    """Why a call failed, in plain words, when asking again may help; else None."""
    import openai  # noqa: PLC0415 - 0.8 s to load; whoever holds one of its errors has paid already

    if isinstance(error, openai.APITimeoutError):
        return "no answer in time"
    if isinstance(error, openai.APIConnectionError):
        return f"no connection ({error.__cause__ or error})"
    if not isinstance(error, openai.APIStatusError):
        return None
    # The SDK's own convention: a server that knows better says so.
    if error.response.headers.get("x-should-retry") == "false":
        return None
    status = error.status_code
    if status == _TOO_MANY_REQUESTS:
        return "the service asks to slow down (429)"
    if status == _REQUEST_TIMEOUT or status >= _SERVER_ERRORS:
        return f"the service answered {status}"
    return None


def _is_connection_refused(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ConnectionRefusedError):
            return True
        error = error.__cause__ or error.__context__
    return False


def had_no_effect(error: Exception) -> bool:
    """True when the failed call certainly had no effect: it was throttled at the door."""
    return getattr(error, "status_code", None) == _TOO_MANY_REQUESTS


def may_have_taken_effect(error: Exception) -> bool:
    """True when the failed call may have had its effect: no whole answer came, or one that does not say no."""
    import openai  # noqa: PLC0415 - as above

    if isinstance(error, openai.APIStatusError):
        return error.status_code == _REQUEST_TIMEOUT or error.status_code >= _SERVER_ERRORS
    return isinstance(
        error, openai.APIConnectionError | ServiceError
    )  # the latter for an answer that could not be read


def retry_after_seconds(error: Exception) -> float | None:
    """Seconds that the answer's Retry-After asks for, or None.

    The header is seconds or a date (RFC 9110, 10.2.3); a date is read against the answer's own Date, so that a wrong
    local clock does not matter.
    """
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", {})
    asked = headers.get("retry-after")
    if asked is None:
        return None
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        later, now = parsedate_to_datetime(asked), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (later - now).total_seconds())
    except (TypeError, ValueError):
        return None
