"""Errors of AWS services by script, as the real boto3 meets them: the code, the status, and what it tries again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.lambdas.zips import zip_files
from tests.simulators import RunningSimulator

Call = Callable[[Any], Any]

COUNTING_HANDLER = """
calls = []

def lambda_handler(event, context):
    calls.append(event)
    return len(calls)
"""

CALLS: dict[str, Call] = {
    "iam": lambda client: client.list_roles(),
    "sts": lambda client: client.get_caller_identity(),
    "s3": lambda client: client.list_buckets(),
    "lambda": lambda client: client.list_functions(),
    "logs": lambda client: client.describe_log_groups(),
}


@contextmanager
def aws_client(world: RunningSimulator, service: str, **retries: Any) -> Iterator[Any]:
    """Give a boto3 client of a service; it tries once unless `retries` says otherwise."""
    config = Config(retries=retries or {"total_max_attempts": 1})  # type: ignore[arg-type]  # a typed dictionary
    client: Any = world.boto3_session.client(service, endpoint_url=world.url, config=config)  # type: ignore[call-overload]  # the stubs overload by a literal service name
    yield client
    client.close()


def call_error(world: RunningSimulator, service: str, call: Call) -> tuple[str, str, int]:
    """Return the code, the message and the status of a call that is refused."""
    with aws_client(world, service) as client, pytest.raises(ClientError) as met:
        call(client)
    answer = met.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.shows("faults")
@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            {"aws_error": "ExpiredTokenException"},
            ("ExpiredTokenException", "The security token included in the request is expired", 403),
        ),
        ({"aws_error": "ThrottlingException"}, ("ThrottlingException", "Rate exceeded", 400)),
        ({"aws_error": "Odd.Code", "status": 409, "message": "a < b & é"}, ("Odd.Code", "a < b & é", 409)),
    ],
    ids=["expired", "throttled", "any"],
)
def test_an_aws_error_has_its_services_shape(
    faulty_simulator: RunningSimulator, service: str, fault: dict[str, Any], said: tuple[str, str, int]
) -> None:
    """The query protocol's XML, S3's, and JSON in two manners: boto3 reads code and message from each."""
    faulty_simulator.instance.context.fault_registry.add({"request": {"service": service}, **fault})
    assert call_error(faulty_simulator, service, CALLS[service]) == said
    with aws_client(faulty_simulator, service) as client:
        assert CALLS[service](client)["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(("status", "at_fault"), [(400, "Sender"), (503, "Receiver")])
def test_the_query_protocol_says_who_is_at_fault(
    faulty_simulator: RunningSimulator, status: int, at_fault: str
) -> None:
    """The caller below 500, and the service from there on."""
    faulty_simulator.instance.context.fault_registry.add(
        {"request": {"service": "sts"}, "aws_error": "Odd", "status": status}
    )
    with aws_client(faulty_simulator, "sts") as client, pytest.raises(ClientError) as met:
        client.get_caller_identity()
    error: dict[str, Any] = dict(met.value.response["Error"])
    assert error["Type"] == at_fault


def test_an_aws_error_is_the_services_own_exception(faulty_simulator: RunningSimulator) -> None:
    """Where boto3 has one of that name."""
    faulty_simulator.instance.context.fault_registry.add(
        {"request": {"service": "lambda"}, "aws_error": "TooManyRequestsException"}
    )
    with (
        aws_client(faulty_simulator, "lambda") as client,
        pytest.raises(client.exceptions.TooManyRequestsException) as met,
    ):
        client.list_functions()
    assert met.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_an_aws_error_names_its_request_and_its_fault(faulty_simulator: RunningSimulator) -> None:
    """Where boto3 looks for it."""
    names = []
    for service in ("iam", "s3", "lambda"):
        (fault,) = faulty_simulator.instance.context.fault_registry.add(
            {"request": {"service": service}, "aws_error": "Throttling"}
        )
        with aws_client(faulty_simulator, service) as client, pytest.raises(ClientError) as met:
            CALLS[service](client)
        metadata = met.value.response["ResponseMetadata"]
        assert metadata["HTTPHeaders"]["x-simulator-hint"].startswith(f"scripted by {fault}; ")
        names.append(metadata["RequestId"])
    assert len({name for name in names if name.count("-") == 4}) == 3


@pytest.mark.parametrize("mode", ["legacy", "standard"])
@pytest.mark.parametrize(
    ("service", "error"),
    [
        ("iam", {"aws_error": "Throttling"}),
        ("lambda", {"aws_error": "ThrottlingException"}),
        ("lambda", {"aws_error": "TooManyRequestsException"}),
        ("s3", {"aws_error": "SlowDown"}),
        ("sts", {"aws_error": "ServiceUnavailable"}),
    ],
)
def test_boto3_sees_throttling_as_throttling(
    faulty_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch, mode: str, service: str, error: dict[str, Any]
) -> None:
    """By its own retries, in either mode, and gets through when the throttling is over."""
    waits: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=waits.append))
    faulty_simulator.instance.context.fault_registry.add({"request": {"service": service}, "times": 2, **error})
    with aws_client(faulty_simulator, service, mode=mode, total_max_attempts=3) as client:
        answer = CALLS[service](client)
    assert (answer["ResponseMetadata"]["RetryAttempts"], len(waits)) == (2, 2)
    (standing,) = faulty_simulator.instance.context.fault_registry.statuses()
    assert (standing.matched, standing.applied) == (3, 2)


def test_boto3_does_not_try_expired_credentials_again(faulty_simulator: RunningSimulator) -> None:
    """They stay expired: whoever holds them has to get new ones."""
    faulty_simulator.instance.context.fault_registry.add(
        {"request": {"service": "sts"}, "times": None, "aws_error": "ExpiredToken"}
    )
    with (
        aws_client(faulty_simulator, "sts", mode="standard", total_max_attempts=3) as client,
        pytest.raises(ClientError),
    ):
        client.get_caller_identity()
    assert faulty_simulator.instance.context.fault_registry.statuses()[0].matched == 1


@pytest.mark.parametrize(("when", "made"), [("before", False), ("after", True)])
def test_an_aws_error_may_hide_work_that_was_done(faulty_simulator: RunningSimulator, when: str, made: bool) -> None:
    """The bucket is there, or it is not; the error is the same."""
    bucket = f"bucket-{when}"
    faulty_simulator.instance.context.fault_registry.add(
        {"request": {"service": "s3", "method": "PUT"}, "aws_error": "InternalFailure", "when": when}
    )
    location = {"LocationConstraint": "us-west-2"}
    told = call_error(
        faulty_simulator, "s3", lambda client: client.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
    )
    with aws_client(faulty_simulator, "s3") as client:
        buckets = {found["Name"] for found in client.list_buckets()["Buckets"]}
    assert (told[0], told[2], bucket in buckets) == ("InternalFailure", 500, made)


def test_an_invocation_can_be_lost_after_the_function_ran(faulty_simulator: RunningSimulator) -> None:
    """The client has no answer, and the function has run: asked again it runs a second time."""
    code = zip_files(
        {"lambda_function.py": "calls = []\ndef lambda_handler(event, _):\n calls.append(1)\n return len(calls)"}
    )
    faulty_simulator.lambda_client.create_function(
        FunctionName="counting",
        Runtime="python3.11",
        Role=faulty_simulator.execution_role,
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": code},
    )
    path = "/2015-03-31/functions/counting/invocations"
    faulty_simulator.instance.context.fault_registry.add({"request": {"path": path}, "drop": "after"})
    with aws_client(faulty_simulator, "lambda") as client:
        with pytest.raises(ConnectionClosedError):
            client.invoke(FunctionName="counting")
        assert client.invoke(FunctionName="counting")["Payload"].read() == b"2"


def test_at_mantles_paths_an_aws_error_is_json(faulty_simulator: RunningSimulator) -> None:
    """With the code where AWS's REST services have it."""
    faulty_simulator.instance.context.fault_registry.add(
        {"request": {}, "aws_error": "ExpiredTokenException", "retry_after": 7}
    )
    answer = faulty_simulator.http.get("/v1/models")
    message = "The security token included in the request is expired"
    assert answer.json() == {"Message": message, "__type": "ExpiredTokenException", "message": message}
    assert (answer.headers["x-amzn-errortype"], answer.headers["retry-after"]) == ("ExpiredTokenException", "7")
