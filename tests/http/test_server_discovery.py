"""Asking a running simulator for its region. A shell evaluates the answer, so only a region's name may pass."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from simulator.http.server_discovery import discover_region


@contextmanager
def serve_once(body: bytes) -> Iterator[int]:
    """Answer one request with `body`; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(body)

        thread = Thread(target=answer)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def health_response(**body: object) -> bytes:
    """Return an HTTP answer of /_simulator/health."""
    return b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(body).encode()


@pytest.mark.parametrize(
    "body",
    [
        health_response(region="'; touch /nowhere; '"),
        health_response(region=["us-west-2"]),
        health_response(status="ok"),
        b"HTTP/1.0 404 Not Found\r\n\r\nnothing",
        b"HTTP/1.0 200 OK\r\n\r\n\xff",
        b"HTTP/1.0 200 OK\r\n\r\n[]",
        b"SSH-2.0-OpenSSH\r\n",
    ],
)
def test_any_other_program_is_not_a_simulator(body: bytes) -> None:
    """Nothing of its answer is returned."""
    with serve_once(body) as port:
        assert discover_region("127.0.0.1", port) == (None, f"the program on 127.0.0.1:{port} is not a simulator")
