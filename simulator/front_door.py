"""One port for everything: who a request is for is told by its SigV4 service first, then by its path.

The service comes first because a bucket may be called `v1`.
"""

from typing import Final

from simulator.asgi import App, Receive, Scope, Send, header
from simulator.auth import MANTLE_SERVICES
from simulator.lambdas.invoke_app import is_invoke
from simulator.sigv4 import scope_of

_LAMBDA: Final = "lambda"


class FrontDoor:
    """The ASGI app that the server runs. `api` is ours, `invoke` runs functions, `aws` is moto."""

    def __init__(self, *, api: App, invoke: App, aws: App) -> None:
        self._api = api
        self._invoke = invoke
        self._aws = aws

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to whom it is for."""
        await self._door(scope)(scope, receive, send)

    def _door(self, scope: Scope) -> App:
        if scope["type"] != "http":
            return self._api
        signed = scope_of(header(scope, b"authorization"), scope["query_string"].decode("latin-1"))
        if signed is None or signed.service in MANTLE_SERVICES:
            return self._api
        if signed.service == _LAMBDA and is_invoke(scope):
            return self._invoke
        return self._aws
