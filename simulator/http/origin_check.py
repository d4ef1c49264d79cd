"""Web pages are no clients: what a browser sends for a page of somebody else's is not let in.

Whoever can ask here can run code here, for a function is code, and a browser lets any page send requests to this
machine. A page of another site gives itself away by its `Origin`; one whose own name was made to lead here (DNS
rebinding) by its `Host`, which is then a name that somebody can own.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from simulator.http.asgi import App, Receive, Scope, Send, find_header

# Nobody can own a name without a dot, or below these (RFC 6761, RFC 6762; `internal` is ICANN's for private use).
_RESERVED_DOMAINS: Final = ("localhost", "local", "internal", "test")


class OriginCheck:
    """Refuses what a page of another site sends, and asks `behind` for all else."""

    def __init__(self, app: App, *, allowed_hosts: Iterable[str], reject: Callable[[Scope, str, str], App]) -> None:
        """`allowed_hosts` are the owned names of this port; `reject` makes the answer of a request, a reason and a hint."""
        self._behind = app
        self._below = (*_RESERVED_DOMAINS, *(host.lower() for host in allowed_hosts))
        self._refused = reject

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or answer it."""
        app = self._behind if scope["type"] != "http" else self._select_app(scope)
        await app(scope, receive, send)

    def _select_app(self, scope: Scope) -> App:
        host, origin = find_header(scope, b"host"), find_header(scope, b"origin")
        if origin and origin.partition("://")[2] != host:
            reason = f"A web page at {origin} may not ask the simulator"
            return self._refused(scope, reason, "programs send no Origin header; send none")
        if host and not self._is_allowed_host(host):
            reason = f"The simulator does not go by the name {host}"
            return self._refused(scope, reason, "ask for 127.0.0.1, or start it with --set hosts=NAME")
        return self._behind

    def _is_allowed_host(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return "." not in name or _is_address(name) or any(f".{name}".endswith(f".{below}") for below in self._below)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
