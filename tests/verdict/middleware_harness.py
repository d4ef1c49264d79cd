"""An app that is watched without a server: what it is sent and sends, and the exchanges that were told of it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from simulator.http.asgi import App, Message, Receive, Scope, Send
from simulator.settings import VerdictSettings
from simulator.verdict.audit_middleware import Watching
from simulator.verdict.auditor import Judge
from simulator.verdict.exchange import Exchange
from tests.verdict.audit_scenario import Jobs

LOOK = "/v1/fine_tuning/jobs/ftjob-1"
NOON: Final = 1_792_587_600.0  # Wed, 21 Oct 2026 13:00:00 GMT
GONE: Message = {"type": "http.disconnect"}
NO_BODY: Message = {"type": "http.request", "body": b"", "more_body": False}


def piece(body: bytes, *, more: bool = False) -> Message:
    """Return a part of a request's body."""
    return {"type": "http.request", "body": body, "more_body": more}


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> Message:
    """Return the start of an answer."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(content: bytes = b"", *, more: bool = False) -> Message:
    """Return a part of an answer."""
    return {"type": "http.response.body", "body": content, "more_body": more}


class Hearing(Judge):
    """A judge that keeps every exchange, on a clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.exchanges: list[Exchange] = []
        super().__init__(settings=VerdictSettings(), clock=lambda: self.seconds, truth=Jobs())

    def take(self, exchange: Exchange) -> None:
        """Keep it as well."""
        self.exchanges.append(exchange)
        super().take(exchange)


class Caller:
    """The caller's end of the line: what it says, one message after the other, and then nothing until it hangs up."""

    def __init__(self, messages: Iterable[Message] = (NO_BODY,)) -> None:
        self.says = deque(messages)
        self.heard: list[Message] = []
        self.receives = 0  # that wait at this moment
        self._hung_up = asyncio.Event()

    def hang_up(self) -> None:
        """Go away."""
        self._hung_up.set()

    async def receive(self) -> Message:
        """Return what it says next."""
        self.receives += 1
        try:
            if self.says:
                await asyncio.sleep(0.005)
                return self.says.popleft()
            await self._hung_up.wait()
        finally:
            self.receives -= 1
        return GONE

    async def send(self, message: Message) -> None:
        """Hear a part of an answer."""
        self.heard.append(message)


def watching(app: App, judge: Judge) -> Watching:
    """Return an app that is watched, at noon."""
    return Watching(app, judge=judge, wall=lambda: NOON)


def scope(path: str = LOOK, *, method: str = "GET", query: bytes = b"", **more: Any) -> Scope:
    """Return a request's scope."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "client": ("127.0.0.1", 50_000),
        "headers": [(b"authorization", b"Bearer ABSKkey")],
    } | more


def answering(*messages: Message) -> App:
    """Return an app that says this, whatever it is asked."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def heard(
    app: App,
    asked: Scope | None = None,
    *,
    judge: Hearing | None = None,
    says: Iterable[Message] = (NO_BODY,),
    then: Callable[[Caller], Awaitable[None]] | None = None,
) -> Exchange:
    """Send one request through a watched app, do what comes `then` beside it, and return the exchange."""
    judge = judge or Hearing()

    async def go() -> None:
        caller = Caller(says)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watching(app, judge)(asked or scope(), caller.receive, caller.send))
            if then:
                tasks.create_task(_awaited(then(caller)))

    asyncio.run(asyncio.wait_for(go(), timeout=10))
    (exchange,) = judge.exchanges
    return exchange


async def _awaited(work: Awaitable[None]) -> None:
    await work
