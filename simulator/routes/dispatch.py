"""Dispatches requests on the one port: by key, then by SigV4 service, then by path."""

from collections.abc import Awaitable, Callable
from typing import Final

from simulator.http.asgi import App, Receive, Scope, Send, find_header
from simulator.identity.authentication import MANTLE_SERVICES, parse_bearer_key
from simulator.identity.sigv4 import parse_credential_scope
from simulator.lambdas.invoke_app import is_invoke_request

_LAMBDA: Final = "lambda"
_MANTLE_PATHS: Final = ("/v1/", "/openai/v1/")
# The services of moto with paths below /v1/ (botocore's service descriptions). An S3 bucket can be named `v1`.
_SERVICES_WITH_V1_PATHS: Final = frozenset(
    {"appsync", "batch", "kafka", "mediaconnect", "mobiletargeting", "mq", "pinpoint", "pipes", "polly", "s3"}
)


class Dispatch:
    """The ASGI app that the server runs.

    `api` is the OpenAI-compatible API, `invoke` runs Lambda functions, `aws` is moto. `is_aws_request` returns whether
    moto serves a request with this SigV4 service name. All other requests go to `api`, which explains what is wrong.
    """

    def __init__(
        self, *, api: App, invoke: App, aws: App, is_aws_request: Callable[[str, Scope], Awaitable[bool]]
    ) -> None:
        self._api = api
        self._invoke = invoke
        self._aws = aws
        self._is_aws_request = is_aws_request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to its app."""
        app = await self._select_app(scope)
        await app(scope, receive, send)

    async def _select_app(self, scope: Scope) -> App:
        if scope["type"] != "http":
            return self._api
        authorization = find_header(scope, b"authorization")
        credential = parse_credential_scope(authorization, scope["query_string"].decode("latin-1"))
        if parse_bearer_key(authorization) or credential is None or credential.service in MANTLE_SERVICES:
            return self._api
        if credential.service == _LAMBDA and is_invoke_request(scope):
            return self._invoke
        if scope["path"].startswith(_MANTLE_PATHS) and credential.service not in _SERVICES_WITH_V1_PATHS:
            return self._api
        return self._aws if await self._is_aws_request(credential.service, scope) else self._api
