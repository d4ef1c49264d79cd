"""Type names for ASGI apps, and the simulator's two extensions of ASGI."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

# In the extensions of a scope: a function that closes the connection after everything sent has gone out. ASGI has no
# way to do this. The key is missing if there is no socket.
CLOSE_CONNECTION: Final = "simulator.hang_up"

# In a request message: the body as the client sent it, when the fault middleware has changed it. A signature covers the
# original body.
ORIGINAL_BODY: Final = "simulator.as_sent"


def find_header(scope: Scope, name: bytes) -> str:
    """Return the value of a request header by its lower-case name; empty when it is missing."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return next((value.decode("latin-1") for header, value in headers if header == name), "")
