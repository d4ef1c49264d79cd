"""Exceptions of moto become errors of AWS in the service's shape."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from simulator.aws.error_responses import response_for_exception
from simulator.aws.moto_state import ACCOUNT_CREATION_TIME, MotoState
from simulator.aws.request import AwsRequest, AwsResponse
from tests.aws.account_client import AccountClient, open_account

FORM = ("content-type", "application/x-www-form-urlencoded; charset=utf-8")
LOCATION: Any = {"LocationConstraint": "us-west-2"}


def target(name: str) -> tuple[str, str]:
    """Return the header that names an operation of the JSON protocol."""
    return ("x-amz-target", name)


@pytest.fixture
def account_client() -> Iterator[AccountClient]:
    """An account with a bucket and an object."""
    with open_account() as account:
        account.client("s3").create_bucket(Bucket="runs", CreateBucketConfiguration=LOCATION)
        account.client("s3").put_object(Bucket="runs", Key="there", Body=b"x")
        yield account


def request(service: str, method: str, path: str, body: bytes, *headers: tuple[str, str]) -> AwsRequest:
    """Return a request that is signed for a service."""
    credential = f"AWS4-HMAC-SHA256 Credential=testing/20260101/us-west-2/{service}/aws4_request"
    own = (("host", "testserver"), ("authorization", credential), ("content-length", str(len(body))))
    return AwsRequest(method=method, target=path, headers=(*own, *headers))


def code_of(answer: AwsResponse) -> str:
    """Return the code of an error of any shape."""
    match = re.search(rb"<Code>(\w+)</Code>", answer.body)
    return match[1].decode() if match else str(json.loads(answer.body)["__type"])


@pytest.mark.parametrize(
    ("service", "method", "path", "body", "headers", "status", "code"),
    [
        ("s3", "GET", "/runs?max-keys=x", b"", (), 400, "InvalidArgument"),
        ("s3", "GET", "/runs?list-type=2&max-keys=x", b"", (), 400, "InvalidArgument"),
        ("s3", "PUT", "/runs/key?partNumber=x&uploadId=bad", b"x", (), 400, "InvalidArgument"),
        ("s3", "POST", "/runs/key?uploadId=bad", b"<x", (), 404, "NoSuchUpload"),
        ("s3", "PUT", "/runs?acl", b"<x", (), 400, "MalformedXML"),
        ("s3", "PUT", "/runs?cors", b"<x", (), 400, "MalformedXML"),
        ("s3", "PUT", "/runs?lifecycle", b"", (), 400, "MalformedXML"),
        ("s3", "POST", "/runs?delete", b"<", (), 400, "MalformedXML"),
        ("s3", "GET", "/runs/there?response-content-type=%E2%80%A8", b"", (), 400, "InvalidArgument"),
        ("s3", "GET", "/runs/there?response-content-type=a%0D%0AX:+y", b"", (), 400, "InvalidArgument"),
        ("s3", "PUT", "/runs/key", b"x", (("x-amz-acl", "odd"),), 400, "InvalidArgument"),
        ("s3", "PATCH", "/runs/key", b"", (), 405, "MethodNotAllowed"),
        ("iam", "POST", "/", b"Action=ListUsers&MaxItems=x", (FORM,), 400, "ValidationError"),
        ("iam", "GET", "/?Action=ListUsers&MaxItems=x", b"", (), 400, "ValidationError"),
        ("iam", "POST", "/", b"Action=Nope", (FORM,), 400, "InvalidAction"),
        ("sts", "POST", "/", b"Action=AssumeRole", (FORM,), 400, "ValidationError"),
        ("sts", "POST", "/", b"Action=GetSessionToken&DurationSeconds=x", (FORM,), 400, "ValidationError"),
        ("sqs", "POST", "/", b"Action=CreateQueue", (FORM,), 400, "InvalidParameterValue"),
        ("sqs", "POST", "/", b"{", (target("AmazonSQS.CreateQueue"),), 400, "SerializationException"),
        ("logs", "POST", "/", b"{}", (target("L.CreateLogGroup"),), 400, "InvalidParameterException"),
        ("logs", "POST", "/", b"{}", (target("L.Nope"),), 400, "UnknownOperationException"),
        ("logs", "POST", "/", b"{}", (target("L.TestMetricFilter"),), 501, "NotImplemented"),
        ("lambda", "POST", "/2015-03-31/functions?Action=x", b"{}", (), 400, "InvalidAction"),
        ("lambda", "POST", "/2015-03-31/functions", b"{", (), 400, "InvalidRequestContentException"),
        ("lambda", "POST", "/2015-03-31/functions", b"{}", (), 400, "InvalidParameterValueException"),
    ],
)
def test_a_malformed_request_is_a_client_error(
    account_client: AccountClient,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    *,
    service: str,
    method: str,
    path: str,
    body: bytes,
    headers: tuple[tuple[str, str], ...],
    status: int,
    code: str,
) -> None:
    """INFERRED: an exception from reading a value is the client's error. One line is logged, without a traceback."""
    caplog.set_level(logging.INFO)
    answer = account_client.account.handle(request(service, method, path, body, *headers), io.BytesIO(body))
    response_headers = dict(answer.headers)
    assert (answer.status, code_of(answer)) == (status, code)
    assert response_headers["content-length"] == str(len(answer.body))
    assert response_headers["x-simulator-hint"].startswith(
        "moto, which simulates AWS here, failed at this request with "
    )
    (record,) = caplog.records
    assert (record.exc_info, capsys.readouterr()) == (None, ("", ""))


def test_boto3_reads_the_code(account_client: AccountClient) -> None:
    """As the exception class of the service."""
    s3, logs = account_client.client("s3"), account_client.client("logs")
    with pytest.raises(s3.exceptions.NoSuchUpload):
        s3.complete_multipart_upload(
            Bucket="runs", Key="key", UploadId="bad", MultipartUpload={"Parts": [{"ETag": "x", "PartNumber": 1}]}
        )
    logs.create_log_group(logGroupName="group")
    with pytest.raises(logs.exceptions.ClientError) as exc_info:
        logs.test_metric_filter(filterPattern="x", logEventMessages=["x"])
    assert exc_info.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


@pytest.mark.parametrize(
    ("service", "fault", "status", "code"),
    [
        ("s3", RuntimeError("half done"), 500, "InternalError"),
        ("iam", OSError("no room"), 500, "InternalFailure"),
        ("logs", MemoryError(), 500, "InternalServerError"),
        ("iam", ZeroDivisionError(), 400, "ValidationError"),
        ("iam", UnicodeDecodeError("utf-8", b"\xff\r\n", 0, 1, "bad"), 400, "ValidationError"),
    ],
)
def test_other_exceptions_are_server_errors(service: str, fault: Exception, status: int, code: str) -> None:
    """SDKs retry them."""
    form = () if service == "logs" else (FORM,)
    with MotoState(seed=0).activate(ACCOUNT_CREATION_TIME, "test") as context:
        answer = response_for_exception(fault, request(service, "POST", "/", b"", *form), io.BytesIO(), context)
    assert (answer.status, code_of(answer)) == (status, code)
    assert all(value.isprintable() and value.isascii() for _, value in answer.headers)


def test_a_response_to_head_has_no_body() -> None:
    """Only headers."""
    with MotoState(seed=0).activate(ACCOUNT_CREATION_TIME, "test") as context:
        answer = response_for_exception(ValueError("x"), request("s3", "HEAD", "/runs/key", b""), io.BytesIO(), context)
    assert (answer.status, answer.body, dict(answer.headers)["content-length"]) == (400, b"", "0")
