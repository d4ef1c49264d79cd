"""The delay between two reads of a job."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PollInterval:
    """The shortest and the longest delay, in seconds: short while the job changes, longer while it does not."""

    shortest: float
    longest: float

    def next_delay(self, delay: float, *, has_changes: bool) -> float:
        """Half of `delay` after a change, one and a half times as much without one, within the limits."""
        return max(self.shortest, delay / 2) if has_changes else min(self.longest, delay * 1.5)
