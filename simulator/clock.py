"""The simulator's clock, the callers' clock for the expiry of keys, and the formats of times and durations."""

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor, inf
from typing import Final

_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION: Final = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,9}}){unit})?" for unit in _UNITS))
_SECONDS: Final = re.compile("-?[0-9]{1,12}")
_MAX_FORMATTED_TIME: Final = 253_402_300_799  # 9999-12-31T23:59:59Z

DURATION_FORMAT: Final = "seconds or a duration such as 90s, 1h30m or 2d"
TIME_FORMAT: Final = "seconds since 1970 or a time such as 2026-01-31T12:00:00Z"


class Clock:
    """Simulated time in whole seconds since the Unix epoch. It never moves back. Thread-safe.

    Jobs move the clock, because their modelled durations are simulated time, and a user can move it. With a speed it
    also runs by itself, `speed` simulated seconds per real second.
    """

    def __init__(self, *, epoch: int, monotonic: Callable[[], float], max_time: float = inf) -> None:
        """Create a stopped clock at `epoch`.

        Args:
            epoch: seconds since the Unix epoch.
            monotonic: returns this machine's monotonic time in seconds; called only while the clock runs.
            max_time: the time, in seconds since the Unix epoch, at which a running clock stops.
        """
        self._monotonic = monotonic
        self._max_time = max_time
        self._lock = threading.Lock()
        self._reading = _ClockReading(at=epoch)

    def now(self) -> int:
        """Return the current simulated time in whole seconds since the Unix epoch."""
        return floor(self._exact_now())

    def move_to(self, time: int) -> None:
        """Move the clock forward to `time`. Does nothing if that time has passed."""
        with self._lock:
            if time > self._exact_now():
                self._set(time, self._reading.speed)

    def set_speed(self, speed: float) -> None:
        """Run from now on at `speed` simulated seconds per real second; 0 stops the clock."""
        with self._lock:
            self._set(self._exact_now(), speed)

    def seconds_until(self, time: int) -> float | None:
        """Return the real seconds until the clock reaches `time`; None if it does not run or stops before."""
        remaining, speed = time - self._exact_now(), self._reading.speed
        if remaining <= 0:
            return 0.0
        return remaining / speed if speed and time <= self._max_time else None

    def _exact_now(self) -> float:
        reading = self._reading  # replaced as a whole, so that a reader never gets a partial change
        if not reading.speed:
            return reading.at
        elapsed = (self._monotonic() - reading.since) * reading.speed
        return max(reading.at, min(reading.at + elapsed, self._max_time))

    def _set(self, at: float, speed: float) -> None:
        self._reading = _ClockReading(at=at, since=self._monotonic() if speed else 0.0, speed=speed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClockReading:
    at: float  # the simulated time when the monotonic time was `since`
    since: float = 0.0
    speed: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockAdvance:
    """One advance of the callers' time by `seconds`, made in the second `at` of this machine's clock (Unix time)."""

    at: int
    seconds: int


class CallerClock:
    """The clock that decides when keys and signatures expire: this machine's time plus all advances by a user.

    Callers date keys and signatures by this machine's clock. An advance ages only keys and signatures
    that are dated before it.
    """

    def __init__(self, *, wall_clock: Callable[[], float], advances: Iterable[ClockAdvance] = ()) -> None:
        """Start with earlier advances. `wall_clock` returns this machine's time in seconds since the Unix epoch."""
        self._wall_clock = wall_clock
        self._advances = tuple(advances)

    @property
    def advances(self) -> tuple[ClockAdvance, ...]:
        """All advances, oldest first."""
        return self._advances

    def now(self) -> float:
        """Return the current time in seconds since the Unix epoch."""
        return self._wall_clock() + self.advanced_seconds()

    def advanced_seconds(self) -> int:
        """Return the sum of all advances in seconds."""
        return sum(advance.seconds for advance in self._advances)

    def adjust(self, issued_at: float) -> float:
        """Convert the date of a key, in the time of this machine's clock, to this clock's time."""
        # Dates on the wire are whole seconds. A key that is dated in the second of an advance counts as older than it.
        return issued_at + sum(advance.seconds for advance in self._advances if advance.at < floor(issued_at))

    def advances_after(self, seconds: int) -> tuple[ClockAdvance, ...]:
        """Return all advances, with another one by `seconds`. `set_advances` puts them into effect."""
        at, *earlier_advances = floor(self._wall_clock()), *self._advances
        if earlier_advances and earlier_advances[-1].at == at:
            seconds += earlier_advances.pop().seconds
        return (*earlier_advances, ClockAdvance(at=at, seconds=seconds))

    def set_advances(self, advances: tuple[ClockAdvance, ...]) -> None:
        """Replace all advances."""
        self._advances = advances

    def ambiguous_seconds(self) -> int:
        """Return by how many seconds the time was advanced in the current second of this machine's clock.

        A date in this second does not say whether it was made before or after the advance.
        """
        latest = self._advances[-1] if self._advances else None
        return latest.seconds if latest and latest.at == floor(self._wall_clock()) else 0


def parse_duration(text: str) -> int:
    """Return a duration in seconds.

    Raises:
        ValueError: the text does not have the form `DURATION_FORMAT`.
    """
    if _SECONDS.fullmatch(text):
        return int(text)
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"expected {DURATION_FORMAT}, got {text!r}")
    return sum(int(match[unit] or 0) * seconds for unit, seconds in _UNITS.items())


def parse_time(text: str) -> int:
    """Return a time in seconds since the Unix epoch. A time without a zone is in UTC.

    Raises:
        ValueError: the text does not have the form `TIME_FORMAT`.
    """
    if _SECONDS.fullmatch(text):
        return int(text)
    try:
        time = datetime.fromisoformat(text)
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise ValueError(f"expected {TIME_FORMAT}, got {text!r}") from None


def format_time(time: int) -> str:
    """Return a time, in seconds since the Unix epoch, in UTC as in 2026-01-31T12:00:00Z."""
    return datetime.fromtimestamp(min(time, _MAX_FORMATTED_TIME), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
