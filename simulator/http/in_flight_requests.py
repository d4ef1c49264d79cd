"""Counting the requests that are being answered, so that a reset can wait for them."""

from threading import Condition


class InFlightRequests:
    """A counter of the requests in progress. Each request enters it as a context manager."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._count = 0

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_until_none(self, *, timeout: float) -> bool:
        """Wait at most `timeout` seconds until no request is in progress; return whether none is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._count, timeout=timeout)
