"""What of uvicorn is not its public interface and `simulator.server` leans on: a connection that an app can close."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn

from simulator.http.asgi import CLOSE_CONNECTION, App, Receive, Scope, Send
from simulator.http.connection import HttpConnection
from tests.faults.log_capture import captured_logs

SIZE = 8_000_000  # more than a socket's buffers hold
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % (2 * SIZE))]}
PART = {"type": "http.response.body", "body": b"x" * SIZE, "more_body": True}


@contextmanager
def serve(app: App) -> Iterator[int]:
    """Serve an app by uvicorn with our connection; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=HttpConnection, interface="asgi3", lifespan="off", log_level="warning")
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def exchange(port: int, request: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") -> bytes:
    """Send a request; return all bytes until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        received = b""
        while part := connection.recv(65_536):
            received += part
        return received


async def close_connection(scope: Scope, receive: Receive) -> None:
    """Close the connection, and wait until the server says so."""
    scope["extensions"][CLOSE_CONNECTION]()
    while (await receive())["type"] != "http.disconnect":
        pass


async def close_before_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Close before anything was sent."""
    await close_connection(scope, receive)


async def close_mid_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Close after a part of the answer, and say more, which goes nowhere."""
    await send(START)
    await send(PART)
    await close_connection(scope, receive)
    await send(PART)


def test_an_app_can_close_the_connection_before_any_byte_has_gone_out() -> None:
    """The other side sees it close; uvicorn says nothing."""
    with serve(close_before_response) as port, captured_logs() as heard:
        assert exchange(port) == b""
        assert heard == []


def test_what_was_sent_before_the_connection_closes_goes_out() -> None:
    """Nothing of it is thrown away, and nothing follows."""
    with serve(close_mid_response) as port, captured_logs() as heard:
        assert len(exchange(port).partition(b"\r\n\r\n")[2]) == SIZE
        assert heard == []


def test_each_request_of_a_connection_has_the_extension() -> None:
    """Kept alive, it serves several."""
    seen: list[bool] = []

    async def twice(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(CLOSE_CONNECTION in scope["extensions"])
        if len(seen) == 1:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await close_connection(scope, receive)

    with serve(twice) as port:
        assert exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2).startswith(b"HTTP/1.1 204")
    assert seen == [True, True]
