"""The private part of uvicorn that the server depends on: closing a connection."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn

from simulator.http.asgi import CLOSE_CONNECTION, App, Receive, Scope, Send
from simulator.http.connection import HttpConnection
from tests.faults.log_capture import captured_logs

SIZE = 8_000_000  # larger than a socket's buffers
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % (2 * SIZE))]}
PART = {"type": "http.response.body", "body": b"x" * SIZE, "more_body": True}


@contextmanager
def serve(app: App) -> Iterator[int]:
    """Serve an app with uvicorn and `HttpConnection`; return the port."""
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
    """Send a request; return all bytes until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        received = b""
        while part := connection.recv(65_536):
            received += part
        return received


async def close_connection(scope: Scope, receive: Receive) -> None:
    """Close the connection, and wait until the server reports it."""
    scope["extensions"][CLOSE_CONNECTION]()
    while (await receive())["type"] != "http.disconnect":
        pass


async def close_before_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Close the connection before the response."""
    await close_connection(scope, receive)


async def close_mid_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Close the connection within the response, and send more, which is dropped."""
    await send(START)
    await send(PART)
    await close_connection(scope, receive)
    await send(PART)


def test_an_app_can_close_the_connection_before_the_response() -> None:
    """Uvicorn logs nothing."""
    with serve(close_before_response) as port, captured_logs() as logs:
        assert exchange(port) == b""
        assert logs == []


def test_data_sent_before_the_close_is_delivered() -> None:
    """Later data is not."""
    with serve(close_mid_response) as port, captured_logs() as logs:
        assert len(exchange(port).partition(b"\r\n\r\n")[2]) == SIZE
        assert logs == []


def test_each_request_of_a_connection_has_the_extension() -> None:
    """A kept-alive connection has several requests."""
    results: list[bool] = []

    async def twice(scope: Scope, receive: Receive, send: Send) -> None:
        results.append(CLOSE_CONNECTION in scope["extensions"])
        if len(results) == 1:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await close_connection(scope, receive)

    with serve(twice) as port:
        assert exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2).startswith(b"HTTP/1.1 204")
    assert results == [True, True]
