"""Requests that no client library sends, on a raw socket: an answer or a closed connection, and no harm to others."""

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Final

import pytest

from tests.simulators import RunningSimulator

HEALTH: Final = b"GET /_simulator/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
KEY: Final = b"<key>"  # where a key is put in

_PATIENCE: Final = 10.0  # seconds of real time until a connection that neither answers nor closes is a failure


def post(headers: bytes, body: bytes = b"") -> bytes:
    """Return a chat request with these headers."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer <key>\r\n"
    return head + b"Content-Type: application/json\r\n" + headers + b"\r\n" + body


def get(path: bytes, headers: bytes = b"") -> bytes:
    """Return a GET with these headers."""
    return (
        b"GET "
        + path
        + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer <key>\r\n"
        + headers
        + b"\r\n"
    )


MALFORMED: Final = {
    "noise": b"\x00\xff\x16\x03\x01" * 50,
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown version": b"GET /v1/models HTTP/9.9\r\nHost: x\r\n\r\n",
    "an unknown method": b"BREW /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method of no letters": b"G\xffT / HTTP/1.1\r\nHost: x\r\n\r\n",
    "bare line ends": b"GET /v1/models HTTP/1.1\nHost: x\n\n",
    "a tunnel": b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path of no letters": get(b"/v1/models/\xff\xfe"),
    "a query of no letters": get(b"/v1/files?after=\xff\xfe"),
    "a path of 100 kB": get(b"/v1/" + b"a" * 100_000),
    "a NUL in a header": get(b"/v1/models", b"X: a\x00b\r\n"),
    "a blank before a colon": get(b"/v1/models", b"X : a\r\n"),
    "a folded header": get(b"/v1/models", b"X: a\r\n b\r\n"),
    "two lengths": post(b"Content-Length: 2\r\nContent-Length: 5\r\n", b"{}abc"),
    "a length and chunks": post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HEALTH),
    "a negative length": post(b"Content-Length: -1\r\n"),
    "a length with a sign": post(b"Content-Length: +2\r\n", b"{}"),
    "an endless length": post(b"Content-Length: 99999999999999999999999\r\n", b"{}"),
    "another encoding": post(b"Transfer-Encoding: xchunked\r\n", b"{}"),
    "a chunk of no length": post(b"Transfer-Encoding: chunked\r\n", b"ZZ\r\n{}\r\n0\r\n\r\n"),
    "an endless chunk": post(b"Transfer-Encoding: chunked\r\n", b"FFFFFFFFFFFFFFFFFF\r\n{}"),
}

ODD_BUT_VALID: Final = {
    "no version": (b"GET /v1/models\r\n\r\n", b"401"),
    "a whole URL": (get(b"http://elsewhere/v1/models"), b"200"),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"404"),
    "no host": (b"GET /v1/models HTTP/1.1\r\nConnection: close\r\nAuthorization: Bearer <key>\r\n\r\n", b"200"),
    "a path of escapes": (get(b"/v1/models/%ff%fe%00%zz%1b[2J"), b"404"),
    "a query of escapes": (get(b"/v1/files?after=%ff%fe%00%zz&limit=%00"), b"400"),
    "a header of no letters": (get(b"/v1/models", b"X: \xff\xfe\r\n"), b"200"),
    "a header of 200 kB": (get(b"/v1/models", b"X: " + b"a" * 200_000 + b"\r\n"), b"200"),
    "5,000 headers": (get(b"/v1/models", b"X: a\r\n" * 5_000), b"200"),
    "chunks of a byte": (post(b"Transfer-Encoding: chunked\r\n", b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"), b"400"),
    "a body that is promised to be nothing": (post(b"Content-Length: 0\r\n", b"{}"), b"400"),
    "another protocol": (get(b"/v1/models", b"Upgrade: h2c\r\n"), b"200"),
    "a web socket": (
        (
            b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        ),
        b"403",
    ),
    "a signature of no letters": (
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Amz-Target: \xff.x\r\n"
            b"Authorization: AWS4-HMAC-SHA256 Credential=\xff/20260101/us-west-2/dynamodb/aws4_request, "
            b"SignedHeaders=host, Signature=0\r\n\r\n"
        ),
        b"404",
    ),
}


@pytest.fixture
def client_socket(served_simulator: RunningSimulator) -> Iterator[socket.socket]:
    """A connection to the server. Afterwards the server must answer others."""
    with closing(open_socket(served_simulator)) as opened:
        yield opened
    assert exchange(served_simulator, HEALTH).startswith(b"HTTP/1.1 200 ")


def open_socket(served: RunningSimulator) -> socket.socket:
    """Open a connection to the server."""
    host, _, port = served.url.removeprefix("http://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=_PATIENCE)


def read_until_closed(line: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    parts = []
    try:
        while part := line.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:  # it had not read all of it
        pass
    return b"".join(parts)


def exchange(served: RunningSimulator, request: bytes) -> bytes:
    """Send bytes on a new connection; return everything that comes back."""
    with closing(open_socket(served)) as line:
        line.sendall(request.replace(KEY, served.key.encode()))
        return read_until_closed(line)


@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED)
def test_invalid_http_is_refused_and_closed(served_simulator: RunningSimulator, request_bytes: bytes) -> None:
    """Its rest is not read as another request, whatever length it declares."""
    answer = exchange(served_simulator, request_bytes)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert exchange(served_simulator, HEALTH).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(("request_bytes", "status"), ODD_BUT_VALID.values(), ids=ODD_BUT_VALID)
def test_odd_but_valid_http_is_answered(
    served_simulator: RunningSimulator, request_bytes: bytes, status: bytes
) -> None:
    """With a status that any request may get."""
    assert exchange(served_simulator, request_bytes).split(maxsplit=2)[1] == status
    assert exchange(served_simulator, HEALTH).startswith(b"HTTP/1.1 200 ")


def test_a_hundred_pipelined_requests_are_answered_in_order(client_socket: socket.socket) -> None:
    """On one connection, before the client reads the first answer."""
    client_socket.sendall(HEALTH.replace(b"close", b"keep-alive") * 99 + HEALTH)
    assert read_until_closed(client_socket).count(b"HTTP/1.1 200 ") == 100


@pytest.mark.parametrize(
    "request_start",
    [
        b"",
        b"GE",
        b"GET /v1/models HTTP/1.1\r\nHost",
        post(b"Content-Length: 100\r\n"),
        post(b"Content-Length: 100\r\n", b'{"model": '),
        post(b"Transfer-Encoding: chunked\r\n", b"5\r\n{"),
        post(b"Expect: 100-continue\r\nContent-Length: 5\r\n"),
    ],
    ids=["nothing", "half a method", "half a header", "no body", "half a body", "half a chunk", "a body not yet sent"],
)
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_client_may_disconnect_at_any_time(
    served_simulator: RunningSimulator, client_socket: socket.socket, request_start: bytes, reset: bool
) -> None:
    """In an orderly way or not."""
    client_socket.sendall(request_start.replace(KEY, served_simulator.key.encode()))
    if reset:  # close discards unsent bytes and resets the connection
        client_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client_socket.close()


def test_an_upload_that_breaks_off_leaves_nothing(
    served_simulator: RunningSimulator, client_socket: socket.socket
) -> None:
    """No file, and no bytes of one."""
    folder = served_simulator.instance.context.uploads._folder
    before = sorted(folder.iterdir())
    listed = served_simulator.http.get("/v1/files").json()
    client_socket.sendall(
        b"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + served_simulator.key.encode() + b"\r\n"
        b"Content-Type: multipart/form-data; boundary=B\r\nContent-Length: 5000000\r\n\r\n"
        b'--B\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n' + b"x" * 2_000_000
    )
    client_socket.close()
    assert exchange(served_simulator, HEALTH).startswith(b"HTTP/1.1 200 ")
    assert sorted(folder.iterdir()) == before
    assert served_simulator.http.get("/v1/files").json() == listed


@pytest.mark.parametrize(
    "request_start",
    [
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\nX: ",
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 200_000,
        post(b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\nX: "),
        post(b"Transfer-Encoding: chunked\r\n", b"2;x="),
    ],
    ids=["a header", "headers", "a trailer", "a chunk's extension"],
)
def test_endless_headers_and_bodies_are_refused(
    served_simulator: RunningSimulator, client_socket: socket.socket, request_start: bytes
) -> None:
    """After about a megabyte, and without more memory."""
    sent_bytes = 0
    try:
        client_socket.sendall(request_start.replace(KEY, served_simulator.key.encode()))
        for _ in range(1_000):
            client_socket.sendall(b"a" * 100_000)
            sent_bytes += 100_000
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert sent_bytes < 50_000_000


def test_slow_clients_do_not_block_others(served_simulator: RunningSimulator) -> None:
    """Fifty requests that arrive a few bytes at a time. All are answered in the end."""
    request = HEALTH
    with ExitStack() as opened:
        slow = [opened.enter_context(closing(open_socket(served_simulator))) for _ in range(50)]
        for start in range(0, len(request), 30):
            for line in slow:
                line.sendall(request[start : start + 30])
            assert served_simulator.http.get("/v1/models").status_code == 200
        assert [read_until_closed(line)[:13] for line in slow] == [b"HTTP/1.1 200 "] * 50
