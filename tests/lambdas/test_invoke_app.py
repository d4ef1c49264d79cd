"""The Invoke API: statuses, headers and bodies, without a socket and without moto."""

import asyncio
import base64
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest

from simulator.lambdas.errors import FunctionNotFound
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.function_reference import FunctionReference
from simulator.lambdas.invoke_app import InvokeApp, InvokeRequest, InvokeResponse, is_invoke_request
from simulator.lambdas.pool import EnvironmentPool
from tests.lambdas.zips import ACCOUNT, ARN, REGION, function_from_zip, make_function

ECHO = make_function("def lambda_handler(event, context):\n    print('seen')\n    return event\n")
FUNCTIONS = {
    "grader": ECHO,
    "broken": make_function("def lambda_handler(event, context): raise ValueError('boom')\n"),
    "junk": function_from_zip(b"junk", name="junk", arn=ARN + "-junk"),
    "stopped": make_function(
        "def lambda_handler(event, context): pass\n", reserved_concurrency=0, arn=ARN + "-stopped"
    ),
    "old": make_function("def lambda_handler(event, context): pass\n", runtime="python3.9", arn=ARN + "-old"),
    "eager": make_function("def lambda_handler(event, context): pass\n", timeout=5000),
}
REQUEST = "10000000-0000-4000-8000-000000000001"

Invoke = Callable[..., InvokeResponse]


def find_function(reference: FunctionReference) -> FunctionSpec:
    """Find a function of FUNCTIONS."""
    if reference.name not in FUNCTIONS or reference.qualifier not in {None, "live"}:
        raise FunctionNotFound(reference.arn)
    return FUNCTIONS[reference.name]


@pytest.fixture
def recorded_invocations() -> list[Invocation]:
    """The list of all invocations of the test."""
    return []


@pytest.fixture
def app(make_pool: Callable[..., EnvironmentPool], recorded_invocations: list[Invocation]) -> Iterator[InvokeApp]:
    """An Invoke API for FUNCTIONS that denies the access key AKIADENIED only."""
    numbers = itertools.count(1)
    app = InvokeApp(
        pool=make_pool(record=lambda _, invocation: recorded_invocations.append(invocation)),
        find_function=find_function,
        account_for_access_key=lambda _: ACCOUNT,
        denial_reason=lambda key, arn: f"no {key} on {arn}" if key == "AKIADENIED" else None,
        new_request_id=lambda: f"10000000-0000-4000-8000-{next(numbers):012d}",
        default_region=REGION,
    )
    yield app
    app.close()


@pytest.fixture
def invoke(app: InvokeApp) -> Invoke:
    """A function that calls the API."""

    def call(name: str = "grader", body: bytes = b"{}", **fields: Any) -> InvokeResponse:
        settings: dict[str, Any] = {"qualifier": None, "account": ACCOUNT, "region": REGION, "access_key_id": None}
        return app.handle(InvokeRequest(function=name, body=body, **{**settings, **fields}))

    return call


def error_fields(answer: InvokeResponse) -> tuple[int, str, Mapping[str, str]]:
    """Return status, error name and body of an error."""
    return answer.status, dict(answer.headers)["x-amzn-errortype"], json.loads(answer.body)


def error_response(message: str, *, kind: str = "User", **more: str) -> dict[str, str]:
    """Return the body of an error."""
    return {"Type": kind, "Message": message, "message": message, **more}


def test_a_response_has_payload_version_and_request_id(invoke: Invoke) -> None:
    """With status 200."""
    assert invoke(body=b'{"a": 1}') == InvokeResponse(
        status=200,
        headers=(
            ("x-amzn-requestid", REQUEST),
            ("content-type", "application/json"),
            ("x-amz-executed-version", "$LATEST"),
        ),
        body=b'{"a": 1}',
    )


def test_a_function_error_is_a_header(invoke: Invoke) -> None:
    """The status is 200, as on AWS."""
    answer = invoke("broken")

    assert (answer.status, dict(answer.headers)["x-amz-function-error"]) == (200, "Unhandled")


def test_log_type_tail_returns_the_end_of_the_log(invoke: Invoke) -> None:
    """In base64, at most 4 KB."""
    tail = base64.b64decode(dict(invoke(log_type="Tail").headers)["x-amz-log-result"]).decode()

    assert tail.startswith(f"START RequestId: {REQUEST} Version: $LATEST\nseen\nEND RequestId: {REQUEST}\nREPORT ")


def test_an_empty_body_is_an_empty_object(invoke: Invoke) -> None:
    """A call without a payload passes {}."""
    assert invoke(body=b"").body == b"{}"


def test_dry_run_runs_nothing(invoke: Invoke, recorded_invocations: list[Invocation]) -> None:
    """It gives 204."""
    assert (invoke(invocation_type="DryRun").status, recorded_invocations) == (204, [])


def test_an_event_invocation_runs_after_its_response(
    app: InvokeApp, invoke: Invoke, recorded_invocations: list[Invocation]
) -> None:
    """202 without a body; the function runs with the same request id."""
    answer = invoke(invocation_type="Event")

    app._threads.shutdown(wait=True)
    assert (answer.status, answer.body, [done.request_id for done in recorded_invocations]) == (202, b"", [REQUEST])


