"""The Lambda Runtime API (2018-06-01) of one execution environment, on a loopback socket.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html (DOCUMENTED). It has no thread: whoever invokes
the function also turns this server, one `receive` at a time, so an environment that is not invoked costs
nothing and leaves nothing behind.
"""

import selectors
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from simulator.lambdas.limits import MAX_RESPONSE_BYTES

_PREFIX = "/2018-06-01/runtime/"
_READ = 1 << 18
_ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status": "OK"}'

MessageKind = Literal["next", "response", "error", "init_error", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeMessage:
    """What the runtime in the worker said: it wants work, it answered, it failed, or its connection went away.

    `oversized` answers are larger than Lambda passes on; their body was read and dropped.
    """

    kind: MessageKind
    body: bytes = b""
    oversized: bool = False


@dataclass(slots=True)
class _Connection:
    """One connection, and what has arrived on it of a request that is not complete yet."""

    connection: socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    path: str | None = None
    length: int = 0
    skipped: int = 0

    def requests(self, piece: bytes) -> Iterator[tuple[str, bytes, bool]]:
        """Yield (path, body, oversized) of each request that `piece` completes."""
        self.buffer += piece
        while True:
            if self.path is None and not self._read_head():
                return
            if self.length > MAX_RESPONSE_BYTES:
                self.skipped += len(self.buffer)
                self.buffer.clear()
                if self.skipped < self.length:
                    return
                yield self._completed(body=b"", oversized=True)
            elif len(self.buffer) < self.length:
                return
            else:
                body = bytes(self.buffer[: self.length])
                del self.buffer[: self.length]
                yield self._completed(body=body, oversized=False)

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

    def _completed(self, *, body: bytes, oversized: bool) -> tuple[str, bytes, bool]:
        path, self.path, self.skipped = self.path or "", None, 0
        return path, body, oversized


class RuntimeApi:
    """Serves one worker. Used by one thread at a time."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._conversations: list[_Connection] = []
        self._waiting: _Connection | None = None

    @property
    def address(self) -> str:
        """The host:port that the worker is told."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    @property
    def is_runtime_ready(self) -> bool:
        """Whether the runtime has asked for its next invocation."""
        return self._waiting is not None

    def watch_fd(self, *, fd: int, on_readable: Callable[[], None]) -> None:
        """Watch one more file descriptor: while the worker is waited for, its log must not fill up."""

        def read() -> list[RuntimeMessage]:
            on_readable()
            return []

        self._selector.register(fd, selectors.EVENT_READ, read)

    def receive(self, *, timeout: float) -> list[RuntimeMessage]:
        """Wait up to `timeout` seconds for something to happen; give what the runtime said, which may be nothing."""
        messages: list[RuntimeMessage] = []
        for key, _ in self._selector.select(timeout):
            messages += key.data()
        return messages

    def send_event(self, *, headers: tuple[tuple[str, str], ...], event: bytes, timeout: float) -> None:
        """Answer the pending request for work with an event.

        Raises:
            OSError: the runtime went away, or did not take the event within `timeout` seconds (`TimeoutError`).
        """
        if self._waiting is None:
            raise ConnectionError("the runtime has not asked for an invocation")
        connection, self._waiting = self._waiting.connection, None
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{lines}Content-Length: {len(event)}\r\n\r\n"
        ).encode()
        connection.settimeout(timeout)
        connection.sendall(head + event)
        connection.setblocking(False)

    def close(self) -> None:
        """Close every socket; the worker, if it still lives, sees its connection end."""
        for conversation in self._conversations:
            conversation.connection.close()
        self._conversations.clear()
        self._waiting = None
        self._listener.close()
        self._selector.close()

    def _accept(self) -> list[RuntimeMessage]:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return []
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conversation = _Connection(connection=connection)
        self._conversations.append(conversation)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(conversation))
        return []

    def _read(self, conversation: _Connection) -> list[RuntimeMessage]:
        try:
            piece = conversation.connection.recv(_READ)
        except BlockingIOError:
            return []
        except OSError:
            piece = b""
        if not piece:
            self._drop(conversation)
            return [RuntimeMessage(kind="gone")]
        return [
            message
            for path, body, oversized in conversation.requests(piece)
            if (message := self._heard(conversation, path=path, body=body, oversized=oversized)) is not None
        ]

    def _heard(self, conversation: _Connection, *, path: str, body: bytes, oversized: bool) -> RuntimeMessage | None:
        if path == "invocation/next":
            self._waiting = conversation
            return RuntimeMessage(kind="next")
        try:
            conversation.connection.sendall(_ACCEPTED)
        except OSError:
            self._drop(conversation)
        if path == "init/error":
            return RuntimeMessage(kind="init_error", body=body)
        if path.endswith("/response"):
            return RuntimeMessage(kind="response", body=body, oversized=oversized)
        if path.endswith("/error"):
            return RuntimeMessage(kind="error", body=body)
        return None

    def _drop(self, conversation: _Connection) -> None:
        if conversation in self._conversations:
            self._conversations.remove(conversation)
            self._selector.unregister(conversation.connection)
            conversation.connection.close()
        if self._waiting is conversation:
            self._waiting = None
