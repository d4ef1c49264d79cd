"""The receive channel: bodies reach the app unchanged, and a disconnect is detected when it happens."""

import asyncio

import pytest

from simulator.http.asgi import Message, Receive, Scope, Send
from simulator.verdict.exchange import Outcome
from tests.verdict.audit_scenario import JOBS_PATH
from tests.verdict.middleware_harness import (
    DISCONNECT,
    EMPTY_BODY,
    RecordingAuditor,
    ScriptedCaller,
    record_exchange,
    request_part,
    request_scope,
    response_part,
    response_start,
    with_audit_middleware,
)

PARTS = [request_part(b"a" * 70_000, more=True), request_part(b"b", more=True), request_part(b"c")]


@pytest.fixture
def _listen_immediately(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listen for a disconnect from the start of each exchange."""
    monkeypatch.setattr("simulator.verdict.audit_middleware.DISCONNECT_LISTEN_DELAY", 0)


async def wait_for_exchange(auditor: RecordingAuditor) -> None:
    """Let the event loop run until an exchange is recorded."""
    while not auditor.exchanges:  # noqa: ASYNC110  the auditor has no event to wait for
        await asyncio.sleep(0)


def test_a_body_is_not_read_ahead_of_the_app() -> None:
    """Of an upload nothing is recorded, and each part is read when the app asks for it."""
    caller = ScriptedCaller(PARTS)
    received: list[Message] = []
    unread: list[int] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        for _ in PARTS:
            received.append(await receive())
            unread.append(len(caller.messages))
            await asyncio.sleep(0)
        await send(response_start())
        await send(response_part())

    request = request_scope("/v1/files", method="POST")
    asyncio.run(with_audit_middleware(app, RecordingAuditor())(request, caller.receive, caller.send))
    assert (received, unread) == (PARTS, [2, 1, 0])


@pytest.mark.parametrize(
    "messages",
    [
        [request_part(b'{"model":"m"}')],
        [request_part(b"x" * 40_000, more=True), request_part(b"x" * 40_000, more=True), request_part(b"x")],
    ],
    ids=["small", "too large to record"],
)
def test_a_body_that_was_read_ahead_reaches_the_app(messages: list[Message]) -> None:
    """The body of a job creation, in its parts."""
    received: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        received.extend([await receive() for _ in messages])
        await send(response_start())
        await send(response_part())

    record_exchange(app, request_scope(JOBS_PATH, method="POST"), messages=messages)
    assert received == messages


@pytest.mark.usefixtures("_listen_immediately")
@pytest.mark.parametrize("path", [JOBS_PATH, "/v1/chat/completions", "/v1/files"])
def test_there_are_never_two_receives_at_once(path: str) -> None:
    """Each would get a part of the body."""
    most_receives = 0
    received: list[Message] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        for _ in PARTS:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            received.append(await receive())
        await send(response_start())
        await send(response_part())

    async def count(caller: ScriptedCaller) -> None:
        nonlocal most_receives
        while len(received) < len(PARTS):
            most_receives = max(most_receives, caller.pending_receives)
            await asyncio.sleep(0)

    record_exchange(app, request_scope(path, method="POST"), messages=PARTS, meanwhile=count)
    assert (received, most_receives) == (PARTS, 1)


@pytest.mark.usefixtures("_listen_immediately")
def test_a_disconnect_is_detected_while_the_app_does_not_receive() -> None:
    """With its time. A later answer reaches no client."""
    auditor = RecordingAuditor()
    app_has_received, app_goes_on = asyncio.Event(), asyncio.Event()

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        assert await receive() == EMPTY_BODY
        app_has_received.set()
        await app_goes_on.wait()
        await send(response_start())
        await send(response_part(b"{}"))
        assert await receive() == DISCONNECT

    async def disconnect(caller: ScriptedCaller) -> None:
        await app_has_received.wait()
        while not caller.pending_receives:  # noqa: ASYNC110  until the channel listens
            await asyncio.sleep(0)
        auditor.seconds = 5.0
        caller.disconnect()
        await wait_for_exchange(auditor)
        auditor.seconds = 7.0
        app_goes_on.set()

    exchange = record_exchange(app, auditor=auditor, meanwhile=disconnect)
    assert (exchange.outcome, exchange.ended_at, exchange.longest_silence) == (Outcome.DISCONNECTED, 5.0, 5.0)


@pytest.mark.usefixtures("_listen_immediately")
def test_a_disconnect_is_detected_before_the_app_receives_anything() -> None:
    """A fault delays the app. The body waits for it."""
    auditor = RecordingAuditor()
    app_goes_on = asyncio.Event()
    body = request_part(b'{"training_file":"f"}')

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await app_goes_on.wait()
        assert [await receive(), await receive()] == [body, DISCONNECT]

    async def disconnect(caller: ScriptedCaller) -> None:
        caller.disconnect()
        await wait_for_exchange(auditor)
        app_goes_on.set()

    request = request_scope(JOBS_PATH, method="POST")
    exchange = record_exchange(app, request, auditor=auditor, messages=[body], meanwhile=disconnect)
    assert exchange.outcome is Outcome.DISCONNECTED


@pytest.mark.usefixtures("_listen_immediately")
def test_a_disconnect_reaches_an_app_that_receives() -> None:
    """As a stream does. The exchange is recorded too."""
    app_has_received = asyncio.Event()

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        assert await receive() == EMPTY_BODY
        app_has_received.set()
        assert await receive() == DISCONNECT

    async def disconnect(caller: ScriptedCaller) -> None:
        await app_has_received.wait()
        caller.disconnect()

    assert record_exchange(app, meanwhile=disconnect).outcome is Outcome.DISCONNECTED
