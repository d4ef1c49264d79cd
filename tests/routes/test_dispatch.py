"""One port for everything: who a request is for."""

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
    """Send one request; return the names of the apps that were handed it."""
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
def test_what_is_not_signed_is_for_the_api(path: str, authorization: str | None) -> None:
    """Bearer keys, browsers and curl."""
    assert dispatched_to(path=path, authorization=authorization) == ["api"]


@pytest.mark.parametrize("service", ["bedrock-mantle", "bedrock"])
def test_what_is_signed_for_mantle_is_for_the_api(service: str) -> None:
    """Under either name."""
    assert dispatched_to(path="/v1/models", authorization=authorization_for(service)) == ["api"]


@pytest.mark.parametrize("service", ["s3", "iam", "sts", "logs", "lambda"])
def test_what_is_signed_for_another_service_is_for_aws(service: str) -> None:
    """Whatever the path, unless it is Mantle's."""
    assert dispatched_to(path="/2020-01-01/things", authorization=authorization_for(service)) == ["aws"]


@pytest.mark.parametrize(("service", "path"), [("s3", "/v1/files"), ("s3", "/openai/v1/models"), ("mq", "/v1/brokers")])
def test_services_with_paths_below_v1_keep_them(service: str, path: str) -> None:
    """A bucket may be called `v1`."""
    assert dispatched_to(path=path, authorization=authorization_for(service)) == ["aws"]


@pytest.mark.parametrize("path", ["/v1/models", "/openai/v1/models", "/v1/nowhere"])
@pytest.mark.parametrize("service", ["bedrock-runtime", "execute-api", "sagemaker", "lambda", "nosuch"])
def test_mantles_paths_are_the_apis_whatever_else_they_are_signed_for(service: str, path: str) -> None:
    """It says for which service a request must be signed."""
    assert dispatched_to(path=path, authorization=authorization_for(service)) == ["api"]


def test_what_is_signed_for_a_service_that_is_not_here_is_for_the_api() -> None:
    """It says so in its own envelope."""
    assert dispatched_to(path="/anything", authorization=authorization_for("nosuch")) == ["api"]


def test_a_bearer_key_outranks_a_presigned_query() -> None:
    """A caller with a key is Mantle's, whatever the query looks like."""
    query = "X-Amz-Credential=AKID%2F20260101%2Fus-west-2%2Fs3%2Faws4_request"
    assert dispatched_to(path="/v1/models", query=query, authorization="Bearer key") == ["api"]


def test_a_presigned_url_is_for_its_service() -> None:
    """S3's carry the signature in the query."""
    query = "X-Amz-Credential=AKID%2F20260101%2Fus-west-2%2Fs3%2Faws4_request&X-Amz-Signature=0"
    assert dispatched_to(path="/bucket/key", query=query, method="GET") == ["aws"]


def test_a_call_of_a_function_is_run_here() -> None:
    """Everything else of Lambda is moto's."""
    assert dispatched_to(path=LAMBDA_PATH, authorization=authorization_for("lambda")) == ["invoke"]


def test_the_path_of_an_invocation_alone_runs_nothing() -> None:
    """An unsigned request is the API's, and the API does not know the path."""
    assert dispatched_to(path=LAMBDA_PATH) == ["api"]


def test_what_is_no_request_is_for_the_api() -> None:
    """A websocket, for one, which it refuses."""
    assert dispatched_to(kind="websocket", authorization=authorization_for("s3")) == ["api"]
