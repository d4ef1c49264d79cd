"""The outermost ASGI app: records every exchange of the OpenAI-compatible API as the client sees it."""

from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable
from typing import Final

from simulator.http.asgi import CLOSE_CONNECTION, App, Receive, Scope, Send
from simulator.verdict.auditor import Auditor
from simulator.verdict.client_identity import ClientIdentifier
from simulator.verdict.exchange_recorder import ExchangeRecorder
from simulator.verdict.lru_map import LruMap

DISCONNECT_LISTEN_DELAY: Final = 0.2
"""The middleware starts to listen for a disconnect after this many seconds, and at the latest after twice as many.

Most answers are complete before that, so they need no listener.
"""

_AUDITED_PATHS: Final = ("/v1/", "/openai/v1/")
_MAX_KNOWN_CONNECTIONS: Final = 4_096


class AuditMiddleware:
    """Passes every request on to an app, and records the exchanges of the OpenAI-compatible API with an auditor."""

    def __init__(self, app: App, *, auditor: Auditor, wall_clock: Callable[[], float]) -> None:
        """`wall_clock` returns the clients' own time, in seconds since the Unix epoch."""
        self._app = app
        self._wall_clock = wall_clock
        self._auditor = auditor
        self._client_identifier = ClientIdentifier()
        self._known_connections: LruMap[tuple[str, int], bool] = LruMap(_MAX_KNOWN_CONNECTIONS)
        # Exchanges that do not listen for a disconnect yet, in the order of their start.
        self._not_listening: dict[ExchangeRecorder, None] = {}
        self._timer_loop: AbstractEventLoop | None = None  # the loop on which the next check is scheduled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(_AUDITED_PATHS):
            await self._app(scope, receive, send)
            return
        recorder = ExchangeRecorder(
            scope,
            receive,
            send,
            client=self._client_identifier.identify(scope),
            is_first=self._is_first(scope.get("client")),
            auditor=self._auditor,
            wall_clock=self._wall_clock,
        )
        self._not_listening[recorder] = None
        if self._timer_loop is not (loop := get_running_loop()):
            self._timer_loop = loop
            loop.call_later(DISCONNECT_LISTEN_DELAY, self._listen_for_disconnects)
        try:
            await recorder.start()
            await self._app(_scope_with_tracked_close(scope, recorder), recorder.receive, recorder.send)
        finally:
            self._not_listening.pop(recorder, None)
            recorder.finish()

    def _listen_for_disconnects(self) -> None:
        """Start to listen on exchanges that take long, and check again later while others are in progress."""
        latest_start = self._auditor.now() - DISCONNECT_LISTEN_DELAY
        for recorder in [candidate for candidate in self._not_listening if candidate.started_at <= latest_start]:
            del self._not_listening[recorder]
            recorder.channel.listen_for_disconnect()
        self._timer_loop = get_running_loop() if self._not_listening else None
        if self._timer_loop:
            self._timer_loop.call_later(DISCONNECT_LISTEN_DELAY, self._listen_for_disconnects)

    def _is_first(self, connection: tuple[str, int] | None) -> bool:
        """Return whether this is the first request of its connection."""
        if connection is None or self._known_connections.get(connection):
            return connection is None
        self._known_connections[connection] = True
        return True


def _scope_with_tracked_close(scope: Scope, recorder: ExchangeRecorder) -> Scope:
    """Return the scope with a close function that finishes the exchange first.

    Otherwise the recorder would report that the client disconnected, although the server closed the connection.
    """
    extensions = scope.get("extensions") or {}
    if CLOSE_CONNECTION not in extensions:
        return scope
    close = extensions[CLOSE_CONNECTION]

    def finish_and_close() -> None:
        recorder.finish()
        close()

    return {**scope, "extensions": {**extensions, CLOSE_CONNECTION: finish_and_close}}
