"""What a fault does to the connection: it closes it, or keeps it waiting."""

import asyncio
from contextlib import suppress
from threading import Lock
from typing import Final

from simulator.http.asgi import CLOSE_CONNECTION, Receive, Scope

_DISCONNECT: Final = "http.disconnect"


def has_connection(scope: Scope) -> bool:
    """Whether a request came over a connection that can be closed."""
    return CLOSE_CONNECTION in (scope.get("extensions") or {})


async def close_connection(scope: Scope, receive: Receive) -> None:
    """Close the connection that a request came by, once what was sent has gone out; return when it is closed.

    Raises:
        httpx2.RemoteProtocolError: there is no connection. Who speaks to the app without one does so by Starlette's
            TestClient, which is httpx2's client, and meets what that raises when a connection closes.
    """
    if not has_connection(scope):
        from httpx2 import RemoteProtocolError  # noqa: PLC0415  nobody else needs it

        raise RemoteProtocolError("a scripted fault has dropped the connection")
    scope["extensions"][CLOSE_CONNECTION]()
    await wait_for_disconnect(receive)


async def wait_for_disconnect(receive: Receive) -> None:
    """Wait until the client is gone. What it still sends is passed over."""
    while (await receive())["type"] != _DISCONNECT:
        pass


class DelayGate:
    """Where requests wait that a fault holds up, until their time is over, or they are let go or cut off.

    From any thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_over = False
        self._disconnects = False
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    async def wait(self, seconds: float | None, *, receive: Receive | None = None) -> bool:
        """Wait for so long (None: for good), or less: until let go, or with `receive` until the client is gone.

        Return whether the request goes on; if not, it is cut off.
        """
        place = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            if self._is_over:
                return not self._disconnects
            self._waiting.add(place)
        ends: list[asyncio.Future[object]] = [asyncio.ensure_future(place[1].wait())]
        if receive:
            ends.append(asyncio.ensure_future(wait_for_disconnect(receive)))
        try:
            await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            with self._lock:
                self._waiting.discard(place)
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        return not self._disconnects

    def release(self) -> None:
        """Let all that wait go on; from now on nothing waits here."""
        self._finish(cuts=False)

    def disconnect(self) -> None:
        """Cut off all that wait, and whatever comes from now on."""
        self._finish(cuts=True)

    def _finish(self, *, cuts: bool) -> None:
        with self._lock:
            self._is_over = True
            self._disconnects = self._disconnects or cuts
            waiting = list(self._waiting)
        for loop, event in waiting:
            with suppress(RuntimeError):  # a loop that has ended holds nobody up
                loop.call_soon_threadsafe(event.set)
