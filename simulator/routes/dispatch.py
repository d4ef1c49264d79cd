"""One port for everything: who a request is for is told by its key, then by its SigV4 service, then by its path."""

from collections.abc import Awaitable, Callable
from typing import Final

from simulator.http.asgi import App, Receive, Scope, Send, find_header
from simulator.identity.authentication import MANTLE_SERVICES, parse_bearer_key
from simulator.identity.sigv4 import parse_credential_scope
from simulator.lambdas.invoke_app import is_invoke_request

_LAMBDA: Final = "lambda"
_MANTLE: Final = ("/v1/", "/openai/v1/")
# Those with paths of their own below /v1/ (botocore's descriptions of what moto serves); a bucket may be called `v1`.
_BELOW_V1: Final = frozenset(
    {"appsync", "batch", "kafka", "mediaconnect", "mobiletargeting", "mq", "pinpoint", "pipes", "polly", "s3"}
)


class Dispatch:
    """The ASGI app that the server runs. `api` is ours, `invoke` runs functions, `aws` is moto.

    `aws_answers` says of a service's name, and of the request, whether moto takes it. What nobody takes is the API's,
    which says what is wrong with it.
    """

    def __init__(
        self, *, api: App, invoke: App, aws: App, is_aws_request: Callable[[str, Scope], Awaitable[bool]]
    ) -> None:
        self._api = api
        self._invoke = invoke
        self._aws = aws
        self._aws_answers = is_aws_request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to whom it is for."""
        door = await self._select_app(scope)
        await door(scope, receive, send)

    async def _select_app(self, scope: Scope) -> App:
        if scope["type"] != "http":
            return self._api
        authorization = find_header(scope, b"authorization")
        signed = parse_credential_scope(authorization, scope["query_string"].decode("latin-1"))
        if parse_bearer_key(authorization) or signed is None or signed.service in MANTLE_SERVICES:
            return self._api
        if signed.service == _LAMBDA and is_invoke_request(scope):
            return self._invoke
        if scope["path"].startswith(_MANTLE) and signed.service not in _BELOW_V1:
            return self._api
        return self._aws if await self._aws_answers(signed.service, scope) else self._api
