"""A quota of tokens per minute: the tokens that a request reserves, may generate, and has used at its end.

DOCUMENTED ("Quotas for the bedrock-mantle endpoint"): the input tokens and `max_tokens` are checked against the input
quota, and a request that exceeds it gets a 429; generation stops once the output quota is reached; reserved tokens that
are not generated are returned when the response is complete. INFERRED: a quota refills evenly, and starts full.

A quota refills when a user advances the clock, and not by real time. So the speed of the machine does not decide which
request is refused. A client that waits the advertised Retry-After and then sends the same
request again is admitted: its wait refills the quota.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from threading import Lock

from simulator.faults.request_fault import TokensPerMinute
from simulator.faults.token_bucket import TokenBucket
from simulator.inference.chat_request import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDemand:
    """The tokens that a model request asks for.

    Attributes:
        prompt_tokens: the tokens of the prompt.
        budget: the most tokens to generate.
        min_budget: the smallest valid budget.
    """

    prompt_tokens: int
    budget: int
    min_budget: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReservation:
    """An admitted request: the tokens that it has reserved of the input quota, and the budget that it may generate."""

    reserved: int
    budget: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaExceeded:
    """A refused request: it asks for `tokens`, and `remaining` are available.

    `wait_seconds` is the time until it can be admitted; None means never, because the quota is too small.
    """

    tokens: int
    remaining: int
    wait_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RetryPromise:
    """The wait that a refusal has advertised, and the times of the refusal on both clocks. All in seconds."""

    seconds: float
    monotonic: float
    advanced: float


class TokenQuota:
    """The two token buckets of one fault. Thread-safe."""

    def __init__(
        self, tokens: TokensPerMinute, *, advanced_seconds: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        """Create full buckets.

        Args:
            tokens: the quota.
            advanced_seconds: returns by how many seconds a user has advanced the clock.
            monotonic: returns this machine's monotonic time in seconds.
        """
        self._lock = Lock()
        self._advanced_seconds = advanced_seconds
        self._monotonic = monotonic
        self._refilled_at = advanced_seconds()
        self._input = TokenBucket(tokens.input) if tokens.input else None
        self._output = TokenBucket(tokens.output) if tokens.output else None
        self._retry_promises: dict[str, _RetryPromise] = {}  # by the fingerprint of the refused request

    def reserve(self, demand: TokenDemand, *, request: str) -> TokenReservation | QuotaExceeded:
        """Reserve the tokens of a request, or say when they are available. `request` is its fingerprint."""
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

    def release_unused(self, reservation: TokenReservation, usage: Usage | None) -> None:
        """Return the reserved tokens that were not used. `usage` None means that no model has run."""
        prompt, generated = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        with self._lock:
            self._refill(self._seconds_since_refill())
            if self._input:
                self._input.spend(prompt + generated - reservation.reserved)
            if self._output:
                self._output.spend(generated - reservation.budget)

    def _refill_for(self, request: str) -> None:
        """Refill by the advances of the clock, and by the wait of a client that has waited the advertised time."""
        self._refill(self._seconds_since_refill())
        if promise := self._retry_promises.get(request):
            advanced = self._advanced_seconds() - promise.advanced
            if self._monotonic() - promise.monotonic + advanced >= promise.seconds:
                self._refill(max(0.0, promise.seconds - advanced))
                del self._retry_promises[request]

    def _seconds_since_refill(self) -> float:
        refilled_at, self._refilled_at = self._refilled_at, self._advanced_seconds()
        return self._refilled_at - refilled_at

    def _refill(self, seconds: float) -> None:
        for bucket in (self._input, self._output):
            if bucket:
                bucket.refill(seconds)

    def _exceeded(self, reserved: int, *, bucket: TokenBucket, request: str) -> QuotaExceeded:
        wait = bucket.seconds_until_available(reserved)
        if wait is not None:
            # A client that returns too early gets the same answer, and does not have to wait longer for it.
            self._retry_promises.setdefault(
                request, _RetryPromise(seconds=wait, monotonic=self._monotonic(), advanced=self._advanced_seconds())
            )
        return QuotaExceeded(tokens=reserved, remaining=floor(bucket.level), wait_seconds=wait)
