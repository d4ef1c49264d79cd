"""Time as the simulator tells it: its own, which stands still until something moves it, and its callers'."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import floor, inf


class Clock:
    """Simulated time in whole seconds since the Unix epoch. It never runs back.

    It stands until it is moved: by the jobs, whose modelled durations are told in it, and by whoever steers the
    simulator. Only when it was told to run does it move by itself, `speed` simulated seconds in a real one. Safe to use
    from any thread.
    """

    def __init__(self, *, epoch: int, seconds: Callable[[], float], last: float = inf) -> None:
        """Start at `epoch`, standing. `seconds` is a monotonic clock of this machine's, read only while this one runs.

        Args:
            epoch: seconds since the Unix epoch.
            seconds: seconds since whenever.
            last: the time, in seconds since the Unix epoch, beyond which it does not run by itself.
        """
        self._seconds = seconds
        self._last = last
        self._lock = threading.Lock()
        self._course = _Course(at=epoch)

    def now(self) -> int:
        """Return the current simulated time in whole seconds since the Unix epoch."""
        return floor(self._exactly())

    def move_to(self, time: int) -> None:
        """Move the clock forward to `time`; a time that has passed already leaves it where it is."""
        with self._lock:
            if time > self._exactly():
                self._set(time, self._course.speed)

    def run(self, speed: float) -> None:
        """Let the clock run from where it is, `speed` simulated seconds in a real one; 0 stops it."""
        with self._lock:
            self._set(self._exactly(), speed)

    def wait_until(self, time: int) -> float | None:
        """Return how many real seconds it is to `time`; None while the clock stands before it, or never gets there."""
        ahead, speed = time - self._exactly(), self._course.speed
        if ahead <= 0:
            return 0.0
        return ahead / speed if speed and time <= self._last else None

    def _exactly(self) -> float:
        course = self._course  # replaced whole, so that no reader sees half of a change
        if not course.speed:
            return course.at
        return max(course.at, min(course.at + (self._seconds() - course.since) * course.speed, self._last))

    def _set(self, at: float, speed: float) -> None:
        self._course = _Course(at=at, since=self._seconds() if speed else 0.0, speed=speed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
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


class CallersTime:
    """The time that the callers' keys and signatures are judged by: this machine's, and what was made to pass.

    A caller's own clock is this machine's; it made the dates of keys and signatures. When a user advances the
    simulator, that much time has passed for what was minted before, and for nothing that was minted after.
    """

    def __init__(self, *, wall: Callable[[], float], lapses: Iterable[Lapse] = ()) -> None:
        """Take up the time. `wall` is this machine's clock in seconds since the Unix epoch."""
        self._wall = wall
        self._lapses = tuple(lapses)

    @property
    def lapses(self) -> tuple[Lapse, ...]:
        """All that was made to pass, oldest first."""
        return self._lapses

    def now(self) -> float:
        """Return the time now, in seconds since the Unix epoch."""
        return self._wall() + self.lapsed()

    def lapsed(self) -> int:
        """Return how many seconds were made to pass, all in all."""
        return sum(lapse.seconds for lapse in self._lapses)

    def of(self, minted: float) -> float:
        """Return what a date that was minted by this machine's clock is in this time."""
        # Dates on the wire are whole seconds: what bears the second of a lapse counts as minted before it.
        return minted + sum(lapse.seconds for lapse in self._lapses if lapse.at < floor(minted))

    def with_another(self, seconds: int) -> tuple[Lapse, ...]:
        """Return what was made to pass if so many seconds pass now; `take` lets them."""
        at, *before = floor(self._wall()), *self._lapses
        if before and before[-1].at == at:
            seconds += before.pop().seconds
        return (*before, Lapse(at=at, seconds=seconds))

    def take(self, lapses: tuple[Lapse, ...]) -> None:
        """Have this be all that was made to pass."""
        self._lapses = lapses

    def untold(self) -> int:
        """Return how many seconds were made to pass in the current second of this machine's clock.

        What was minted in this second before they passed cannot be told from what was minted after.
        """
        latest = self._lapses[-1] if self._lapses else None
        return latest.seconds if latest and latest.at == floor(self._wall()) else 0
