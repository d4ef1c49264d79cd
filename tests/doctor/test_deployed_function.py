"""Reward functions that are deployed in a simulator or at AWS."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from simulator.doctor.deployed_function import DeployedRewardFunction
from simulator.doctor.loading import LoadError, load_reward_function
from simulator.doctor.reward_function import RewardFunction
from simulator.lambdas.errors import AccessDenied, FunctionNotFound, InvocationRejected, RequestTooLarge, Throttled
from simulator.lambdas.interpreters import own_interpreter
from tests.lambdas.zips import zip_files
from tests.simulators import RunningSimulator

if TYPE_CHECKING:
    from mypy_boto3_lambda.literals import RuntimeType

GRADERS = Path(__file__).parents[2] / "fixtures" / "graders"
EVENT = b'[{"id": "a", "messages": [{"role": "assistant", "content": "#### 72"}]}]'


@contextmanager
def load(name: str, **options: Any) -> Iterator[RewardFunction]:
    """Load a deployed function as the command does."""
    with load_reward_function(name, wall_clock=time, **options) as reward_function:
        yield reward_function


@pytest.fixture(scope="module")
def always_one(served_simulator: RunningSimulator) -> str:
    """The ARN of a deployed function that scores 1."""
    return served_simulator.deploy(GRADERS / "always_one", name="always-one", timeout=17, memory=192)


@pytest.mark.parametrize("form", ["{arn}", "{name}", "{arn}:$LATEST"])
def test_a_function_is_loaded_by_its_arn_or_name(
    form: str, always_one: str, served_simulator: RunningSimulator
) -> None:
    """Its configuration, its result and its log come from Lambda's API."""
    name = form.format(arn=always_one, name=always_one.rpartition(":")[2])
    with load(name, simulator=served_simulator.url) as reward_function:
        invocation = reward_function.invoke(EVENT)
        assert (reward_function.name, reward_function.timeout, reward_function.memory_mb) == (name, 17, 192)
        assert reward_function.spec is None
    assert (json.loads(invocation.payload), invocation.function_error) == (
        [{"id": "a", "aggregate_reward_score": 1.0}],
        None,
    )
    assert (invocation.duration_ms > 0, invocation.log_lines[0].startswith("START RequestId")) == (True, True)


@pytest.mark.slow
def test_a_cold_start_is_known_from_the_log(served_simulator: RunningSimulator) -> None:
    """The second call has no init time. An error of the function is not an exception."""
    arn = served_simulator.deploy(GRADERS / "raises", name="raising")
    with load(arn, simulator=served_simulator.url) as reward_function:
        invocations = [reward_function.invoke(EVENT) for _ in range(2)]
    assert [(invocation.init_ms is None, invocation.function_error) for invocation in invocations] == [
        (False, "Unhandled"),
        (True, "Unhandled"),
    ]


def test_a_missing_function_is_an_error(served_simulator: RunningSimulator) -> None:
    """The message says where it is missing."""
    arn = "arn:aws:lambda:us-west-2:123456789012:function:nowhere"
    with pytest.raises(LoadError) as error, load(arn, simulator=served_simulator.url):
        pass
    assert str(error.value) == (
        f"Function not found: {arn} in the simulator at {served_simulator.url}. "
        "Deploy it, or check the name, the region and the account."
    )


def test_a_throttled_call_raises_throttled(served_simulator: RunningSimulator) -> None:
    """So that a probe can distinguish it from a result."""
    arn = served_simulator.deploy(GRADERS / "always_one", name="throttled")
    served_simulator.lambda_client.put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=0)
    with load(arn, simulator=served_simulator.url) as reward_function, pytest.raises(Throttled):
        reward_function.invoke(EVENT)


