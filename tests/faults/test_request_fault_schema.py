"""Request faults in a script: what they parse to, and the errors of invalid ones."""

import json
from typing import Any

import pytest

from simulator.errors import CATALOGUE, INVALID_VALUE, RATE_LIMITED
from simulator.faults import signing_names
from simulator.faults.request_fault import (
    ApiErrorEffect,
    AwsErrorEffect,
    DropConnectionEffect,
    RequestFault,
    RequestFaultEffect,
    RequestMatcher,
    RetryAfter,
    ScriptError,
    StreamEffect,
    StreamFaultKind,
    TokensPerMinute,
    TruncateBodyEffect,
    When,
)
from simulator.faults.script import parse_faults, parse_script

ALL: dict[str, Any] = {"request": {}}


def test_every_field_of_a_fault_is_parsed() -> None:
    """The source is the entry as it was given."""
    source = {
        "note": "wait for Retry-After",
        "request": {"method": "GET", "service": "s3", "path": "/v1/*", "model": "openai.*", "job": 2},
        "nth": 3,
        "times": None,
        "delay": 1.5,
        "error": "RATE_LIMITED",
    }
    assert parse_script(json.dumps(source)) == (
        RequestFault(
            matcher=RequestMatcher(method="GET", service="s3", path="/v1/*", model="openai.*", job=2),
            effect=ApiErrorEffect(kind=RATE_LIMITED),
            nth=3,
            times=None,
            delay=1.5,
            source=source,
        ),
    )


@pytest.mark.parametrize(
    ("fields", "effect"),
    [
        (
            {"error": "RATE_LIMITED", "retry_after": 2},
            ApiErrorEffect(kind=RATE_LIMITED, retry_after=RetryAfter(seconds=2)),
        ),
        (
            {"error": "RATE_LIMITED", "retry_after": {"date_in": -5}, "when": "after"},
            ApiErrorEffect(kind=RATE_LIMITED, retry_after=RetryAfter(seconds=-5, as_date=True), when=When.AFTER),
        ),
        (
            {"error": "INVALID_VALUE", "values": {"param": "seed", "why": "too large"}},
            ApiErrorEffect(kind=INVALID_VALUE, values={"param": "seed", "why": "too large"}),
        ),
        (
            {"aws_error": "ThrottlingException"},
            AwsErrorEffect(code="ThrottlingException", status=400, message="Rate exceeded"),
        ),
        ({"aws_error": "Odd"}, AwsErrorEffect(code="Odd", status=400, message="Scripted fault")),
        (
            {"aws_error": "Odd", "status": 409, "message": "", "retry_after": 0, "when": "after"},
            AwsErrorEffect(code="Odd", status=409, message="", retry_after=RetryAfter(seconds=0), when=When.AFTER),
        ),
        ({"drop": "before"}, DropConnectionEffect(when=When.BEFORE)),
        ({"drop": "after"}, DropConnectionEffect(when=When.AFTER)),
        ({"stream": {"cut_after": 0}}, StreamEffect(kind=StreamFaultKind.CUT, after=0)),
        ({"stream": {"end_after": 5}}, StreamEffect(kind=StreamFaultKind.END, after=5)),
        ({"stream": {"stall_after": 5}}, StreamEffect(kind=StreamFaultKind.STALL, after=5)),
        ({"stream": {"stall_after": 5, "seconds": 30}}, StreamEffect(kind=StreamFaultKind.STALL, after=5, seconds=30)),
        ({"stream": {"break_after": 5}}, StreamEffect(kind=StreamFaultKind.BREAK, after=5)),
        ({"body": {"cut_after": 100}}, TruncateBodyEffect(after=100)),
        ({"delay": 2}, None),
    ],
)
def test_an_effect_is_parsed(fields: dict[str, Any], effect: RequestFaultEffect | None) -> None:
    """With its dependent fields."""
    (fault,) = parse_faults(ALL | fields)
    assert isinstance(fault, RequestFault)
    assert (fault.effect, fault.nth, fault.times) == (effect, 1, 1)


@pytest.mark.parametrize(
    ("fields", "times"), [({}, None), ({"times": 2}, 2), ({"times": None}, None)], ids=["unsaid", "two", "null"]
)
def test_a_quota_has_no_limit_of_calls_by_default(fields: dict[str, Any], times: int | None) -> None:
    """The script can set one."""
    (fault,) = parse_faults(ALL | {"tokens_per_minute": {"input": 5}} | fields)
    assert isinstance(fault, RequestFault)
    assert (fault.effect, fault.times) == (TokensPerMinute(input=5, output=None), times)


def test_every_error_of_the_catalogue_can_be_named() -> None:
    """By its name alone."""
    effects = {name: parse_faults(ALL | {"error": name})[0].effect for name in CATALOGUE}
    assert effects == {name: ApiErrorEffect(kind=kind) for name, kind in CATALOGUE.items()}


