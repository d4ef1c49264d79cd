"""How long a visit is going to take, once its first calls have shown how slow the function is."""

from dataclasses import dataclass, field
from statistics import median
from typing import Final

from simulator.doctor.invocation import Call
from simulator.doctor.rows import SAMPLE_ROWS

LONG_RUN_SECONDS: Final = 120.0
"""A visit that is going to take longer than this says so."""

MIN_CALLS: Final = 3
"""The first call loads what the function needs: with three the middle one is none of its kind."""

SUGGESTED_ROWS: Final = 8
"""What --rows is advised to be."""

_MINUTE: Final = 60.0


@dataclass(slots=True, kw_only=True)
class DurationEstimate:
    """Hears of the first calls, and tells once how long the whole is going to take, where that is long.

    Attributes:
        calls: about how many the visit makes.
        training_calls: how many of these are for the rehearsed training.
        rows: how many rows are asked about.
        concurrency: how many calls are made at once.
    """

    calls: int
    training_calls: int
    rows: int = SAMPLE_ROWS
    concurrency: int = 1
    _seconds: list[float] = field(default_factory=list)
    _warned: bool = False

    def record_call(self, call: Call) -> str:
        """Return what to tell after a call: mostly nothing."""
        if self._warned or call.invocation is None:
            return ""
        self._seconds.append(call.invocation.duration_ms / 1e3)
        middle = median(self._seconds)
        left = middle * (self.calls - len(self._seconds)) / self.concurrency
        if len(self._seconds) < MIN_CALLS or left <= LONG_RUN_SECONDS:
            return ""
        self._warned = True
        ways = [f"--rows {SUGGESTED_ROWS} asks less"] if self.rows > SUGGESTED_ROWS else []
        if self.training_calls:
            ways.append(f"--no-training leaves out about {self.training_calls:,} of {self.calls:,} calls")
        ways.append("--concurrency N makes N calls at once, if the function keeps nothing between them")
        took, minutes = f"{middle:.2g} s", f"{left / _MINUTE:.0f} minutes"
        return f"A call takes about {took}, so this visit may take {minutes}. {'; '.join(ways)}."
