"""A function whose handler has no dot: it can be created, as at AWS, and fails at each call."""

import json
from pathlib import Path

import pytest

from tests.simulators import RunningSimulator
from tests.training.training_files import make_training_file

GRADER = Path(__file__).parents[2] / "fixtures" / "graders" / "always_one"
MESSAGE = "Bad handler 'lambda_handler': not enough values to unpack (expected 2, got 1)"


@pytest.fixture(scope="module")
def function(served_simulator: RunningSimulator) -> str:
    """The ARN of the function."""
    arn = served_simulator.deploy(GRADER, name="no-dot")
    served_simulator.lambda_client.update_function_configuration(FunctionName=arn, Handler="lambda_handler")
    return arn


@pytest.mark.shows("malformed-handler")
def test_an_invocation_returns_the_runtimes_error(served_simulator: RunningSimulator, function: str) -> None:
    """The call itself succeeds."""
    answer = served_simulator.lambda_client.invoke(FunctionName=function, Payload=b"{}")

    assert (answer["StatusCode"], answer["FunctionError"], json.loads(answer["Payload"].read())) == (
        200,
        "Unhandled",
        {"errorMessage": MESSAGE, "errorType": "Runtime.MalformedHandlerName", "requestId": "", "stackTrace": []},
    )


@pytest.mark.slow
def test_a_job_fails_with_the_runtimes_error(served_simulator: RunningSimulator, function: str) -> None:
    """At its first rollout."""
    job = served_simulator.run_job(make_training_file(100), function=function)

    assert job["status"] == "failed"
    reason = f"the function failed with Runtime.MalformedHandlerName: {MESSAGE}, 4 times in a row."
    assert reason in job["error"]["message"]
