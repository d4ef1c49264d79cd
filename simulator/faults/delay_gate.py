"""Let requests wait for a delay, and release or disconnect them early."""

import asyncio
from contextlib import suppress
from threading import Lock

from simulator.faults.connection import wait_for_disconnect
from simulator.http.asgi import Receive


class DelayGate:
    """Where the requests that a fault delays wait. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_open = False
        self._disconnects = False
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    async def wait(self, seconds: float | None, *, receive: Receive | None = None) -> bool:
        """Wait until the time is over, or the gate is opened, or the client disconnects.

        Args:
            seconds: real seconds, or None for no limit.
            receive: the request's receive channel; without it a disconnect of the client goes unnoticed.

        Returns:
            Whether the request continues. If not, the caller closes its connection.
        """
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if self._is_open:
                return not self._disconnects
            self._waiting.add(waiter)
        tasks: list[asyncio.Future[object]] = [asyncio.ensure_future(waiter[1].wait())]
        if receive:
            tasks.append(asyncio.ensure_future(wait_for_disconnect(receive)))
        try:
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            with self._lock:
                self._waiting.discard(waiter)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return not self._disconnects

    def release(self) -> None:
        """Let all waiting requests continue. From now on no request waits."""
        self._open(disconnects=False)

    def disconnect(self) -> None:
        """Disconnect all waiting requests, and every request that comes later."""
        self._open(disconnects=True)

    def _open(self, *, disconnects: bool) -> None:
        with self._lock:
            self._is_open = True
            self._disconnects = self._disconnects or disconnects
            waiting = list(self._waiting)
        for loop, event in waiting:
            with suppress(RuntimeError):  # the loop has ended, so its requests no longer wait
                loop.call_soon_threadsafe(event.set)
