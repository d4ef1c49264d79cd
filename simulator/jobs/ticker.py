"""Wake jobs when a running clock reaches the time that they wait for."""

from collections.abc import Callable
from threading import Condition, Thread
from typing import Final

_MAX_WAIT: Final = 3_600.0  # real seconds; a very slow clock can need more than the operating system can wait


class Ticker:
    """A thread that exists only while a job waits for time to pass.

    `changed` is the scheduler's condition. Its lock is held in every call of `next_delay` and `resume`.
    """

    def __init__(
        self,
        changed: Condition,
        *,
        next_delay: Callable[[], float | None],
        resume: Callable[[], None],
        is_closing: Callable[[], bool],
    ) -> None:
        """Prepare the thread.

        Args:
            changed: is notified when the clock, a pace or a job has changed.
            next_delay: returns the real seconds until the next job can advance; None if no job waits for time.
            resume: advances every job that can advance.
            is_closing: returns whether the simulator is closing.
        """
        self._changed = changed
        self._next_delay = next_delay
        self._resume = resume
        self._is_closing = is_closing
        self._thread: Thread | None = None

    def start_if_needed(self) -> None:
        """Start the thread if a job waits for time to pass. The lock of `changed` must be held."""
        if self._thread is None and not self._is_closing() and self._next_delay() is not None:
            self._thread = Thread(target=self._run, name="clock")
            self._thread.start()

    def join(self) -> None:
        """Wait for the thread to end. The lock of `changed` must not be held."""
        with self._changed:
            thread = self._thread
        if thread:
            thread.join()

    def _run(self) -> None:
        with self._changed:
            while not self._is_closing() and (delay := self._next_delay()) is not None:
                self._changed.wait(min(delay, _MAX_WAIT))
                self._resume()
            self._thread = None
