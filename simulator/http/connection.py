"""HTTP as uvicorn reads it from a socket, with an end to how much may come that is no body, and a way to hang up."""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulator.http.asgi import CLOSE_CONNECTION

MAX_HEAD_BYTES: Final = 1 << 20
"""Bytes, give or take what one read brings. INFERRED: AWS's load balancers take 64 KB, and no client sends as much."""


class HttpConnection(HttpToolsProtocol):
    """Uvicorn's, which the app may close, and which refuses a head that goes on and on, or what follows a body.

    ASGI has no way to close a connection. It is closed and not aborted: what was sent before goes out. The parser keeps
    an unfinished header and adds to it piece by piece, in time with the square of its length, while no other request is
    answered. How long a body may be is the routes' business.
    """

    _head_bytes = 0  # bytes since a body, or the end of a head or of a request

    def data_received(self, data: bytes) -> None:
        """Take what the socket brought."""
        if self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The request's head is too long.")
            return
        self._head_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Give the app a way to hang up."""
        super().on_message_begin()
        extensions: dict[str, Any] = {CLOSE_CONNECTION: self.transport.close}
        self.scope["extensions"] = extensions

    def on_headers_complete(self) -> None:
        """Note the end of the head."""
        self._head_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Note a piece of the body."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of the request."""
        self._head_bytes = 0
        super().on_message_complete()