@pytest.mark.slow
def test_a_compiled_module_that_a_simulator_cannot_load_is_known(served_simulator: RunningSimulator) -> None:
    """The simulator names it beside AWS's own error."""
    code = zip_files(
        {
            "lambda_function.py": "import _fast\ndef lambda_handler(event, context): return []\n",
            "_fast.cp310-win_amd64.pyd": b"MZ" + bytes(64),
        }
    )
    arn = served_simulator.lambda_client.create_function(
        FunctionName="for-windows",
        Runtime=cast("RuntimeType", own_interpreter().runtime),
        Role=served_simulator.execution_role,
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": code},
    )["FunctionArn"]
    with load(arn, simulator=served_simulator.url) as reward_function:
        error = json.loads(reward_function.invoke(EVENT).payload)
        modules = reward_function.modules_behind_error(error["errorType"], error["errorMessage"])

    assert error["errorMessage"] == "Unable to import module 'lambda_function': No module named '_fast'"
    assert modules is not None
    assert (modules.loads_at_aws, modules.explanation.partition(", but")[0]) == (
        False,
        "_fast.cp310-win_amd64.pyd is built for Python 3.10, Windows",
    )


class FailingLambdaClient:
    """A Lambda client that raises an error for every call."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def invoke(self, **_request: Any) -> Any:
        """Raise the error."""
        raise self._error


def function_at_aws(error: Exception) -> DeployedRewardFunction:
    """Return a function at AWS whose calls raise an error."""
    client: Any = FailingLambdaClient(error)
    return DeployedRewardFunction(
        name="the-arn", timeout=3, memory_mb=128, location="AWS", client=client, now=lambda: 0.0
    )


def lambda_error(code: str, message: str) -> ClientError:
    """Return an error of Lambda's API."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Invoke")


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        pytest.param(
            lambda_error("ExpiredTokenException", "The token is expired"),
            AccessDenied,
            "the AWS credentials have expired: sign in again (The token is expired).",
            id="expired",
        ),
        pytest.param(
            lambda_error("UnrecognizedClientException", "invalid"),
            AccessDenied,
            "AWS rejects the AWS credentials (UnrecognizedClientException: invalid).",
            id="unknown",
        ),
        pytest.param(
            lambda_error("AccessDeniedException", "User is not authorized."),
            AccessDenied,
            "not permitted on the-arn: User is not authorized. The caller needs lambda:InvokeFunction and "
            "lambda:GetFunctionConfiguration.",
            id="denied",
        ),
        pytest.param(
            lambda_error("ResourceNotFoundException", "gone"),
            FunctionNotFound,
            "Function not found: the-arn in AWS. Deploy it, or check the name, the region and the account.",
            id="gone",
        ),
        pytest.param(
            lambda_error("TooManyRequestsException", "Rate Exceeded."), Throttled, "Rate Exceeded.", id="throttled"
        ),
        pytest.param(
            lambda_error("KMSAccessDeniedException", "no key"),
            InvocationRejected,
            "KMSAccessDeniedException: no key",
            id="another",
        ),
        pytest.param(
            NoCredentialsError(),
            InvocationRejected,
            "Lambda in AWS could not be reached: Unable to locate credentials.",
            id="no credentials",
        ),
    ],
)
def test_an_error_of_aws_has_a_plain_message(error: Exception, kind: type[InvocationRejected], message: str) -> None:
    """With a fake client, so nothing is sent to AWS."""
    with pytest.raises(InvocationRejected) as exc_info:
        function_at_aws(error).invoke(EVENT)
    assert (type(exc_info.value), exc_info.value.message) == (kind, message)


def test_an_event_that_is_too_large_for_lambda_is_not_sent() -> None:
    """More than 6 MB."""
    with pytest.raises(RequestTooLarge):
        function_at_aws(AssertionError("sent")).invoke(b'"' + b"x" * 6_300_000 + b'"')


def test_a_function_at_aws_needs_credentials() -> None:
    """boto3 finds none, so nothing is sent."""
    arn = "arn:aws:lambda:us-west-2:123456789012:function:mine"
    with pytest.raises(LoadError) as error, load(arn, at_aws=True):
        pass
    assert str(error.value) == f"Lambda in AWS did not return {arn}: Unable to locate credentials."
