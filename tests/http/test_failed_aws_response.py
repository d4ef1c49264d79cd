"""Which error responses say that a service is not served here, or that a permission is missing."""

import json

import pytest

from simulator.http.aws_errors import HINT_HEADER, AwsError, encode_error
from simulator.http.failed_aws_response import describe_failure


def described(error: AwsError, *, service: str = "translate", query: bool = False, **headers: str) -> str | None:
    """Return the description of an error of ours."""
    encoded = encode_error(error, service=service, is_query_protocol=query, request_id="1")
    return describe_failure(
        error.status,
        headers=encoded.headers | {name.replace("_", "-"): value for name, value in headers.items()},
        body=encoded.body,
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("UnknownOperationException", 404),
        ("InvalidAction", 404),
        ("NotImplemented", 501),
        ("AccessDeniedException", 403),
        ("AccessDenied", 403),
        ("UnrecognizedClientException", 401),
    ],
)
@pytest.mark.parametrize(("service", "query"), [("translate", False), ("s3", False), ("iam", True)])
def test_an_unserved_service_and_a_missing_permission_are_described(
    code: str, status: int, service: str, query: bool
) -> None:
    """By code and message, in every protocol."""
    assert described(AwsError(code=code, message="It says why.", status=status), service=service, query=query) == (
        f"{code}: It says why."
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ValidationException", 400),
        ("NoSuchKey", 404),
        ("ThrottlingException", 429),
        ("InternalServerError", 500),
        ("ServiceUnavailable", 503),
    ],
)
def test_another_error_is_an_answer_of_the_service(code: str, status: int) -> None:
    """The function sent something wrong, or can try again."""
    assert described(AwsError(code=code, message="It says why.", status=status)) is None


def test_an_exception_of_moto_is_described() -> None:
    """The operation is not really served. Such a response has a hint."""
    error = AwsError(code="InternalServerError", message="We encountered an internal error.", status=500)
    assert described(error, x_simulator_hint="moto failed with KeyError") == (
        "InternalServerError: We encountered an internal error."
    )


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        pytest.param({}, b"", "403", id="no body, as for HEAD"),
        pytest.param({HINT_HEADER: "no key"}, b"", "403: no key", id="only a hint"),
        pytest.param({}, b"<html>", "403", id="a page"),
        pytest.param({}, b"[1]", "403", id="no object"),
        pytest.param({}, json.dumps({"__type": "a#Denied:x", "Message": "no"}).encode(), "Denied: no", id="a URI"),
        pytest.param({}, b'{"code": "Denied", "message": "a\\u0007b"}', "Denied: a\\x07b", id="a control character"),
    ],
)
def test_a_response_of_any_form_has_a_description(headers: dict[str, str], body: bytes, expected: str) -> None:
    """What it lacks is left out."""
    assert describe_failure(403, headers=headers, body=body) == expected
