"""Reward functions that are loaded and run on this machine."""

import json
import math
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from simulator.doctor.loading import LoadError, load_reward_function
from simulator.doctor.reward_function import RewardFunction
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.interpreters import own_interpreter
from tests.simulators import RunningSimulator

EVENT = b'[{"id": "a", "messages": [{"role": "assistant", "content": "#### 72"}]}]'
SCORES = '[{"id": "a", "aggregate_reward_score": 1.0}]'


@contextmanager
def load(reward: object, **options: Any) -> Iterator[RewardFunction]:
    """Load a reward function as the command does."""
    with load_reward_function(str(reward), wall_clock=time, **options) as reward_function:
        yield reward_function


def load_error(reward: object, **options: Any) -> str:
    """Return why a reward function cannot be loaded."""
    with pytest.raises(LoadError) as error, load(reward, **options):
        pass
    return str(error.value)


def free_port() -> int:
    """Return a port on which nothing listens."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a reward function that scores 1."""
    path = tmp_path / "my_reward"
    path.mkdir()
    (path / "lambda_function.py").write_text(f"def lambda_handler(event, context):\n    return {SCORES}\n")
    return path


@pytest.mark.slow
def test_a_folder_runs_in_a_worker_until_the_block_ends(folder: Path) -> None:
    """With Amazon's time-out and memory. A restart makes the next call a cold start."""
    cold_starts = []
    with load(folder) as reward_function:
        assert (reward_function.name, reward_function.timeout, reward_function.memory_mb) == (str(folder), 300, 512)
        for _ in range(2):
            invocation = reward_function.invoke(EVENT)
            cold_starts += [invocation.init_ms is not None, reward_function.invoke(EVENT).init_ms is not None]
            reward_function.restart()
    assert (json.loads(invocation.payload), invocation.function_error) == (json.loads(SCORES), None)
    assert cold_starts == [True, False, True, False]
    with pytest.raises(InvocationRejected):
        reward_function.invoke(EVENT)


def test_a_function_of_a_python_that_is_missing_runs_with_a_warning_or_is_refused(folder: Path) -> None:
    """It can be refused by a setting."""
    with load(folder, runtime="python3.9") as reward_function:
        differences = reward_function.differences
        payload = json.loads(reward_function.invoke(EVENT).payload)

    reason = "The function's Runtime is python3.9, but the simulator runs functions on Python 3.10 or newer"
    own = own_interpreter().runtime
    assert payload == json.loads(SCORES)
    assert differences == (f"{reason}, so it runs on Python {own[6:]} here. Deploy it with Runtime {own}.",)
    assert load_error(folder, runtime="python3.9", requires_python=True) == f"{reason}. Deploy it with Runtime {own}."


def test_the_options_configure_the_function(tmp_path: Path) -> None:
    """Handler, time-out, memory, variables and region."""
    (tmp_path / "grading").mkdir()
    (tmp_path / "grading" / "judge.py").write_text(
        "import os\n"
        "def grade(event, context):\n"
        "    names = ('MODEL', 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', '_HANDLER', 'AWS_REGION')\n"
        "    return [os.environ[name] for name in names] + [context.get_remaining_time_in_millis() <= 7000]\n"
    )
    options = {"handler": "grading.judge.grade", "timeout": 7, "memory_mb": 256, "environment": {"MODEL": "small"}}
    with load(tmp_path, **options, region="us-east-1") as reward_function:
        assert json.loads(reward_function.invoke(EVENT).payload) == [
            "small",
            "256",
            "grading.judge.grade",
            "us-east-1",
            True,
        ]


def aws_endpoint(folder: Path, **options: Any) -> str:
    """Return the AWS endpoint that a function sees."""
    (folder / "lambda_function.py").write_text(
        "import os\ndef lambda_handler(event, context):\n    return os.environ['AWS_ENDPOINT_URL']\n"
    )
    with load(folder, **options) as reward_function:
        endpoint: str = json.loads(reward_function.invoke(EVENT).payload)
    return endpoint


def test_without_a_simulator_aws_calls_go_to_an_endpoint_of_the_doctor(folder: Path) -> None:
    """On this machine, even if a simulator is configured that does not run. Nothing listens there afterwards."""
    configured = f"http://127.0.0.1:{free_port()}"
    endpoint = urlsplit(aws_endpoint(folder, simulator=configured))
    assert (endpoint.scheme, endpoint.hostname, endpoint.geturl() == configured) == ("http", "127.0.0.1", False)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", endpoint.port or 0)).close()


def test_with_a_simulator_aws_calls_go_there(folder: Path, served_simulator: RunningSimulator) -> None:
    """As in a function that is deployed in it."""
    assert aws_endpoint(folder, simulator=served_simulator.url) == served_simulator.url


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    """A text that looks like a path is not a function's name."""
    assert load_error(tmp_path / "nothing") == (
        f"{tmp_path}/nothing does not exist. Give a folder, a .py file, a zip, or a function's ARN or name."
    )


@pytest.mark.parametrize("options", [{"timeout": 901}, {"timeout": 0}, {"timeout": math.nan}, {"memory_mb": 64}])
def test_a_configuration_that_lambda_rejects_is_an_error(options: dict[str, float], folder: Path) -> None:
    """With Lambda's message."""
    assert load_error(folder, **options).startswith("Lambda rejects this configuration: 1 validation error")


def test_a_name_needs_a_running_simulator() -> None:
    """The message says what to start."""
    port = free_port()
    assert load_error("my-reward", simulator=f"http://127.0.0.1:{port}") == (
        "my-reward is not a file or folder here, so it names a deployed function, but no simulator runs: nothing "
        f"listens on 127.0.0.1:{port} yet. Start one with `rft-sim serve`. For a function at AWS, set "
        "RFT_TARGET=bedrock."
    )


def test_an_invalid_name_is_an_error(served_simulator: RunningSimulator) -> None:
    """The message has the form of an ARN."""
    assert load_error("my reward", simulator=served_simulator.url).startswith(
        "my reward is not a file or folder, and not the ARN or name of a Lambda function, such as arn:aws:lambda:us-"
    )


def test_options_of_a_local_function_are_refused_for_a_deployed_one() -> None:
    """It has its own configuration, and the doctor would test another one."""
    assert load_error("my-reward", timeout=5).startswith("--timeout is only for a folder, a file or a zip")
