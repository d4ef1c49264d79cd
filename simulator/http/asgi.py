"""The names of ASGI's parts, as this house's apps take them."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

# Our server's extension to a scope, for what ASGI cannot say: a function that closes the connection once all that was
# sent has gone out. There is none without a socket.
CLOSE_CONNECTION: Final = "simulator.hang_up"

# Ours in a message of a request: the body as it came in, where the edge has changed it. A signature is of that one.
ORIGINAL_BODY: Final = "simulator.as_sent"


def find_header(scope: Scope, name: bytes) -> str:
    """Return a request's header by its lower-case name; empty when there is none."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return next((value.decode("latin-1") for given, value in headers if given == name), "")
