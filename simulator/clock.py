"""Time as the simulator tells it: its own, which stands still until something moves it, and its callers'."""

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
_MAX_TIME: Final = 253_402_300_799  # 9999-12-31T23:59:59Z

DURATION_FORMAT: Final = "seconds or a duration such as 90s, 1h30m or 2d"
TIME_FORMAT: Final = "seconds since 1970 or a time such as 2026-01-31T12:00:00Z"


class Clock:
    """Simulated time in whole seconds since the Unix epoch. It never runs back.

    It stands until it is moved: by the jobs, whose modelled durations are told in it, and by whoever steers the
    simulator. Only when it was told to run does it move by itself, `speed` simulated seconds in a real one. Safe to use
    from any thread.
    """

    def __init__(self, *, epoch: int, monotonic: Callable[[], float], max_time: float = inf) -> None:
        """Start at `epoch`, standing. `monotonic` is a monotonic clock of this machine's, read only while this one runs.

        Args:
            epoch: seconds since the Unix epoch.
            monotonic: seconds since whenever.
            max_time: the time, in seconds since the Unix epoch, beyond which it does not run by itself.
        """
        self._seconds = monotonic
        self._last = max_time
        self._lock = threading.Lock()
        self._reading = _ClockReading(at=epoch)

    def now(self) -> int:
        """Return the current simulated time in whole seconds since the Unix epoch."""
        return floor(self._exact_now())

    def move_to(self, time: int) -> None:
        """Move the clock forward to `time`; a time that has passed already leaves it where it is."""
        with self._lock:
            if time > self._exact_now():
                self._set(time, self._reading.speed)

    def set_speed(self, speed: float) -> None:
        """Let the clock run from where it is, `speed` simulated seconds in a real one; 0 stops it."""
        with self._lock:
            self._set(self._exact_now(), speed)

    def seconds_until(self, time: int) -> float | None:
        """Return how many real seconds it is to `time`; None while the clock stands before it, or never gets there."""
        ahead, speed = time - self._exact_now(), self._reading.speed
        if ahead <= 0:
            return 0.0
        return ahead / speed if speed and time <= self._last else None

    def _exact_now(self) -> float:
        course = self._reading  # replaced whole, so that no reader sees half of a change
        if not course.speed:
            return course.at
        return max(course.at, min(course.at + (self._seconds() - course.since) * course.speed, self._last))

    def _set(self, at: float, speed: float) -> None:
        self._reading = _ClockReading(at=at, since=self._seconds() if speed else 0.0, speed=speed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClockReading:
    at: float  # simulated, when the machine's clock said `since`
    since: float = 0.0
    speed: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """Time that was made to pass for the callers: `seconds`, in the second `at` of this machine's clock.

    `at` counts from the Unix epoch.
    """

    at: int
    seconds: int


class CallerClock:
    """The time that the callers' keys and signatures are judged by: this machine's, and what was made to pass.

    A caller's own clock is this machine's; it made the dates of keys and signatures. When a user advances the
    simulator, that much time has passed for what was minted before, and for nothing that was minted after.
    """

    def __init__(self, *, wall_clock: Callable[[], float], lapses: Iterable[Lapse] = ()) -> None:
        """Take up the time. `wall_clock` is this machine's clock in seconds since the Unix epoch."""
        self._wall = wall_clock
        self._lapses = tuple(lapses)

    @property
    def lapses(self) -> tuple[Lapse, ...]:
        """All that was made to pass, oldest first."""
        return self._lapses

    def now(self) -> float:
        """Return the time now, in seconds since the Unix epoch."""
        return self._wall() + self.lapsed_seconds()

    def lapsed_seconds(self) -> int:
        """Return how many seconds were made to pass, all in all."""
        return sum(lapse.seconds for lapse in self._lapses)

    def adjust(self, issued_at: float) -> float:
        """Return what a date that was minted by this machine's clock is in this time."""
        # Dates on the wire are whole seconds: what bears the second of a lapse counts as minted before it.
        return issued_at + sum(lapse.seconds for lapse in self._lapses if lapse.at < floor(issued_at))

    def lapses_after(self, seconds: int) -> tuple[Lapse, ...]:
        """Return what was made to pass if so many seconds pass now; `take` lets them."""
        at, *before = floor(self._wall()), *self._lapses
        if before and before[-1].at == at:
            seconds += before.pop().seconds
        return (*before, Lapse(at=at, seconds=seconds))

    def set_lapses(self, lapses: tuple[Lapse, ...]) -> None:
        """Have this be all that was made to pass."""
        self._lapses = lapses

    def ambiguous_seconds(self) -> int:
        """Return how many seconds were made to pass in the current second of this machine's clock.

        What was minted in this second before they passed cannot be told from what was minted after.
        """
        latest = self._lapses[-1] if self._lapses else None
        return latest.seconds if latest and latest.at == floor(self._wall()) else 0


def parse_duration(text: str) -> int:
    """Return how many seconds a duration has.

    Raises:
        ValueError: it is not `DURATION_FORM`.
    """
    if _SECONDS.fullmatch(text):
        return int(text)
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"expected {DURATION_FORMAT}, got {text!r}")
    return sum(int(found[unit] or 0) * seconds for unit, seconds in _UNITS.items())


def parse_time(text: str) -> int:
    """Return a time in seconds since the Unix epoch; one that names no zone is in UTC.

    Raises:
        ValueError: it is not `TIME_FORM`.
    """
    if _SECONDS.fullmatch(text):
        return int(text)
    try:
        read = datetime.fromisoformat(text)
        return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise ValueError(f"expected {TIME_FORMAT}, got {text!r}") from None


def format_time(time: int) -> str:
    """Return a time, in seconds since the Unix epoch, as it is written in UTC: 2026-01-31T12:00:00Z."""
    return datetime.fromtimestamp(min(time, _MAX_TIME), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
