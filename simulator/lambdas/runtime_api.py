"""The Lambda Runtime API (2018-06-01) of one execution environment, on a loopback socket.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html (DOCUMENTED). It has no thread of its own: the thread of
the invocation drives it with `receive`, so an idle environment uses no CPU time.
"""

import selectors
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from simulator.lambdas.limits import MAX_RESPONSE_BYTES

_PREFIX = "/2018-06-01/runtime/"
_READ_BYTES = 1 << 18
_ACCEPTED_RESPONSE = (
    b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status": "OK"}'
)

MessageKind = Literal["next", "response", "error", "init_error", "disconnected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeMessage:
    """A message of the runtime in the worker: a request for work, a response, an error, or the end of its connection.

    An `oversized` response exceeds Lambda's limit; its body was read and dropped.
    """

    kind: MessageKind
    body: bytes = b""
    oversized: bool = False


@dataclass(slots=True)
class _Connection:
    """One connection, with the received part of an incomplete request."""

    stream: socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    path: str | None = None
    length: int = 0
    skipped: int = 0

    def requests(self, data: bytes) -> Iterator[tuple[str, bytes, bool]]:
        """Yield (path, body, oversized) of each request that `data` completes."""
        self.buffer += data
        while True:
            if self.path is None and not self._read_head():
                return
            if self.length > MAX_RESPONSE_BYTES:
                self.skipped += len(self.buffer)
                self.buffer.clear()
                if self.skipped < self.length:
                    return
                yield self._finish_request(body=b"", oversized=True)
            elif len(self.buffer) < self.length:
                return
            else:
                body = bytes(self.buffer[: self.length])
                del self.buffer[: self.length]
                yield self._finish_request(body=body, oversized=False)

    def _read_head(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        request_line, *headers = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        del self.buffer[: end + 4]
        self.path = request_line.split(" ")[1].removeprefix(_PREFIX)
        self.length = 0
        for header in headers:
            name, _, value = header.partition(":")
            if name.lower() == "content-length":
                self.length = int(value)
        return True

    def _finish_request(self, *, body: bytes, oversized: bool) -> tuple[str, bytes, bool]:
        path, self.path, self.skipped = self.path or "", None, 0
        return path, body, oversized


class RuntimeApi:
    """Serves one worker. Used by one thread at a time."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._connections: list[_Connection] = []
        self._pending_next: _Connection | None = None

    @property
    def address(self) -> str:
        """The host:port that the worker connects to."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    @property
    def is_runtime_ready(self) -> bool:
        """Whether the runtime has asked for its next invocation."""
        return self._pending_next is not None

    def watch_fd(self, *, fd: int, on_readable: Callable[[], None]) -> None:
        """Watch another file descriptor: the log pipe must be read while `receive` waits."""

        def read() -> list[RuntimeMessage]:
            on_readable()
            return []

        self._selector.register(fd, selectors.EVENT_READ, read)

    def receive(self, *, timeout: float) -> list[RuntimeMessage]:
        """Wait up to `timeout` seconds; return the messages of the runtime, possibly none."""
        messages: list[RuntimeMessage] = []
        for key, _ in self._selector.select(timeout):
            messages += key.data()
        return messages

    def send_event(self, *, headers: tuple[tuple[str, str], ...], event: bytes, timeout: float) -> None:
        """Answer the pending request for work with an event.

        Raises:
            OSError: the runtime disconnected, or did not read the event within `timeout` seconds (`TimeoutError`).
        """
        if self._pending_next is None:
            raise ConnectionError("the runtime has not asked for an invocation")
        stream, self._pending_next = self._pending_next.stream, None
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{lines}Content-Length: {len(event)}\r\n\r\n"
        ).encode()
        stream.settimeout(timeout)
        stream.sendall(head + event)
        stream.setblocking(False)

    def close(self) -> None:
        """Close every socket, which ends the connections of a running worker."""
        for connection in self._connections:
            connection.stream.close()
        self._connections.clear()
        self._pending_next = None
        self._listener.close()
        self._selector.close()

    def _accept(self) -> list[RuntimeMessage]:
        try:
            stream, _ = self._listener.accept()
        except OSError:
            return []
        stream.setblocking(False)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(stream=stream)
        self._connections.append(connection)
        self._selector.register(stream, selectors.EVENT_READ, lambda: self._read(connection))
        return []

    def _read(self, connection: _Connection) -> list[RuntimeMessage]:
        try:
            data = connection.stream.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self._close_connection(connection)
            return [RuntimeMessage(kind="disconnected")]
        return [
            message
            for path, body, oversized in connection.requests(data)
            if (message := self._handle_request(connection, path=path, body=body, oversized=oversized)) is not None
        ]

    def _handle_request(
        self, connection: _Connection, *, path: str, body: bytes, oversized: bool
    ) -> RuntimeMessage | None:
        if path == "invocation/next":
            self._pending_next = connection
            return RuntimeMessage(kind="next")
        try:
            connection.stream.sendall(_ACCEPTED_RESPONSE)
        except OSError:
            self._close_connection(connection)
        if path == "init/error":
            return RuntimeMessage(kind="init_error", body=body)
        if path.endswith("/response"):
            return RuntimeMessage(kind="response", body=body, oversized=oversized)
        if path.endswith("/error"):
            return RuntimeMessage(kind="error", body=body)
        return None

    def _close_connection(self, connection: _Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            self._selector.unregister(connection.stream)
            connection.stream.close()
        if self._pending_next is connection:
            self._pending_next = None
