"""JSON request bodies: content type, encoding, and JSON that is invalid."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.errors import WRONG_CONTENT_TYPE, ApiError
from simulator.wire.job_requests import CreateJob
from simulator.wire.request_body import parse_body
from tests.simulators import reinforcement_method

JSON_TYPE = {"content-type": "application/json"}
JOB = {"model": "openai.gpt-oss-20b", "training_file": "file-1", "method": reinforcement_method()}


def error_parts(content: bytes) -> tuple[int, str, str | None, str]:
    """Return status, code, param and message of the error for a body."""
    with pytest.raises(ApiError) as exc_info:
        parse_body(CreateJob, content, JSON_TYPE)
    return exc_info.value.kind.status, exc_info.value.kind.code, exc_info.value.param, exc_info.value.message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"\xff", "it is not UTF-8"),
        (b'{"model": "\xed\xa0\x80"}', "it is not UTF-8"),
        (json.dumps(JOB).encode("utf-16"), "it is not UTF-8"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b'{"seed": ' + b"1" * 5_000 + b"}", "a number has too many digits"),
        (b'{"seed": NaN}', "NaN is not a JSON number"),
        (b'{"seed": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"metadata": {"a": "\\ud800"}}', "a \\u escape is half of a surrogate pair"),
        (b'{"\\udc00": 1}', "a \\u escape is half of a surrogate pair"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_body_that_is_not_json_is_refused(content: bytes, reason: str) -> None:
    """Without Python's own terms."""
    message = f"We could not parse the JSON body of your request: {reason}"
    assert error_parts(content) == (400, "validation_error", None, message)


@pytest.mark.parametrize("content", [b"[]", b"null", b'"text"', b"7"])
def test_a_body_that_is_not_an_object_is_refused(content: bytes) -> None:
    """Every request of this API is an object."""
    message = "The JSON body of your request must be an object."
    assert error_parts(content) == (400, "validation_error", None, message)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(content_type: str) -> None:
    """For example the one that `curl -d` sends."""
    with pytest.raises(ApiError) as exc_info:
        parse_body(CreateJob, json.dumps(JOB).encode(), {"content-type": content_type})
    assert exc_info.value.kind is WRONG_CONTENT_TYPE


@pytest.mark.parametrize("headers", [{}, {"content-type": "Application/JSON; charset=utf-8"}])
def test_the_content_type_is_json_in_any_case_or_missing(headers: dict[str, str]) -> None:
    """With or without parameters."""
    assert parse_body(CreateJob, json.dumps(JOB).encode(), headers).model == JOB["model"]


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused(content: bytes) -> None:
    """Only ApiErrors are raised."""
    with pytest.raises(ApiError):
        parse_body(CreateJob, content, JSON_TYPE)
