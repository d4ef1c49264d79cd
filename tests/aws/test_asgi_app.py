"""AWS requests over HTTP: whole bodies, whole responses, disconnects and full disks."""

import asyncio
from collections.abc import Awaitable, Callable
from threading import Event
from typing import Any, BinaryIO

import pytest

from simulator.aws.asgi_app import AwsApp
from simulator.aws.journal import MAX_INLINE_BODY_BYTES
from simulator.aws.request import AwsRequest, AwsResponse
from simulator.http.asgi import Message
from simulator.store.errors import StoreFullError

SCOPE: dict[str, Any] = {"type": "http", "method": "PUT", "path": "/bucket/key", "query_string": b"", "headers": []}
RESPONSE = AwsResponse(status=200, headers=(("Content-Length", "2"), ("X-Amz-Id", "7")), body=b"ok")
DISCONNECT: Message = {"type": "http.disconnect"}


def parts(*sizes: int) -> list[Message]:
    """Return the ASGI messages of a body."""
    last = len(sizes) - 1
    return [
        {"type": "http.request", "body": bytes(size), "more_body": number < last} for number, size in enumerate(sizes)
    ]


class FakeConnection:
    """Sends the messages of a request and records the response."""

    def __init__(self, *messages: Message) -> None:
        self._messages = list(messages)
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        """Return the next message."""
        return self._messages.pop(0)

    async def send(self, message: Message) -> None:
        """Record a message of the response."""
        self.sent.append(message)


def serve(handle: Callable[[AwsRequest, BinaryIO], AwsResponse], interact: Callable[[AwsApp], Awaitable[None]]) -> None:
    """Use an app, and close it."""
    app = AwsApp(handle)

    async def run() -> None:
        await interact(app)

    asyncio.run(run())
    app.close()


@pytest.mark.parametrize(
    "sizes", [(0,), (10, 20), (MAX_INLINE_BODY_BYTES,), (MAX_INLINE_BODY_BYTES, 1), (70_000, 70_000, 0)]
)
def test_the_whole_body_is_passed_on(sizes: tuple[int, ...]) -> None:
    """From memory or from a file. The response has the handler's headers."""
    read: list[int] = []
    connection = FakeConnection(*parts(*sizes))

    def handle(_: AwsRequest, body: BinaryIO) -> AwsResponse:
        read.append(len(body.read()))
        return RESPONSE

    serve(handle, lambda app: app(SCOPE, connection.receive, connection.send))
    assert (read, connection.sent) == (
        [sum(sizes)],
        [
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2"), (b"x-amz-id", b"7")]},
            {"type": "http.response.body", "body": b"ok"},
        ],
    )


@pytest.mark.parametrize("sizes", [(), (10,), (70_000, 70_000)])
def test_a_request_that_is_cut_off_is_not_handled(sizes: tuple[int, ...]) -> None:
    """A partial object must not be stored."""
    started = parts(*sizes, 0)[:-1]
    connection, handled = FakeConnection(*started, DISCONNECT), Event()

    def handle(_: AwsRequest, __: BinaryIO) -> AwsResponse:
        handled.set()
        return RESPONSE

    serve(handle, lambda app: app(SCOPE, connection.receive, connection.send))
    assert (handled.is_set(), connection.sent) == (False, [])


def test_the_response_starts_after_the_request_is_handled() -> None:
    """Its changes are stored by then."""
    connection, started, may_end = FakeConnection(*parts(10)), Event(), Event()

    def handle(_: AwsRequest, __: BinaryIO) -> AwsResponse:
        started.set()
        assert may_end.wait(30)
        return RESPONSE

    async def interact_with(app: AwsApp) -> None:
        request = asyncio.create_task(app(SCOPE, connection.receive, connection.send))
        await asyncio.to_thread(started.wait, 30)
        await asyncio.sleep(0)
        assert connection.sent == []
        may_end.set()
        await request

    serve(handle, interact_with)
    assert [message["type"] for message in connection.sent] == ["http.response.start", "http.response.body"]


def test_a_request_is_handled_after_its_caller_disconnects() -> None:
    """The body stays readable meanwhile."""
    started, may_read, read = Event(), Event(), []

    def handle(_: AwsRequest, body: BinaryIO) -> AwsResponse:
        started.set()
        assert may_read.wait(30)
        read.append(len(body.read()))
        return RESPONSE

    async def interact_with(app: AwsApp) -> None:
        connection = FakeConnection(*parts(MAX_INLINE_BODY_BYTES, 5))
        request = asyncio.create_task(app(SCOPE, connection.receive, connection.send))
        await asyncio.to_thread(started.wait, 30)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        may_read.set()

    serve(handle, interact_with)
    assert read == [MAX_INLINE_BODY_BYTES + 5]


def test_a_full_disk_is_503_with_a_hint() -> None:
    """Without a body, so that the SDKs of all protocols retry."""
    connection = FakeConnection(*parts(10))

    def handle(_: AwsRequest, __: BinaryIO) -> AwsResponse:
        raise StoreFullError("the data folder cannot be written: disk full")

    serve(handle, lambda app: app(SCOPE, connection.receive, connection.send))
    start, body = connection.sent
    assert (start["status"], dict(start["headers"]), body["body"]) == (
        503,
        {
            b"content-length": b"0",
            b"x-simulator-hint": b"the data folder cannot be written: disk full; free some space and retry:"
            b" all earlier data is intact",
        },
        b"",
    )
