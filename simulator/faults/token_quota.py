"""A quota of tokens a minute: what a request reserves, what it is granted, and what it has used in the end.

DOCUMENTED ("Quotas for the bedrock-mantle endpoint"): the input tokens and `max_tokens` are checked against the input
quota, and what would exceed it is a 429; generation stops once the output quota is reached; what was reserved and not
generated comes back when the answer is complete. INFERRED: a quota fills evenly, and starts full.

So that which request is refused does not hang on how fast a machine is, a quota fills by the time that was made to
pass, and not by the clock on the wall. Whoever was refused and waited as long as he was told has his wait counted when
he comes again with the same request.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from threading import Lock
from typing import Final

from simulator.faults.request_fault import TokensPerMinute
from simulator.inference.chat_request import Usage

_MINUTE: Final = 60.0  # seconds
_DECIMAL_PLACES: Final = 6  # who waited as long as he was told is not refused for a rounding error


class TokenBucket:
    """At most a minute's tokens; `level` is how many there are, below 0 when more were spent than there were."""

    def __init__(self, per_minute: int) -> None:
        self.capacity = per_minute
        self.level = float(per_minute)

    def refill(self, seconds: float) -> None:
        """Let so much time pass."""
        self.level = min(self.capacity, round(self.level + seconds * self.capacity / _MINUTE, _DECIMAL_PLACES))

    def spend(self, tokens: int) -> None:
        """Take tokens out, whether they are there or not; a negative number gives back."""
        self.level = min(self.capacity, self.level - tokens)

    def seconds_until_available(self, tokens: int) -> float | None:
        """Return in how many seconds so many tokens will be there; None for more than it holds."""
        if tokens > self.capacity:
            return None
        return max(0.0, round((tokens - self.level) * _MINUTE / self.capacity, _DECIMAL_PLACES))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDemand:
    """What a request to a model wants: the tokens of its prompt, and the most to generate.

    It can be granted no less than `min_budget`: a smaller budget is no valid one.
    """

    prompt_tokens: int
    budget: int
    min_budget: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReservation:
    """A request that is let in: what it has reserved of the input quota, and the budget that it may generate."""

    reserved: int
    budget: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaExceeded:
    """A request that is not: it wants `tokens`, there are `remaining`. `wait_seconds` in seconds; None: it will never fit."""

    tokens: int
    remaining: int
    wait_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RetryPromise:
    """What somebody was told who was refused: to wait so many `seconds`, and when that was."""

    seconds: float
    monotonic: float
    lapsed: float


class TokenQuota:
    """The two buckets of one fault. Safe to use from any thread.

    `lapsed` is how much time was made to pass, `seconds` this machine's monotonic clock; both in seconds.
    """

    def __init__(
        self, tokens: TokensPerMinute, *, lapsed_seconds: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._lock = Lock()
        self._lapsed = lapsed_seconds
        self._seconds = monotonic
        self._filled = lapsed_seconds()  # up to when
        self._input = TokenBucket(tokens.input) if tokens.input else None
        self._output = TokenBucket(tokens.output) if tokens.output else None
        self._retry_promises: dict[str, _RetryPromise] = {}  # by the request that was refused

    def reserve(self, demand: TokenDemand, *, request: str) -> TokenReservation | QuotaExceeded:
        """Reserve what a request wants, or say when it can be had. `request` is by what it is known again."""
        reserved = demand.prompt_tokens + demand.budget
        with self._lock:
            self._refill_for(request)
            if self._input:
                if self._input.level < reserved:
                    return self._exceeded(reserved, bucket=self._input, request=request)
                self._input.spend(reserved)
            self._retry_promises.pop(request, None)
            budget = demand.budget
            if self._output:
                budget = min(budget, max(demand.min_budget, floor(self._output.level)))
                self._output.spend(budget)
        return TokenReservation(reserved=reserved, budget=budget)

    def release_unused(self, reservation: TokenReservation, used: Usage | None) -> None:
        """Give back what was not used; None: no model was asked."""
        prompt, generated = (used.prompt_tokens, used.completion_tokens) if used else (0, 0)
        with self._lock:
            self._refill(self._seconds_since_refill())
            if self._input:
                self._input.spend(prompt + generated - reservation.reserved)
            if self._output:
                self._output.spend(generated - reservation.budget)

    def _refill_for(self, request: str) -> None:
        """Fill by what was made to pass, and by what who comes again with a request has waited, if as long as told."""
        self._refill(self._seconds_since_refill())
        if told := self._retry_promises.get(request):
            made_to_pass = self._lapsed() - told.lapsed
            if self._seconds() - told.monotonic + made_to_pass >= told.seconds:
                self._refill(max(0.0, told.seconds - made_to_pass))
                del self._retry_promises[request]

    def _seconds_since_refill(self) -> float:
        since, self._filled = self._filled, self._lapsed()
        return self._filled - since

    def _refill(self, seconds: float) -> None:
        for bucket in (self._input, self._output):
            if bucket:
                bucket.refill(seconds)

    def _exceeded(self, reserved: int, *, bucket: TokenBucket, request: str) -> QuotaExceeded:
        wait = bucket.seconds_until_available(reserved)
        if wait is not None:
            # Who comes back too soon is told the same again, and need not wait longer for it.
            self._retry_promises.setdefault(
                request, _RetryPromise(seconds=wait, monotonic=self._seconds(), lapsed=self._lapsed())
            )
        return QuotaExceeded(tokens=reserved, remaining=floor(bucket.level), wait_seconds=wait)
