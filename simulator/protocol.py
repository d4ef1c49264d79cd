"""HTTP as uvicorn reads it from a socket, with an end to how much may come that is no body."""

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD: Final = 1 << 20
"""Bytes, give or take what one read brings. INFERRED: AWS's load balancers take 64 KB, and no client sends as much."""


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a request whose head, or what follows its body, goes on and on.

    The parser keeps an unfinished header and adds to it piece by piece, in time with the square of its length, while no
    other request is answered. How long a body may be is the routes' business.
    """

    _kept = 0  # bytes since a body, or the end of a head or of a request

    def data_received(self, data: bytes) -> None:
        """Take what the socket brought."""
        if self._kept > LONGEST_HEAD:
            self.send_400_response("The request's head is too long.")
            return
        self._kept += len(data)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Note the end of the head."""
        self._kept = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Note a piece of the body."""
        self._kept = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of the request."""
        self._kept = 0
        super().on_message_complete()
