"""Uvicorn's HTTP connection, with a limit on the request head and a way for the app to close the connection."""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulator.http.asgi import CLOSE_CONNECTION

MAX_HEAD_BYTES: Final = 1 << 20
"""In bytes; the last read may exceed it. INFERRED: AWS's load balancers accept 64 KB, and no client sends as much."""


class HttpConnection(HttpToolsProtocol):
    """A connection that the app can close, and that refuses an endless request head or trailer.

    ASGI has no way to close a connection. This one is closed and not aborted: everything sent before still goes out.
    The limit is needed because the parser appends to an unfinished header piece by piece. Without the limit, this takes
    quadratic time, and no other request is answered meanwhile. The routes limit the body.
    """

    _head_bytes = 0  # bytes since the last body part, end of a head, or end of a request

    def data_received(self, data: bytes) -> None:
        """Parse bytes from the socket."""
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The request's head is too long.")
            return
        self._head_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Give the app a function that closes the connection."""
        super().on_message_begin()
        extensions: dict[str, Any] = {CLOSE_CONNECTION: self.transport.close}
        self.scope["extensions"] = extensions

    def on_headers_complete(self) -> None:
        """Restart the count at the end of the head."""
        self._head_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Restart the count at each part of the body."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Restart the count at the end of the request."""
        self._head_bytes = 0
        super().on_message_complete()
