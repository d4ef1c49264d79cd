"""Requests to AWS as values, and which of them only read."""

import io

import pytest

from simulator.aws.request import AwsRequest, aws_request_from

FORM = ("content-type", "application/x-www-form-urlencoded; charset=utf-8")


def signed(service: str) -> tuple[str, str]:
    """Return the header of a request that is signed for a service."""
    return ("authorization", f"AWS4-HMAC-SHA256 Credential=A/20260101/us-west-2/{service}/aws4_request")


LISTING = ("x-amz-target", "x.ListY")


def request(method: str, target: str = "/", *headers: tuple[str, str]) -> AwsRequest:
    """Return a request."""
    return AwsRequest(method=method, target=target, headers=headers)


@pytest.mark.parametrize(
    ("aws_request", "body", "operation", "is_read"),
    [
        (request("GET", "/bucket/key"), b"", "", True),
        (request("HEAD", "/bucket"), b"", "", True),
        (request("OPTIONS", "/bucket"), b"", "", True),
        (request("PUT", "/bucket/key"), b"", "", False),
        (request("POST", "/bucket?delete"), b"", "", False),
        (request("DELETE", "/bucket"), b"", "", False),
        (request("PUT", "/bucket/key?Action=ListUsers", ("x-amz-target", "S.ListUsers")), b"", "", False),
        (request("GET", "/?Action=CreateUser&UserName=ann"), b"", "CreateUser", False),
        (request("GET", "/?Action=GetCallerIdentity"), b"", "GetCallerIdentity", True),
        (request("POST", "/", FORM), b"Version=1&Action=ListUsers", "ListUsers", True),
        (request("POST", "/", FORM), b"Action=SimulatePrincipalPolicy", "SimulatePrincipalPolicy", True),
        (request("POST", "/", FORM), b"Action=GenerateCredentialReport", "GenerateCredentialReport", False),
        (request("POST", "/", FORM), b"Action=GetSessionToken", "GetSessionToken", False),
        (request("POST", "/", FORM), b"Action=GetFederationToken", "GetFederationToken", False),
        (request("POST", "/", FORM), b"Action=AssumeRole", "AssumeRole", False),
        (request("POST", "/", FORM), b"\xff\xfe", "", False),
        (request("POST", "/", FORM), b"Action=List%0AUsers", "", False),
        (request("POST", "/", ("x-amz-target", "Logs_20140328.DescribeLogGroups")), b"{}", "DescribeLogGroups", True),
        (request("POST", "/", ("x-amz-target", "Logs_20140328.PutLogEvents")), b"{}", "PutLogEvents", False),
        (request("POST", "/", ("x-amz-target", "NeverHeardOf")), b"{}", "NeverHeardOf", False),
        (request("POST", "/2015-03-31/functions"), b'{"Action": "List"}', "", False),
    ],
    ids=lambda value: value.decode("latin-1") if isinstance(value, bytes) else None,
)
def test_the_operation_decides_whether_a_request_reads(
    aws_request: AwsRequest, body: bytes, operation: str, *, is_read: bool
) -> None:
    """An unknown operation counts as a write. The body is rewound."""
    stream = io.BytesIO(body)
    assert (aws_request.operation(stream), aws_request.is_read_only(stream), stream.read()) == (
        operation,
        is_read,
        body,
    )


@pytest.mark.parametrize(
    ("aws_request", "body", "is_read"),
    [
        (request("GET", "/bucket/key?Action=CreateUser", signed("s3")), b"", True),
        (request("POST", "/bucket/key", signed("s3"), LISTING), b"", False),
        (request("POST", "/bucket?delete&Action=ListUsers", signed("s3"), FORM), b"Action=ListUsers", False),
        (request("POST", "/2015-03-31/functions", signed("lambda"), LISTING), b"{}", False),
        (request("GET", "/2015-03-31/functions", signed("lambda")), b"", True),
        (request("POST", "/", signed("iam"), FORM, LISTING), b"Action=CreateUser", False),
        (request("POST", "/", signed("iam"), LISTING), b"%41ction=CreateUser", False),
        (request("POST", "/?Action=CreateUser", signed("iam"), FORM), b"Action=ListUsers", False),
        (request("POST", "/", signed("iam"), FORM), b"Action=ListUsers&Action=CreateUser", False),
        (request("POST", "/", signed("iam"), LISTING, ("action", "CreateUser")), b"", False),
        (request("POST", "/", signed("iam"), FORM), b"Action=ListUsers&x=" + bytes(70_000), False),
        (request("HEAD", "/?Action=CreateUser&UserName=ann", signed("iam")), b"", False),
        (request("POST", "/", signed("iam"), LISTING, ("content-type", "Multipart/form-data; boundary=B")), b"", False),
        (request("POST", "/", signed("logs"), LISTING, ("content-encoding", "gzip")), b"\x1f\x8b", False),
        (request("POST", "/", signed("logs"), LISTING, ("x-amz-target", "L.CreateLogGroup")), b"{}", False),
        (request("POST", "/", signed("logs"), LISTING), b'{"a": "&Action=CreateLogGroup&b="}', False),
        (request("POST", "/123456789012/queue", signed("sqs"), FORM), b"Action=GetQueueUrl", True),
    ],
)
def test_a_name_outside_the_protocol_does_not_make_a_read(
    aws_request: AwsRequest, body: bytes, *, is_read: bool
) -> None:
    """Moto may use that name or the other; if one is a write, the request must be in the journal."""
    stream = io.BytesIO(body)
    assert (aws_request.is_read_only(stream), stream.read()) == (is_read, body)


def test_the_target_is_kept_as_sent() -> None:
    """The encoding distinguishes keys of S3."""
    scope = {
        "method": "PUT",
        "path": "/bucket/a/b",
        "raw_path": b"/bucket/a%2Fb",
        "query_string": b"x-id=PutObject&tagging",
        "headers": [(b"x-amz-meta-name", b"\xc3\xbc")],
    }
    aws_request = aws_request_from(scope)
    assert (
        aws_request.target,
        aws_request.path,
        aws_request.query,
        aws_request.header("x-amz-meta-name").encode("latin-1"),
    ) == (
        "/bucket/a%2Fb?x-id=PutObject&tagging",
        "/bucket/a%2Fb",
        "x-id=PutObject&tagging",
        "ü".encode(),
    )
