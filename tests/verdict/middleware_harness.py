"""Runs an ASGI app behind the audit middleware without a server, with a scripted client."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from simulator.http.asgi import App, Message, Receive, Scope, Send
from simulator.settings import VerdictSettings
from simulator.verdict.audit_middleware import AuditMiddleware
from simulator.verdict.auditor import Auditor
from simulator.verdict.exchange import Exchange
from tests.verdict.audit_scenario import JOB_PATH, FakeServerState

NOW: Final = 1_792_587_600.0  # Wed, 21 Oct 2026 13:00:00 GMT
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
    """An auditor that keeps every exchange. Its clock is `seconds`."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.exchanges: list[Exchange] = []
        super().__init__(settings=VerdictSettings(), clock=lambda: self.seconds, server_state=FakeServerState())

    def record(self, exchange: Exchange) -> None:
        """Keep the exchange too."""
        self.exchanges.append(exchange)
        super().record(exchange)


class ScriptedCaller:
    """The client's end of a connection: it sends its messages, and then nothing until `disconnect`."""

    def __init__(self, messages: Iterable[Message] = (EMPTY_BODY,)) -> None:
        self.messages = deque(messages)
        self.received: list[Message] = []
        self.pending_receives = 0
        self._has_disconnected = asyncio.Event()

    def disconnect(self) -> None:
        """Close the connection."""
        self._has_disconnected.set()

    async def receive(self) -> Message:
        """Return the client's next message, as an ASGI server does."""
        self.pending_receives += 1
        try:
            if self.messages:
                await asyncio.sleep(0)
                return self.messages.popleft()
            await self._has_disconnected.wait()
        finally:
            self.pending_receives -= 1
        return DISCONNECT

    async def send(self, message: Message) -> None:
        """Receive a part of an answer."""
        self.received.append(message)


def with_audit_middleware(app: App, auditor: Auditor) -> AuditMiddleware:
    """Return the app behind the middleware. The wall clock is `NOW`."""
    return AuditMiddleware(app, auditor=auditor, wall_clock=lambda: NOW)


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
    """Return an app that sends these messages to any request."""

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
    """Send one request through the app, run `meanwhile` beside it, and return the exchange."""
    auditor = auditor or RecordingAuditor()

    async def run() -> None:
        caller = ScriptedCaller(messages)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                with_audit_middleware(app, auditor)(request or request_scope(), caller.receive, caller.send)
            )
            if meanwhile:
                tasks.create_task(_await(meanwhile(caller)))

    asyncio.run(asyncio.wait_for(run(), timeout=10))
    (exchange,) = auditor.exchanges
    return exchange


async def _await(work: Awaitable[None]) -> None:
    await work
