"""Job faults in a script: what they parse to, and the errors of invalid ones."""

from typing import Any

import pytest

from simulator.faults.job_fault import AwsOperationEffect, CancelJobEffect, FailJobEffect, JobFault, QueueDelayEffect
from simulator.faults.request_fault import ScriptError
from simulator.faults.script import parse_faults

HOUR = 3_600


@pytest.mark.parametrize(
    ("fields", "step", "effect"),
    [
        ({"queue": "1h"}, None, QueueDelayEffect(seconds=HOUR)),
        ({"queue": 5}, None, QueueDelayEffect(seconds=5)),
        (
            {"fail": {}},
            None,
            FailJobEffect(
                code="internal_server_error",
                message="The server had an error while processing your request",
                param=None,
            ),
        ),
        (
            {"step": 3, "fail": {"code": "c", "message": "m", "param": "p"}},
            3,
            FailJobEffect(code="c", message="m", param="p"),
        ),
        ({"step": 3, "cancel": True}, 3, CancelJobEffect()),
        (
            {
                "step": 3,
                "aws": {"service": "lambda", "operation": "DeleteFunction", "parameters": {"FunctionName": "f"}},
            },
            3,
            AwsOperationEffect(service="lambda", name="DeleteFunction", parameters={"FunctionName": "f"}),
        ),
    ],
)
def test_a_job_fault_is_parsed(fields: dict[str, Any], step: int | None, effect: Any) -> None:
    """One of four effects, and its step."""
    source = {"job": 2} | fields
    assert parse_faults(source) == (JobFault(job=2, step=step, effect=effect, source=source),)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "it takes exactly one of 'aws', 'cancel', 'fail', 'queue'; it has none"),
        ({"fail": {}, "queue": 1}, "it takes exactly one of 'aws', 'cancel', 'fail', 'queue'; it has 'fail', 'queue'"),
        ({"cancel": True}, "'cancel' happens during a step: name it in 'step'"),
        ({"step": 2, "queue": 1}, "'queue' happens before the first step: leave out 'step'"),
        ({"queue": "soon"}, 'queue: it takes seconds or a duration such as 90s, 1h30m or 2d; got "soon"'),
        ({"queue": -1}, "queue: it takes from 0 to 4102444800 seconds"),
        ({"step": 0, "cancel": True}, "step: it takes a whole number from 1; got 0"),
        ({"step": 1, "cancel": False}, "cancel: it takes true; got false"),
        ({"fail": {"why": "?"}}, "fail.why: there is no such field; there are 'code', 'message', 'param'"),
        (
            {"step": 1, "aws": {"service": "lambada", "operation": "X"}},
            "aws: service: boto3 knows no service 'lambada'",
        ),
        ({"step": 1, "aws": {"service": "lambda", "operation": "X"}}, "aws: operation: lambda has no operation 'X'"),
        (
            {"step": 1, "aws": {"service": "lambda", "operation": "DeleteFunction"}},
            'aws: parameters: Missing required parameter in input: "FunctionName"',
        ),
    ],
)
def test_an_invalid_job_fault_is_refused_with_its_field(fields: dict[str, Any], message: str) -> None:
    """The message names the fault, the field and what the field takes."""
    with pytest.raises(ScriptError) as exc_info:
        parse_faults({"job": 1} | fields)
    assert str(exc_info.value) == f"fault 1: {message}"