STREAMS = "'break_after', 'cut_after', 'end_after', 'stall_after'"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (7, "a fault is a JSON object, not 7"),
        ({}, "it matches nothing: give 'request', which requests ({} matches all), or 'job'"),
        ({"request": []}, "request: it takes an object that says which requests; got []"),
        (
            {"request": {"verb": "GET"}},
            "request.verb: there is no such field; there are 'job', 'method', 'model', 'path', 'service'",
        ),
        (
            {"request": {"method": "get"}},
            'request.method: it takes DELETE, GET, HEAD, OPTIONS, PATCH, POST or PUT; got "get"',
        ),
        (
            {"request": {"service": "S3"}},
            (
                "request.service: it takes a service's name in lower case, such as s3, iam, sts, lambda, logs or "
                'bedrock-mantle; got "S3"'
            ),
        ),
        (
            {"request": {"service": "lamda"}},
            "request.service: no request is signed for a service 'lamda'; did you mean 'lambda'?",
        ),
        ({"request": {"service": "zzz-9"}}, "request.service: no request is signed for a service 'zzz-9'"),
        ({"request": {"path": "v1"}}, "request.path: a path begins with '/', or with '*' for any beginning"),
        (
            {"request": {"path": "/_simulator/faults"}},
            "request.path: the control plane has no faults, so that every fault can be removed",
        ),
        ({"request": {"model": ""}}, 'request.model: it takes a pattern of model ids; got ""'),
        ({"request": {"job": 0}}, "request.job: it takes a job's id, or its number in this simulator, from 1; got 0"),
        (
            {"request": {"job": True}},
            "request.job: it takes a job's id, or its number in this simulator, from 1; got true",
        ),
        (ALL | {"nth": 0}, "nth: it takes a whole number from 1; got 0"),
        (ALL | {"times": 1.0}, "times: it takes a whole number from 1, or null for no limit; got 1.0"),
        (ALL | {"delay": 0}, "delay: it takes seconds above 0, to 86400; got 0"),
        (ALL | {"delay": "1"}, 'delay: it takes seconds above 0, to 86400; got "1"'),
        (ALL | {"drop": "later"}, 'drop: it takes before or after; got "later"'),
        (ALL | {"error": "RATE_LIMITED", "when": 1}, "when: it takes before or after; got 1"),
        (
            ALL | {"error": "RATE_LIMITED", "retry_after": "soon"},
            'retry_after: it takes whole seconds from 0, or {"date_in": SECONDS} for a date; got "soon"',
        ),
        (
            ALL | {"error": "RATE_LIMITED", "retry_after": {"date_in": "x"}},
            'retry_after: it takes whole seconds from 0, or {"date_in": SECONDS} for a date; got {"date_in": "x"}',
        ),
        (
            ALL | {"error": "RATE_LIMITED", "values": {"why": [1]}},
            "values: it takes an object of strings and numbers; got [1]",
        ),
        (
            ALL | {"error": "INVALID_VALUE", "values": {"reason": "x"}},
            "values: INVALID_VALUE has no 'reason'; it has 'param', 'why'",
        ),
        (
            ALL | {"aws_error": "a b"},
            'aws_error: it takes an AWS error code: letters, digits and dots; got "a b"',
        ),
        (ALL | {"aws_error": "X", "status": 200}, "status: it takes a whole number from 400 to 599; got 200"),
        (ALL | {"stream": {}}, f"stream: it takes exactly one of {STREAMS}; it has none"),
        (
            ALL | {"stream": {"cut_after": 1, "end_after": 1}},
            f"stream: it takes exactly one of {STREAMS}; it has 'cut_after', 'end_after'",
        ),
        (ALL | {"stream": {"cut_after": -1}}, "stream.cut_after: it takes a number of events, from 0; got -1"),
        (ALL | {"stream": {"cut_after": 1, "seconds": 1}}, "stream: 'seconds' belongs to 'stall_after'"),
        (ALL | {"body": {}}, "body.cut_after: it is missing; it takes a number of bytes, from 0"),
        (ALL | {"tokens_per_minute": {}}, "tokens_per_minute: it takes 'input', 'output' or both"),
        (
            ALL,
            (
                "it has no effect: give 'delay', or one of "
                "'aws_error', 'body', 'drop', 'error', 'stream', 'tokens_per_minute'"
            ),
        ),
        (ALL | {"drop": "after", "error": "RATE_LIMITED"}, "it takes one of 'drop', 'error': write one fault for each"),
        (
            ALL | {"drop": "after", "retry_after": 2},
            "'retry_after' goes with 'aws_error', 'error', which is missing",
        ),
        (ALL | {"delay": 1, "status": 500}, "'status' goes with 'aws_error', which is missing"),
    ],
)
def test_an_invalid_fault_is_refused_with_its_field(monkeypatch: pytest.MonkeyPatch, entry: Any, message: str) -> None:
    """The message names the fault, the field and what the field takes."""
    monkeypatch.setattr(signing_names, "_all_signing_names", frozenset)  # the real ones take a second to load
    with pytest.raises(ScriptError) as exc_info:
        parse_faults([ALL | {"drop": "after"}, entry])
    assert str(exc_info.value) == f"fault 2: {message}"


def test_an_unknown_error_name_is_refused_with_all_names() -> None:
    """In alphabetical order."""
    with pytest.raises(ScriptError) as exc_info:
        parse_faults(ALL | {"error": "THROTTLED"})
    names = ", ".join(sorted(CATALOGUE))
    assert str(exc_info.value) == f"fault 1: error: there is no such error; there are {names}"


@pytest.mark.slow
@pytest.mark.parametrize("service", ["bedrock", "bedrock-mantle", "execute-api", "iotdata", "logs", "monitoring", "s3"])
def test_every_signing_name_is_a_valid_service(service: str) -> None:
    """As botocore signs, which can differ from the client's name in boto3."""
    (fault,) = parse_faults({"request": {"service": service}, "drop": "before"})
    assert isinstance(fault, RequestFault)
    assert fault.matcher.service == service
