"""An app that is watched without a server: what it is sent and sends, and the exchanges that were told of it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from simulator.http.asgi import App, Message, Receive, Scope, Send
from simulator.settings import VerdictSettings
from simulator.verdict.audit_middleware import AuditMiddleware
from simulator.verdict.auditor import Auditor
from simulator.verdict.exchange import Exchange
from tests.verdict.audit_scenario import FakeServerState

JOB_PATH = "/v1/fine_tuning/jobs/ftjob-1"
NOON: Final = 1_792_587_600.0  # Wed, 21 Oct 2026 13:00:00 GMT
DISCONNECT: Message = {"type": "http.disconnect"}
EMPTY_BODY: Message = {"type": "http.request", "body": b"", "more_body": False}


def request_part(body: bytes, *, more: bool = False) -> Message:
    """Return a part of a request's body."""
    return {"type": "http.request", "body": body, "more_body": more}


def response_start(status: int = 200, *headers: tuple[bytes, bytes]) -> Message:
    """Return the start of an answer."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def response_part(content: bytes = b"", *, more: bool = False) -> Message:
    """Return a part of an answer."""
    return {"type": "http.response.body", "body": content, "more_body": more}


class RecordingAuditor(Auditor):
    """A judge that keeps every exchange, on a clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.exchanges: list[Exchange] = []
        super().__init__(settings=VerdictSettings(), clock=lambda: self.seconds, server_state=FakeServerState())

    def record(self, exchange: Exchange) -> None:
        """Keep it as well."""
        self.exchanges.append(exchange)
        super().record(exchange)


class ScriptedCaller:
    """The caller's end of the line: what it says, one message after the other, and then nothing until it hangs up."""

    def __init__(self, messages: Iterable[Message] = (EMPTY_BODY,)) -> None:
        self.messages = deque(messages)
        self.sent: list[Message] = []
        self.pending_receives = 0  # that wait at this moment
        self._hung_up = asyncio.Event()

    def disconnect(self) -> None:
        """Go away."""
        self._hung_up.set()

    async def receive(self) -> Message:
        """Return what it says next."""
        self.pending_receives += 1
        try:
            if self.messages:
                await asyncio.sleep(0.005)
                return self.messages.popleft()
            await self._hung_up.wait()
        finally:
            self.pending_receives -= 1
        return DISCONNECT

    async def send(self, message: Message) -> None:
        """Hear a part of an answer."""
        self.sent.append(message)


def with_audit_middleware(app: App, auditor: Auditor) -> AuditMiddleware:
    """Return an app that is watched, at noon."""
    return AuditMiddleware(app, auditor=auditor, wall_clock=lambda: NOON)


def request_scope(path: str = JOB_PATH, *, method: str = "GET", query: bytes = b"", **more: Any) -> Scope:
    """Return a request's scope."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "client": ("127.0.0.1", 50_000),
        "headers": [(b"authorization", b"Bearer ABSKkey")],
    } | more


def app_answering(*messages: Message) -> App:
    """Return an app that says this, whatever it is asked."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def record_exchange(
    app: App,
    request: Scope | None = None,
    *,
    auditor: RecordingAuditor | None = None,
    messages: Iterable[Message] = (EMPTY_BODY,),
    meanwhile: Callable[[ScriptedCaller], Awaitable[None]] | None = None,
) -> Exchange:
    """Send one request through a watched app, do what comes `meanwhile` beside it, and return the exchange."""
    auditor = auditor or RecordingAuditor()

    async def go() -> None:
        caller = ScriptedCaller(messages)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                with_audit_middleware(app, auditor)(request or request_scope(), caller.receive, caller.send)
            )
            if meanwhile:
                tasks.create_task(_awaited(meanwhile(caller)))

    asyncio.run(asyncio.wait_for(go(), timeout=10))
    (exchange,) = auditor.exchanges
    return exchange


async def _awaited(work: Awaitable[None]) -> None:
    await work
