"""The simulator's own time: it stands still until something moves it."""

import threading


class Clock:
    """Seconds since the Unix epoch, in whole seconds, moved forward only by being told.

    Nothing in the simulator reads the wall's clock: a job's modelled durations move this one, so two runs give
    the same timestamps. Safe to use from any thread.
    """

    def __init__(self, *, epoch: int) -> None:
        self._now = epoch
        self._lock = threading.Lock()

    def now(self) -> int:
        """Return the current simulated time in whole seconds since the Unix epoch."""
        return self._now

    def move_to(self, time: int) -> None:
        """Move the clock forward to `time`; a time that has passed already leaves it where it is."""
        with self._lock:
            self._now = max(self._now, time)
