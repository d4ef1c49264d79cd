"""How long a doctor run may take, and how long it waits for one call."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from simulator.lambdas.errors import CallCutOff

LONG_BUDGET_SECONDS: Final = 600.0
"""The budget that messages suggest for a slow function."""

_CLOSING_SHARE: Final = 0.07
_MAX_CLOSING_SECONDS: Final = 4.0
"""The end of the budget, for ending environments and writing the reports."""

LONG_CALL_SECONDS: Final = 12.0
"""After a call that was answered, the doctor waits for another one no longer than this (INFERRED), or than
`LONG_CALL_FACTOR` times the longest one so far."""

LONG_CALL_FACTOR: Final = 20.0


class BudgetUsedUpError(Exception):
    """The doctor run may make no more calls."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the budget of {seconds:g} s is used up; --budget {LONG_BUDGET_SECONDS:g} gives more time")


@dataclass(slots=True)
class RunBudget:
    """The time of one doctor run. Without a limit it never ends a call.

    Attributes:
        seconds: the whole time.
        clock: a clock that only goes forward, in seconds.
        answered_calls: the number of calls so far that the function answered.
        longest_call: the longest of them, in seconds.
        started_at: when it began, by that clock. None is now.
        cut_off_seconds: how long the call had run that the end of the budget cut off. 0.0 if none was running.
    """

    seconds: float = inf
    clock: Callable[[], float] = time.monotonic
    answered_calls: int = 0
    longest_call: float = 0.0
    cut_off_seconds: float = 0.0
    started_at: float | None = None
    _started_at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        """Start the time, unless it has started already."""
        self._started_at = self.clock() if self.started_at is None else self.started_at

    @property
    def is_limited(self) -> bool:
        """Whether it ends at all."""
        return self.seconds < inf

    @property
    def seconds_left(self) -> float:
        """The seconds until the last call must have ended. Negative after that."""
        closing = min(_CLOSING_SHARE * self.seconds, _MAX_CLOSING_SECONDS) if self.is_limited else 0.0
        return self.seconds - closing - (self.clock() - self._started_at)

    def check(self) -> None:
        """Do nothing while time is left.

        Raises:
            BudgetUsedUpError: no time is left.
        """
        if self.is_limited and self.seconds_left <= 0:
            raise BudgetUsedUpError(self.seconds)

    def call_limit(self) -> float | None:
        """Return how long the next call may take, with its cold start. None without a limit."""
        return max(0.0, self.seconds_left) if self.is_limited else None

    def handler_limit(self) -> float | None:
        """Return how long the next call may take without a cold start. None before the first call was answered."""
        if not self.is_limited or not self.answered_calls:
            return None
        return max(LONG_CALL_SECONDS, LONG_CALL_FACTOR * self.longest_call)

    def cut_off(self, error: CallCutOff) -> CallCutOff | BudgetUsedUpError:
        """Record a call that was cut off, and return the error to raise: the end of the budget, or of this call."""
        if self.seconds_left > 0:
            return error
        self.cut_off_seconds = error.seconds
        return BudgetUsedUpError(self.seconds)

    def record_call(self, seconds: float) -> None:
        """Record a call that the function answered."""
        self.answered_calls += 1
        self.longest_call = max(self.longest_call, seconds)
