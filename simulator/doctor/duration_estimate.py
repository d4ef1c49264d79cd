"""Estimates the duration of a doctor run from its first calls."""

from dataclasses import dataclass, field
from statistics import median
from typing import Final

from simulator.doctor.invocation import Call
from simulator.doctor.rows import DEFAULT_ROW_COUNT

LONG_RUN_SECONDS: Final = 120.0
"""The user is warned of a doctor run that may take longer."""

MIN_CALLS: Final = 3
"""The first call is a cold start. The median of three calls is not affected by it."""

SUGGESTED_ROWS: Final = 8
"""The value of --rows that the warning suggests."""

_MINUTE: Final = 60.0


@dataclass(slots=True, kw_only=True)
class DurationEstimate:
    """Records calls, and warns once if the doctor run may take long.

    Attributes:
        calls: the approximate number of calls of the doctor run.
        training_calls: those of them that belong to the simulated training.
        rows: the number of rows that the static probes use.
        concurrency: the number of calls at once.
    """

    calls: int
    training_calls: int
    rows: int = DEFAULT_ROW_COUNT
    concurrency: int = 1
    _durations: list[float] = field(default_factory=list)
    _warned: bool = False

    def record_call(self, call: Call) -> str:
        """Return a warning after a call, or an empty text."""
        if self._warned or call.invocation is None:
            return ""
        self._durations.append(call.invocation.duration_ms / 1e3)
        median_seconds = median(self._durations)
        seconds_left = median_seconds * (self.calls - len(self._durations)) / self.concurrency
        if len(self._durations) < MIN_CALLS or seconds_left <= LONG_RUN_SECONDS:
            return ""
        self._warned = True
        ways = [f"--rows {SUGGESTED_ROWS} makes fewer calls"] if self.rows > SUGGESTED_ROWS else []
        if self.training_calls:
            ways.append(f"--no-training saves about {self.training_calls:,} of {self.calls:,} calls")
        ways.append("--concurrency N makes N calls at once, if the function keeps no state between them")
        minutes = f"{seconds_left / _MINUTE:.0f} minutes"
        return f"A call takes about {median_seconds:.2g} s, so the doctor may run {minutes}. {'; '.join(ways)}."
