"""How long to wait after a failed call, how often to repeat it, and when to give up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from client.clock import Clock, Notify
from client.errors import Unreachable, connection_refused_error
from client.transient_errors import is_connection_refused, retry_after_seconds, transient_reason

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Delays and limits, in seconds.

    Attributes:
        first_delay: after the first failure; it doubles with each further one.
        longest_delay: where the doubling stops.
        give_up_after: how long calls may fail in a row.
        give_up_after_refused: the same while the port is closed and no call has succeeded yet, or None.
    """

    first_delay: float
    longest_delay: float
    give_up_after: float
    give_up_after_refused: float | None = None

    def delay(self, *, attempt: int, retry_after: float | None) -> float:
        """Seconds to wait after the failure number `attempt` (from 1). A longer Retry-After of the server is used."""
        own_delay = min(self.longest_delay, self.first_delay * 2.0 ** min(attempt - 1, 16))
        return max(own_delay, retry_after or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransientFailure:
    """A failure that a retry may cure.

    Attributes:
        reason: a short description for people.
        delay: seconds until the next attempt.
        attempt: the number of failures in a row, including this one.
    """

    reason: str
    delay: float
    attempt: int

    @property
    def should_report(self) -> bool:
        """True for failures 1, 2, 4, 8 ... in a row, so that the log of a long outage stays short."""
        return self.attempt & (self.attempt - 1) == 0

    def __str__(self) -> str:
        return f"{self.reason}; trying again in {self.delay:.3g} s"


class FailureStreak:
    """Counts and times the failures in a row; a success ends the streak."""

    def __init__(self, *, retry_policy: RetryPolicy, clock: Clock) -> None:
        self._policy = retry_policy
        self._clock = clock
        self._attempt = 0
        self._started_at = 0.0
        self._has_succeeded = False

    def reset(self) -> None:
        """End the streak: a call succeeded."""
        self._attempt = 0
        self._has_succeeded = True

    def record(self, error: Exception) -> TransientFailure:
        """Count `error` and return it with the delay until the next attempt.

        Raises:
            Unreachable: calls have failed for longer than the policy allows.
            Exception: `error` itself, when a retry cannot cure it.
        """
        reason = transient_reason(error)
        if reason is None:
            raise error
        retry_after = retry_after_seconds(error)
        if retry_after is not None and retry_after > self._policy.give_up_after:
            raise Unreachable(f"Gave up: {reason}, and says to wait {retry_after:.0f} s.") from error
        now = self._clock.now()
        if self._attempt == 0:
            self._started_at = now
        self._attempt += 1
        elapsed = now - self._started_at
        delay = self._policy.delay(attempt=self._attempt, retry_after=retry_after)
        refused_limit = self._policy.give_up_after_refused
        if (
            refused_limit is not None
            and not self._has_succeeded
            and elapsed + delay >= refused_limit
            and is_connection_refused(error)
        ):
            raise connection_refused_error(str(getattr(getattr(error, "request", None), "url", ""))) from error
        if elapsed >= self._policy.give_up_after:
            raise Unreachable(f"Gave up after {elapsed:.0f} s without a usable answer: {reason}.") from error
        return TransientFailure(reason=reason, delay=delay, attempt=self._attempt)


class RetryAfterGate:
    """Delays the calls of all threads until the time in the latest Retry-After header that any of them received."""

    def __init__(self, *, retry_policy: RetryPolicy, clock: Clock) -> None:
        self._longest_wait = retry_policy.give_up_after
        self._clock = clock
        self._open_at = 0.0

    def wait(self) -> None:
        """Wait until the next call is allowed.

        Raises:
            Unreachable: the wait would be longer than the policy allows.
        """
        # A loop: another thread may have recorded a later time in the meantime.
        while (remaining := self._open_at - self._clock.now()) > 0:
            if remaining > self._longest_wait:
                raise Unreachable(f"No request was sent: the service said to wait another {remaining:.0f} s.")
            self._clock.sleep(remaining)

    def record(self, error: Exception) -> None:
        """Remember the Retry-After of a refusal, if it has one."""
        retry_after = retry_after_seconds(error)
        if retry_after:
            self._open_at = max(self._open_at, self._clock.now() + retry_after)


def call_with_retry(call: Callable[[], ResultT], *, retry_policy: RetryPolicy, clock: Clock, notify: Notify) -> ResultT:
    """Repeat a call until it succeeds or a retry cannot cure its failure. Only for calls that are safe to repeat.

    Raises:
        Unreachable: the call failed for longer than the policy allows.
        openai.APIError: a failure that a retry cannot cure.
    """
    streak = FailureStreak(retry_policy=retry_policy, clock=clock)
    while True:
        try:
            return call()
        except Exception as error:  # noqa: BLE001 - record() raises what a retry cannot cure
            failure = streak.record(error)
            if failure.should_report:
                notify(f"{failure}.")
            clock.sleep(failure.delay)
