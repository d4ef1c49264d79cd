"""The outermost app: it hears every exchange with Mantle as the caller does, and tells a judge of it."""

from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable
from typing import Final

from simulator.http.asgi import HANG_UP, App, Receive, Scope, Send
from simulator.verdict.auditor import Judge
from simulator.verdict.client_identity import Callers
from simulator.verdict.exchange_recorder import Conversation
from simulator.verdict.lru_map import Recent

LISTENS_AFTER: Final = 0.2
"""Seconds after which, or twice as many, a hang-up is listened for. Most answers are there before, and cost nothing."""

_WATCHED: Final = ("/v1/", "/openai/v1/")
_CONNECTIONS: Final = 4_096  # that are told from new ones


class Watching:
    """Hands every request on to an app, and what became of it to a judge. Only Mantle's paths are watched."""

    def __init__(self, app: App, *, judge: Judge, wall: Callable[[], float]) -> None:
        """`wall` is the time of the callers' own clocks, in seconds since the Unix epoch."""
        self._app = app
        self._wall = wall
        self._judge = judge
        self._callers = Callers()
        self._connections: Recent[tuple[str, int], bool] = Recent(_CONNECTIONS)
        self._open: dict[Conversation, None] = {}  # those that nobody listens to yet, in the order of their beginnings
        self._patrolled: AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request."""
        if scope["type"] != "http" or not scope["path"].startswith(_WATCHED):
            await self._app(scope, receive, send)
            return
        conversation = Conversation(
            scope,
            receive,
            send,
            caller=self._callers.called(scope),
            is_first=self._is_first(scope.get("client")),
            judge=self._judge,
            wall=self._wall,
        )
        self._open[conversation] = None
        if self._patrolled is not (loop := get_running_loop()):
            self._patrolled = loop
            loop.call_later(LISTENS_AFTER, self._patrol)
        try:
            await conversation.begin()
            await self._app(_telling(scope, conversation), conversation.receive, conversation.send)
        finally:
            self._open.pop(conversation, None)
            conversation.settle()

    def _patrol(self) -> None:
        """Listen for hang-ups where an answer takes its time, and look again later while something is under way."""
        old = self._judge.now() - LISTENS_AFTER
        for conversation in [each for each in self._open if each.began <= old]:
            del self._open[conversation]
            conversation.line.listen()
        self._patrolled = get_running_loop() if self._open else None
        if self._patrolled:
            self._patrolled.call_later(LISTENS_AFTER, self._patrol)

    def _is_first(self, connection: tuple[str, int] | None) -> bool:
        if connection is None or self._connections.get(connection):
            return connection is None
        self._connections[connection] = True
        return True


def _telling(scope: Scope, conversation: Conversation) -> Scope:
    """Return the scope with a close that tells of itself: to who listens it looks as if the caller had hung up."""
    extensions = scope.get("extensions") or {}
    if HANG_UP not in extensions:
        return scope
    close = extensions[HANG_UP]

    def told_and_closed() -> None:
        conversation.settle()
        close()

    return {**scope, "extensions": {**extensions, HANG_UP: told_and_closed}}
