"""The outermost app: it hears every exchange with Mantle as the caller does, and tells a judge of it."""

from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable
from typing import Final

from simulator.http.asgi import CLOSE_CONNECTION, App, Receive, Scope, Send
from simulator.verdict.auditor import Auditor
from simulator.verdict.client_identity import ClientIdentifier
from simulator.verdict.exchange_recorder import ExchangeRecorder
from simulator.verdict.lru_map import LruMap

DISCONNECT_LISTEN_DELAY: Final = 0.2
"""Seconds after which, or twice as many, a hang-up is listened for. Most answers are there before, and cost nothing."""

_WATCHED: Final = ("/v1/", "/openai/v1/")
_CONNECTIONS: Final = 4_096  # that are told from new ones


class AuditMiddleware:
    """Hands every request on to an app, and what became of it to a judge. Only Mantle's paths are watched."""

    def __init__(self, app: App, *, auditor: Auditor, wall_clock: Callable[[], float]) -> None:
        """`wall_clock` is the time of the callers' own clocks, in seconds since the Unix epoch."""
        self._app = app
        self._wall = wall_clock
        self._judge = auditor
        self._callers = ClientIdentifier()
        self._connections: LruMap[tuple[str, int], bool] = LruMap(_CONNECTIONS)
        self._open: dict[
            ExchangeRecorder, None
        ] = {}  # those that nobody listens to yet, in the order of their beginnings
        self._patrol_loop: AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request."""
        if scope["type"] != "http" or not scope["path"].startswith(_WATCHED):
            await self._app(scope, receive, send)
            return
        conversation = ExchangeRecorder(
            scope,
            receive,
            send,
            client=self._callers.identify(scope),
            is_first=self._is_first(scope.get("client")),
            auditor=self._judge,
            wall_clock=self._wall,
        )
        self._open[conversation] = None
        if self._patrol_loop is not (loop := get_running_loop()):
            self._patrol_loop = loop
            loop.call_later(DISCONNECT_LISTEN_DELAY, self._listen_for_disconnects)
        try:
            await conversation.start()
            await self._app(_scope_with_tracked_close(scope, conversation), conversation.receive, conversation.send)
        finally:
            self._open.pop(conversation, None)
            conversation.finish()

    def _listen_for_disconnects(self) -> None:
        """Listen for hang-ups where an answer takes its time, and look again later while something is under way."""
        old = self._judge.now() - DISCONNECT_LISTEN_DELAY
        for conversation in [each for each in self._open if each.started_at <= old]:
            del self._open[conversation]
            conversation.channel.listen_for_disconnect()
        self._patrol_loop = get_running_loop() if self._open else None
        if self._patrol_loop:
            self._patrol_loop.call_later(DISCONNECT_LISTEN_DELAY, self._listen_for_disconnects)

    def _is_first(self, connection: tuple[str, int] | None) -> bool:
        if connection is None or self._connections.get(connection):
            return connection is None
        self._connections[connection] = True
        return True


def _scope_with_tracked_close(scope: Scope, conversation: ExchangeRecorder) -> Scope:
    """Return the scope with a close that tells of itself: to who listens it looks as if the caller had hung up."""
    extensions = scope.get("extensions") or {}
    if CLOSE_CONNECTION not in extensions:
        return scope
    close = extensions[CLOSE_CONNECTION]

    def told_and_closed() -> None:
        conversation.finish()
        close()

    return {**scope, "extensions": {**extensions, CLOSE_CONNECTION: told_and_closed}}
