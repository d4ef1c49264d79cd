"""Close the connection of a request, or wait until its client does."""

from typing import Final

from simulator.http.asgi import CLOSE_CONNECTION, Receive, Scope

_DISCONNECT: Final = "http.disconnect"


def has_connection(scope: Scope) -> bool:
    """Return whether the request came over a connection that can be closed."""
    return CLOSE_CONNECTION in (scope.get("extensions") or {})


async def close_connection(scope: Scope, receive: Receive) -> None:
    """Close the request's connection after everything sent so far, and return once it is closed.

    Raises:
        httpx2.RemoteProtocolError: there is no connection. The client is then Starlette's TestClient, which is built on
            httpx2, and this is the error that httpx2 raises when a connection closes.
    """
    if not has_connection(scope):
        from httpx2 import RemoteProtocolError  # noqa: PLC0415  only TestClient needs it

        raise RemoteProtocolError("a scripted fault has dropped the connection")
    scope["extensions"][CLOSE_CONNECTION]()
    await wait_for_disconnect(receive)


async def wait_for_disconnect(receive: Receive) -> None:
    """Wait until the client has disconnected. Everything that it still sends is discarded."""
    while (await receive())["type"] != _DISCONNECT:
        pass
