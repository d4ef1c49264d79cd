"""Refuses requests that a browser sends for a web page of another site.

Any client of the simulator can run code on this machine, because a Lambda function is code, and a browser lets every
web page send requests to this machine. A page of another site is recognised by its `Origin` header. A page whose domain
resolves to this machine (DNS rebinding) is recognised by its `Host` header, which is then a public domain name.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from simulator.http.asgi import App, Receive, Scope, Send, find_header

# Names that nobody can register: RFC 6761, RFC 6762, and `internal`, which ICANN reserves for private use.
_RESERVED_DOMAINS: Final = ("localhost", "local", "internal", "test")


class OriginCheck:
    """Middleware that refuses requests of other sites' web pages."""

    def __init__(self, app: App, *, allowed_hosts: Iterable[str], reject: Callable[[Scope, str, str], App]) -> None:
        """Wrap an app.

        Args:
            app: answers the allowed requests.
            allowed_hosts: public names of this simulator.
            reject: returns the app that refuses a request, from its scope, a reason and a hint.
        """
        self._app = app
        self._allowed_domains = (*_RESERVED_DOMAINS, *(host.lower() for host in allowed_hosts))
        self._reject = reject

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        app = self._app if scope["type"] != "http" else self._select_app(scope)
        await app(scope, receive, send)

    def _select_app(self, scope: Scope) -> App:
        host, origin = find_header(scope, b"host"), find_header(scope, b"origin")
        if origin and origin.partition("://")[2] != host:
            reason = f"A web page at {origin} may not send requests to the simulator"
            return self._reject(scope, reason, "send no Origin header; programs other than browsers send none")
        if host and not self._is_allowed_host(host):
            reason = f"The simulator does not accept the host name {host}"
            return self._reject(scope, reason, "use 127.0.0.1, or start the simulator with --set hosts=NAME")
        return self._app

    def _is_allowed_host(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return (
            "." not in name
            or _is_address(name)
            or any(f".{name}".endswith(f".{domain}") for domain in self._allowed_domains)
        )


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
