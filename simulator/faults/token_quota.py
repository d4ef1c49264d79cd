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
_PLACES: Final = 6  # who waited as long as he was told is not refused for a rounding error


class Bucket:
    """At most a minute's tokens; `level` is how many there are, below 0 when more were spent than there were."""

    def __init__(self, per_minute: int) -> None:
        self.size = per_minute
        self.level = float(per_minute)

    def fill(self, seconds: float) -> None:
        """Let so much time pass."""
        self.level = min(self.size, round(self.level + seconds * self.size / _MINUTE, _PLACES))

    def spend(self, tokens: int) -> None:
        """Take tokens out, whether they are there or not; a negative number gives back."""
        self.level = min(self.size, self.level - tokens)

    def wait(self, tokens: int) -> float | None:
        """Return in how many seconds so many tokens will be there; None for more than it holds."""
        if tokens > self.size:
            return None
        return max(0.0, round((tokens - self.level) * _MINUTE / self.size, _PLACES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a request to a model wants: the tokens of its prompt, and the most to generate.

    It can be granted no less than `least`: a smaller budget is no valid one.
    """

    prompt: int
    budget: int
    least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A request that is let in: what it has reserved of the input quota, and the budget that it may generate."""

    reserved: int
    budget: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceeded:
    """A request that is not: it wants `tokens`, there are `left`. `wait` in seconds; None: it will never fit."""

    tokens: int
    left: int
    wait: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What somebody was told who was refused: to wait so many `seconds`, and when that was."""

    seconds: float
    real: float
    lapsed: float


class Quota:
    """The two buckets of one fault. Safe to use from any thread.

    `lapsed` is how much time was made to pass, `seconds` this machine's monotonic clock; both in seconds.
    """

    def __init__(self, tokens: TokensPerMinute, *, lapsed: Callable[[], float], seconds: Callable[[], float]) -> None:
        self._lock = Lock()
        self._lapsed = lapsed
        self._seconds = seconds
        self._filled = lapsed()  # up to when
        self._input = Bucket(tokens.input) if tokens.input else None
        self._output = Bucket(tokens.output) if tokens.output else None
        self._told: dict[str, _Told] = {}  # by the request that was refused

    def admitted(self, wanted: Wanted, *, request: str) -> Granted | Exceeded:
        """Reserve what a request wants, or say when it can be had. `request` is by what it is known again."""
        reserved = wanted.prompt + wanted.budget
        with self._lock:
            self._fill(request)
            if self._input:
                if self._input.level < reserved:
                    return self._refused(reserved, bucket=self._input, request=request)
                self._input.spend(reserved)
            self._told.pop(request, None)
            budget = wanted.budget
            if self._output:
                budget = min(budget, max(wanted.least, floor(self._output.level)))
                self._output.spend(budget)
        return Granted(reserved=reserved, budget=budget)

    def settle(self, granted: Granted, used: Usage | None) -> None:
        """Give back what was not used; None: no model was asked."""
        prompt, generated = (used.prompt_tokens, used.completion_tokens) if used else (0, 0)
        with self._lock:
            self._pass(self._unfilled())
            if self._input:
                self._input.spend(prompt + generated - granted.reserved)
            if self._output:
                self._output.spend(generated - granted.budget)

    def _fill(self, request: str) -> None:
        """Fill by what was made to pass, and by what who comes again with a request has waited, if as long as told."""
        self._pass(self._unfilled())
        if told := self._told.get(request):
            made_to_pass = self._lapsed() - told.lapsed
            if self._seconds() - told.real + made_to_pass >= told.seconds:
                self._pass(max(0.0, told.seconds - made_to_pass))
                del self._told[request]

    def _unfilled(self) -> float:
        since, self._filled = self._filled, self._lapsed()
        return self._filled - since

    def _pass(self, seconds: float) -> None:
        for bucket in (self._input, self._output):
            if bucket:
                bucket.fill(seconds)

    def _refused(self, reserved: int, *, bucket: Bucket, request: str) -> Exceeded:
        wait = bucket.wait(reserved)
        if wait is not None:
            # Who comes back too soon is told the same again, and need not wait longer for it.
            self._told.setdefault(request, _Told(seconds=wait, real=self._seconds(), lapsed=self._lapsed()))
        return Exceeded(tokens=reserved, left=floor(bucket.level), wait=wait)