def test_the_qualifier_is_part_of_the_invoked_arn(invoke: Invoke) -> None:
    """An unknown one is not found."""
    assert (invoke(qualifier="live").status, error_fields(invoke(qualifier="nope"))) == (
        200,
        (404, "ResourceNotFoundException", error_response(f"Function not found: {ARN}:nope")),
    )


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            {"name": "missing"},
            (404, "ResourceNotFoundException", error_response(f"Function not found: {ARN[:-6]}missing")),
        ),
        (
            {"body": b"{"},
            (
                400,
                "InvalidRequestContentException",
                error_response(
                    "Could not parse request body into json: Expecting property name enclosed in double quotes: "
                    "line 1 column 2 (char 1)"
                ),
            ),
        ),
        (
            {"body": b"[" * 100_000},
            (
                400,
                "InvalidRequestContentException",
                error_response("Could not parse request body into json: it is nested too deeply"),
            ),
        ),
        (
            {"body": b" " * 6_291_457},
            (
                413,
                "RequestEntityTooLargeException",
                error_response("Request must be smaller than 6291456 bytes for the InvokeFunction operation"),
            ),
        ),
        (
            {"body": b" " * 1_048_577, "invocation_type": "Event"},
            (
                413,
                "RequestEntityTooLargeException",
                error_response("Request must be smaller than 1048576 bytes for the InvokeFunction operation"),
            ),
        ),
        (
            {"name": "stopped"},
            (
                429,
                "TooManyRequestsException",
                error_response("Rate Exceeded.", Reason="ReservedFunctionConcurrentInvocationLimitExceeded"),
            ),
        ),
        ({"access_key_id": "AKIADENIED"}, (403, "AccessDeniedException", error_response(f"no AKIADENIED on {ARN}"))),
        (
            {"name": "junk"},
            (
                502,
                "InvalidZipFileException",
                error_response(
                    "Lambda could not unzip the deployment package. The function's zip is not a usable zip archive: "
                    "File is not a zip file.",
                    kind="Service",
                ),
            ),
        ),
        (
            {"name": "eager"},
            (
                400,
                "InvalidParameterValueException",
                error_response(
                    "1 validation error detected: Value '5000' at 'timeout' failed to satisfy constraint: "
                    "Member must have value less than or equal to 900"
                ),
            ),
        ),
        (
            {"invocation_type": "Later"},
            (
                400,
                "InvalidParameterValueException",
                error_response(
                    "1 validation error detected: Value 'Later' at 'invocationType' failed to satisfy constraint: "
                    "Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
                ),
            ),
        ),
        (
            {"client_context": "%"},
            (
                400,
                "InvalidRequestContentException",
                error_response("Client context must be a valid Base64-encoded JSON object."),
            ),
        ),
    ],
    ids=lambda value: str(value)[:30],
)
def test_rejected_invocations_have_lambdas_errors(
    invoke: Invoke, call: dict[str, Any], expected: tuple[int, str, dict[str, str]]
) -> None:
    """Status, error name and message."""
    assert error_fields(invoke(**call)) == expected


def test_the_http_request_is_parsed(app: InvokeApp) -> None:
    """The function from the encoded path, region and access key from the signature."""
    signature = "AWS4-HMAC-SHA256 Credential=AKIADENIED/20260101/eu-west-1/lambda/aws4_request, Signature=0"

    answer = _post(
        app,
        "/2015-03-31/functions/grader/invocations?Qualifier=live",
        headers={"authorization": signature, "x-amz-invocation-type": "DryRun"},
    )

    arn = ARN.replace(REGION, "eu-west-1")
    assert (answer.status_code, answer.json()["Message"]) == (403, f"no AKIADENIED on {arn}:live")


def test_the_http_response_is_the_payload(app: InvokeApp) -> None:
    """Also for an ARN in the path."""
    path = f"/2015-03-31/functions/{ARN.replace(':', '%3A')}/invocations"

    answer = _post(app, path, content=b"[1]")

    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"[1]", "3")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/2015-03-31/functions/grader/invocations", True),
        ("POST", "/2015-03-31/functions/grader/invocations/", True),
        ("GET", "/2015-03-31/functions/grader/invocations", False),
        ("POST", "/2015-03-31/functions/grader/versions", False),
        ("POST", "/v1/files", False),
    ],
)
def test_an_invoke_request_is_recognized_by_its_path(method: str, path: str, *, expected: bool) -> None:
    """Dispatch separates it from the rest of Lambda's API."""
    assert is_invoke_request({"type": "http", "method": method, "path": path}) is expected


def _post(app: InvokeApp, path: str, **request: Any) -> httpx.Response:

    async def post() -> httpx.Response:
        # httpx takes any callable of ASGI's form; its own type of scope is narrower.
        transport: Any = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
            return await client.post(path, **request)

    return asyncio.run(post())


def test_a_function_that_runs_in_another_way_than_at_aws_is_logged_once(
    invoke: Invoke, caplog: pytest.LogCaptureFixture
) -> None:
    """For example on another Python. A job has events for it instead."""
    assert [invoke("old").status for _ in range(2)] == [200, 200]

    messages = [record.getMessage() for record in caplog.records if record.name == "simulator.lambdas.pool"]
    assert [message.partition(" but ")[0] for message in messages if message.startswith(f"{ARN}-old: ")] == [
        f"{ARN}-old: The function's Runtime is python3.9,"
    ]
