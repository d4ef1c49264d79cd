"""A token bucket: the tokens of a quota that are available, refilled evenly over time."""

from typing import Final

_MINUTE: Final = 60.0  # seconds
# Rounding, so that a client that has waited exactly the advertised time is not refused for a floating-point error.
_DECIMAL_PLACES: Final = 6


class TokenBucket:
    """Holds at most one minute's tokens. `level` is negative when more were spent than were available."""

    def __init__(self, per_minute: int) -> None:
        self.capacity = per_minute
        self.level = float(per_minute)

    def refill(self, seconds: float) -> None:
        """Add the tokens of a duration."""
        self.level = min(self.capacity, round(self.level + seconds * self.capacity / _MINUTE, _DECIMAL_PLACES))

    def spend(self, tokens: int) -> None:
        """Remove tokens, even more than are available. A negative number returns tokens."""
        self.level = min(self.capacity, self.level - tokens)

    def seconds_until_available(self, tokens: int) -> float | None:
        """Return the seconds until the bucket holds this many tokens; None if that exceeds its capacity."""
        if tokens > self.capacity:
            return None
        return max(0.0, round((tokens - self.level) * _MINUTE / self.capacity, _DECIMAL_PLACES))
