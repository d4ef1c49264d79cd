"""Dispatch on the one port: which app gets a request."""

import asyncio
from typing import Any

import pytest

from simulator.http.asgi import Receive, Scope, Send
from simulator.routes.dispatch import Dispatch

LAMBDA_PATH = "/2015-03-31/functions/reward/invocations"


def authorization_for(service: str) -> str:
    """Return the header of a request that is signed for `service`."""
    return (
        f"AWS4-HMAC-SHA256 Credential=AKID/20260101/us-west-2/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )


def dispatched_to(
    *, path: str = "/", authorization: str | None = None, query: str = "", kind: str = "http", method: str = "POST"
) -> list[str]:
    """Send one request; return the names of the apps that received it."""
    handed: list[str] = []

    def app(name: str) -> Any:
        async def take(scope: Scope, receive: Receive, send: Send) -> None:
            handed.append(name)

        return take

    headers = [(b"host", b"localhost")]
    if authorization is not None:
        headers.append((b"authorization", authorization.encode("latin-1")))
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": headers,
    }

    async def aws_answers(service: str, _scope: Scope) -> bool:
        return service != "nosuch"

    front = Dispatch(api=app("api"), invoke=app("invoke"), aws=app("aws"), is_aws_request=aws_answers)

    async def nothing(*_arguments: object) -> Any:
        return {}

    asyncio.run(front(scope, nothing, nothing))
    return handed


@pytest.mark.parametrize("path", ["/v1/files", "/_simulator/health", "/", "/nowhere"])
@pytest.mark.parametrize("authorization", [None, "Bearer key", "Basic x", "\xff\xfe"])
def test_an_unsigned_request_goes_to_the_api(path: str, authorization: str | None) -> None:
    """Bearer keys, browsers and curl."""
    assert dispatched_to(path=path, authorization=authorization) == ["api"]


@pytest.mark.parametrize("service", ["bedrock-mantle", "bedrock"])
def test_a_request_signed_for_mantle_goes_to_the_api(service: str) -> None:
    """With either service name."""
    assert dispatched_to(path="/v1/models", authorization=authorization_for(service)) == ["api"]


@pytest.mark.parametrize("service", ["s3", "iam", "sts", "logs", "lambda"])
def test_a_request_signed_for_another_service_goes_to_aws(service: str) -> None:
    """On any path except Mantle's."""
    assert dispatched_to(path="/2020-01-01/things", authorization=authorization_for(service)) == ["aws"]


@pytest.mark.parametrize(("service", "path"), [("s3", "/v1/files"), ("s3", "/openai/v1/models"), ("mq", "/v1/brokers")])
def test_services_with_paths_below_v1_keep_them(service: str, path: str) -> None:
    """A bucket can be named `v1`."""
    assert dispatched_to(path=path, authorization=authorization_for(service)) == ["aws"]


@pytest.mark.parametrize("path", ["/v1/models", "/openai/v1/models", "/v1/nowhere"])
@pytest.mark.parametrize("service", ["bedrock-runtime", "execute-api", "sagemaker", "lambda", "nosuch"])
def test_mantles_paths_go_to_the_api_with_any_other_signature(service: str, path: str) -> None:
    """The API says for which service to sign."""
    assert dispatched_to(path=path, authorization=authorization_for(service)) == ["api"]


def test_a_request_for_an_unserved_service_goes_to_the_api() -> None:
    """The API answers with an error."""
    assert dispatched_to(path="/anything", authorization=authorization_for("nosuch")) == ["api"]


def test_a_bearer_key_outranks_a_presigned_query() -> None:
    """A client with a key calls Mantle, with any query."""
    query = "X-Amz-Credential=AKID%2F20260101%2Fus-west-2%2Fs3%2Faws4_request"
    assert dispatched_to(path="/v1/models", query=query, authorization="Bearer key") == ["api"]


def test_a_presigned_url_goes_to_its_service() -> None:
    """S3's have the signature in the query."""
    query = "X-Amz-Credential=AKID%2F20260101%2Fus-west-2%2Fs3%2Faws4_request&X-Amz-Signature=0"
    assert dispatched_to(path="/bucket/key", query=query, method="GET") == ["aws"]


def test_a_signed_invocation_goes_to_invoke() -> None:
    """Everything else of Lambda goes to moto."""
    assert dispatched_to(path=LAMBDA_PATH, authorization=authorization_for("lambda")) == ["invoke"]


def test_an_unsigned_invocation_goes_to_the_api() -> None:
    """The API does not know the path."""
    assert dispatched_to(path=LAMBDA_PATH) == ["api"]


def test_a_websocket_goes_to_the_api() -> None:
    """Which refuses it."""
    assert dispatched_to(kind="websocket", authorization=authorization_for("s3")) == ["api"]
