"""A quota of tokens a minute: what a request reserves, what it is granted, and what it has used in the end.

DOCUMENTED ("Quotas for the bedrock-mantle endpoint"): the input tokens and `max_tokens` are checked against the input
quota, and what would exceed it is a 429; generation stops once the output quota is reached; what was reserved and not
generated comes back when the answer is complete. INFERRED: a quota fills evenly, and starts full.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import floor
from threading import Lock
from typing import Final

from simulator.faults.fault import TokensPerMinute
from simulator.inference.dialogue import Usage

_MINUTE: Final = 60.0  # seconds
_PLACES: Final = 6  # who waited as long as he was told is not refused for a rounding error


class Bucket:
    """At most a minute's tokens. Times are in seconds; a clock that is set back fills nothing."""

    def __init__(self, per_minute: int, *, now: float) -> None:
        self.size = per_minute
        self._level = float(per_minute)
        self._as_of = now

    def level(self, now: float) -> float:
        """Return how many tokens there are; below 0 when more were spent than there were."""
        level = self._level + max(0.0, now - self._as_of) * self.size / _MINUTE
        self._level = min(self.size, round(level, _PLACES))
        self._as_of = max(self._as_of, now)
        return self._level

    def spend(self, tokens: int, *, now: float) -> None:
        """Take tokens out, whether they are there or not; a negative number gives back."""
        self._level = min(self.size, self.level(now) - tokens)

    def wait(self, tokens: int, *, now: float) -> float | None:
        """Return in how many seconds so many tokens will be there; None for more than it holds."""
        if tokens > self.size:
            return None
        return max(0.0, round((tokens - self.level(now)) * _MINUTE / self.size, _PLACES))


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


class Quota:
    """The two buckets of one fault. Safe to use from any thread; `now` is the callers' time in seconds."""

    def __init__(self, tokens: TokensPerMinute, *, now: Callable[[], float]) -> None:
        self._lock = Lock()
        self._now = now
        self._input = Bucket(tokens.input, now=now()) if tokens.input else None
        self._output = Bucket(tokens.output, now=now()) if tokens.output else None

    def admitted(self, wanted: Wanted) -> Granted | Exceeded:
        """Reserve what a request wants, or say when it can be had."""
        reserved, now = wanted.prompt + wanted.budget, self._now()
        with self._lock:
            if self._input:
                level = self._input.level(now)
                if level < reserved:
                    return Exceeded(tokens=reserved, left=floor(level), wait=self._input.wait(reserved, now=now))
                self._input.spend(reserved, now=now)
            budget = wanted.budget
            if self._output:
                budget = min(budget, max(wanted.least, floor(self._output.level(now))))
                self._output.spend(budget, now=now)
        return Granted(reserved=reserved, budget=budget)

    def settle(self, granted: Granted, used: Usage | None) -> None:
        """Give back what was not used; None: no model was asked."""
        now = self._now()
        prompt, generated = (used.prompt_tokens, used.completion_tokens) if used else (0, 0)
        with self._lock:
            if self._input:
                self._input.spend(prompt + generated - granted.reserved, now=now)
            if self._output:
                self._output.spend(generated - granted.budget, now=now)
