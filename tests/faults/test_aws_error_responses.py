"""Scripted AWS errors, as boto3 raises them: the code, the status, and which ones it retries."""

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
def aws_client(simulator: RunningSimulator, service: str, **retries: Any) -> Iterator[Any]:
    """Return a boto3 client of a service. It makes one attempt by default."""
    config = Config(retries=retries or {"total_max_attempts": 1})  # type: ignore[arg-type]  # a typed dictionary
    client: Any = simulator.boto3_session.client(service, endpoint_url=simulator.url, config=config)  # type: ignore[call-overload]  # the stubs overload by a literal service name
    yield client
    client.close()


def call_error(simulator: RunningSimulator, service: str, call: Call) -> tuple[str, str, int]:
    """Return the code, the message and the status of a call that fails."""
    with aws_client(simulator, service) as client, pytest.raises(ClientError) as exc_info:
        call(client)
    answer = exc_info.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.slow
@pytest.mark.shows("faults")
@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            {"aws_error": "ExpiredTokenException"},
            ("ExpiredTokenException", "The security token included in the request is expired", 403),
        ),
        ({"aws_error": "Odd.Code", "status": 409, "message": "a < b & é"}, ("Odd.Code", "a < b & é", 409)),
    ],
    ids=["expired", "any"],
)
def test_an_aws_error_has_the_format_of_its_service(
    faulty_simulator: RunningSimulator, service: str, fault: dict[str, Any], message: tuple[str, str, int]
) -> None:
    """XML of the query protocol, XML of S3, and two JSON formats: boto3 parses the code and message of each."""
    faulty_simulator.instance.context.fault_registry.add({"request": {"service": service}, **fault})
    assert call_error(faulty_simulator, service, CALLS[service]) == message
    with aws_client(faulty_simulator, service) as client:
        assert CALLS[service](client)["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(("status", "error_type"), [(400, "Sender"), (503, "Receiver")])
def test_an_error_of_the_query_protocol_names_sender_or_receiver(
    faulty_simulator: RunningSimulator, status: int, error_type: str
) -> None:
    """The sender below 500, and the receiver from 500 on."""
    faulty_simulator.instance.context.fault_registry.add(
        {"request": {"service": "sts"}, "aws_error": "Odd", "status": status}
    )
    with aws_client(faulty_simulator, "sts") as client, pytest.raises(ClientError) as exc_info:
        client.get_caller_identity()
    error: dict[str, Any] = dict(exc_info.value.response["Error"])
    assert error["Type"] == error_type


def test_an_aws_error_is_the_services_own_exception(faulty_simulator: RunningSimulator) -> None:
    """If boto3 has an exception of that name."""
    faulty_simulator.instance.context.fault_registry.add(
        {"request": {"service": "lambda"}, "aws_error": "TooManyRequestsException"}
    )
    with (
        aws_client(faulty_simulator, "lambda") as client,
        pytest.raises(client.exceptions.TooManyRequestsException) as exc_info,
    ):
        client.list_functions()
    assert exc_info.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_an_aws_error_has_a_request_id_and_a_hint(faulty_simulator: RunningSimulator) -> None:
    """In the places that boto3 reads."""
    request_ids = []
    for service in ("iam", "s3", "lambda"):
        (fault,) = faulty_simulator.instance.context.fault_registry.add(
            {"request": {"service": service}, "aws_error": "Throttling"}
        )
        with aws_client(faulty_simulator, service) as client, pytest.raises(ClientError) as exc_info:
            CALLS[service](client)
        metadata = exc_info.value.response["ResponseMetadata"]
        assert metadata["HTTPHeaders"]["x-simulator-hint"].startswith(f"scripted by {fault}; ")
        request_ids.append(metadata["RequestId"])
    assert len({name for name in request_ids if name.count("-") == 4}) == 3


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
def test_boto3_retries_throttling_errors(
    faulty_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch, mode: str, service: str, error: dict[str, Any]
) -> None:
    """In both retry modes, and succeeds when the throttling ends."""
    waits: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=waits.append))
    faulty_simulator.instance.context.fault_registry.add({"request": {"service": service}, "times": 2, **error})
    with aws_client(faulty_simulator, service, mode=mode, total_max_attempts=3) as client:
        answer = CALLS[service](client)
    assert (answer["ResponseMetadata"]["RetryAttempts"], len(waits)) == (2, 2)
    (status,) = faulty_simulator.instance.context.fault_registry.statuses()
    assert (status.matched, status.applied) == (3, 2)


def test_boto3_does_not_retry_expired_credentials(faulty_simulator: RunningSimulator) -> None:
    """A retry cannot help."""
    faulty_simulator.instance.context.fault_registry.add(
        {"request": {"service": "sts"}, "times": None, "aws_error": "ExpiredToken"}
    )
    with (
        aws_client(faulty_simulator, "sts", mode="standard", total_max_attempts=3) as client,
        pytest.raises(ClientError),
    ):
        client.get_caller_identity()
    assert faulty_simulator.instance.context.fault_registry.statuses()[0].matched == 1


@pytest.mark.slow
@pytest.mark.parametrize(("when", "is_created"), [("before", False), ("after", True)])
def test_an_aws_error_comes_before_or_after_the_request_is_handled(
    faulty_simulator: RunningSimulator, when: str, is_created: bool
) -> None:
    """The bucket exists or not; the error is the same."""
    bucket = f"bucket-{when}"
    faulty_simulator.instance.context.fault_registry.add(
        {"request": {"service": "s3", "method": "PUT"}, "aws_error": "InternalFailure", "when": when}
    )
    location = {"LocationConstraint": "us-west-2"}
    error = call_error(
        faulty_simulator, "s3", lambda client: client.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
    )
    with aws_client(faulty_simulator, "s3") as client:
        buckets = {bucket_entry["Name"] for bucket_entry in client.list_buckets()["Buckets"]}
    assert (error[0], error[2], bucket in buckets) == ("InternalFailure", 500, is_created)


@pytest.mark.slow
def test_an_invocation_can_be_lost_after_the_function_ran(faulty_simulator: RunningSimulator) -> None:
    """The client has no response. A second invocation is the function's second."""
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


def test_an_aws_error_at_a_mantle_path_is_json(faulty_simulator: RunningSimulator) -> None:
    """With the code where AWS's REST services have it."""
    faulty_simulator.instance.context.fault_registry.add(
        {"request": {}, "aws_error": "ExpiredTokenException", "retry_after": 7}
    )
    answer = faulty_simulator.http.get("/v1/models")
    message = "The security token included in the request is expired"
    assert answer.json() == {"Message": message, "__type": "ExpiredTokenException", "message": message}
    assert (answer.headers["x-amzn-errortype"], answer.headers["retry-after"]) == ("ExpiredTokenException", "7")
