"""`rft-sim env`, and the environment that `rft-sim exec` gives its command."""

import os
import socket
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from simulator.cli.app import app
from simulator.cli.environment import build_client_environment
from simulator.settings import Settings
from tests.simulators import RunningSimulator, serve_simulator


def env(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(app, ["env", *arguments])


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """A simulator in another region than the default."""
    with serve_simulator(Settings(port=0, region="eu-west-1")) as running:
        yield running


@pytest.fixture
def unused_port() -> str:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening_socket:
        return str(listening_socket.getsockname()[1])


def test_it_points_a_shell_to_the_simulator_and_away_from_everything_else(
    unused_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables of the caller's shell are replaced or unset."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "OPENAI_ORG_ID"):
        monkeypatch.setenv(name, "real")
    lines = set(env("--port", unused_port).stdout.splitlines())
    assert {"unset AWS_PROFILE", "unset AWS_SESSION_TOKEN", "unset OPENAI_ORG_ID"} <= lines
    assert {f"export AWS_ENDPOINT_URL='http://127.0.0.1:{unused_port}'", "export RFT_TARGET='simulator'"} <= lines


def test_it_signs_for_the_region_of_the_simulator(
    simulator: RunningSimulator, unused_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks the simulator, and uses no proxy."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{unused_port}")
    result = env("--port", simulator.url.rpartition(":")[2])
    assert (result.exit_code, result.stderr) == (0, "")
    assert {"export AWS_REGION='eu-west-1'", "export AWS_DEFAULT_REGION='eu-west-1'"} <= set(result.stdout.splitlines())


def test_it_warns_when_nothing_listens_and_prints_the_variables(unused_port: str) -> None:
    """The simulator may be started later."""
    result = env("--port", unused_port)
    assert (result.exit_code, result.stderr) == (
        0,
        f"rft-sim: nothing listens on 127.0.0.1:{unused_port} yet; these variables are for a simulator in us-west-2\n",
    )
    assert "export AWS_REGION='us-west-2'" in result.stdout.splitlines()


def test_it_warns_about_another_region_than_the_simulators(simulator: RunningSimulator) -> None:
    """The simulator would refuse its keys."""
    port = simulator.url.rpartition(":")[2]
    result = env("--port", port, "--region", "us-east-1")
    message = f"the simulator on 127.0.0.1:{port} is in eu-west-1; these variables are for a simulator in us-east-1"
    assert (result.exit_code, result.stderr) == (0, f"rft-sim: {message}\n")
    assert "export AWS_REGION='us-east-1'" in result.stdout.splitlines()


@pytest.mark.parametrize("port", ["0", "65536"])
def test_it_refuses_a_port_that_no_simulator_can_have(port: str) -> None:
    """It prints nothing that a shell would evaluate."""
    result = env("--port", port)
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_command_gets_no_credential_of_the_caller() -> None:
    """Every AWS_ and OPENAI_ variable is replaced, and the profile files point to an empty file."""
    inherited = {
        "PATH": "/bin",
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "real",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_ENDPOINT_URL_LAMBDA": "https://lambda.us-west-2.amazonaws.com",
        "OPENAI_API_KEY": "sk-real",
        "OPENAI_ORG_ID": "org-real",
        "RFT_TARGET": "bedrock",
    }
    environment = build_client_environment(url="http://127.0.0.1:1", region="us-west-2", key="key", inherited=inherited)
    assert environment == {
        "PATH": "/bin",
        "AWS_ACCESS_KEY_ID": "AKIASIMULATOR0000000",
        "AWS_BEARER_TOKEN_BEDROCK": "key",
        "AWS_BEDROCK_BASE_URL": "http://127.0.0.1:1/openai/v1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_REGION": "us-west-2",
        "AWS_SECRET_ACCESS_KEY": "simulator/not/a/real/secret/key/0000000000",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "BEDROCK_MANTLE_API_BASE": "http://127.0.0.1:1/v1",
        "OPENAI_API_KEY": "key",
        "OPENAI_BASE_URL": "http://127.0.0.1:1/v1",
        "NO_PROXY": "127.0.0.1,localhost",
        "RFT_SIM_EXEC": "1",
        "RFT_TARGET": "simulator",
        "no_proxy": "127.0.0.1,localhost",
    }
