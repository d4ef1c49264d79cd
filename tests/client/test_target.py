"""The choice between the simulator and Bedrock."""

from __future__ import annotations

import base64

import pytest

from client.addresses import is_loopback
from client.errors import UsageError
from client.sdk_clients import create_openai_client, open_aws_clients
from client.target import TARGETS, select_target
from tests.client.conftest import UNREACHABLE_ENVIRONMENT


def test_the_simulator_is_the_default() -> None:
    """With only the variables of the SDKs set."""
    target = select_target(UNREACHABLE_ENVIRONMENT)
    assert (target.config.name, target.api_url, target.aws_url, target.region) == (
        "simulator",
        "http://127.0.0.1:9/v1",
        "http://127.0.0.1:9",
        "us-west-2",
    )


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "AWS_ENDPOINT_URL"])
def test_a_missing_address_names_the_command_to_run(name: str) -> None:
    """Both addresses are needed."""
    environ = {key: value for key, value in UNREACHABLE_ENVIRONMENT.items() if key != name}
    with pytest.raises(UsageError) as exc_info:
        select_target(environ)
    assert exc_info.value.message == f"The target is `simulator`, but {name} is not set."
    assert "rft-sim exec -- rft train" in str(exc_info.value.next_step)


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "AWS_ENDPOINT_URL"])
@pytest.mark.parametrize(
    "address",
    [
        "https://bedrock-mantle.us-west-2.api.aws/v1",
        "http://10.0.0.7:8723",
        "http://127.0.0.1@example.com/v1",
        "http://127.0.0.1.example.com",
        "file:///etc/hosts",
    ],
)
def test_the_simulator_target_refuses_other_machines(name: str, address: str) -> None:
    """So that no request leaves this machine by mistake."""
    with pytest.raises(UsageError, match="is not on this machine"):
        select_target({**UNREACHABLE_ENVIRONMENT, name: address})


@pytest.mark.parametrize("address", ["http://127.0.0.1:8723/v1", "http://localhost:1", "http://[::1]:8723/v1"])
def test_a_loopback_address_is_recognised(address: str) -> None:
    """In all its forms."""
    assert is_loopback(address)


def test_the_simulator_target_needs_credentials_in_the_environment() -> None:
    """The AWS profiles of the user are not used."""
    with pytest.raises(UsageError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"):
        select_target({**UNREACHABLE_ENVIRONMENT, "AWS_ACCESS_KEY_ID": ""})


def test_a_key_for_the_simulator_is_minted_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OPENAI_API_KEY."""
    for name, value in UNREACHABLE_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with create_openai_client(select_target({**UNREACHABLE_ENVIRONMENT, "OPENAI_API_KEY": ""})) as client:
        key = client._refresh_api_key()
    assert key.startswith("bedrock-api-key-")


def test_the_bedrock_address_contains_the_region() -> None:
    """RFT_TARGET selects both the endpoint and the credentials."""
    target = select_target({"RFT_TARGET": "bedrock"})
    assert (target.api_url, target.aws_url, target.api_key, target.credentials, target.warnings) == (
        "https://bedrock-mantle.us-west-2.api.aws/v1",
        None,
        None,
        None,
        (),
    )


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"])
def test_the_bedrock_target_refuses_simulator_addresses(name: str) -> None:
    """In a shell that still has the variables of the simulator."""
    with pytest.raises(UsageError, match=name):
        select_target({"RFT_TARGET": "bedrock", name: "http://127.0.0.1:8723/v1"})


def test_a_key_of_another_service_is_refused() -> None:
    """Such as an OpenAI key that happens to be set."""
    with pytest.raises(UsageError, match="does not hold a Bedrock API key"):
        select_target({"RFT_TARGET": "bedrock", "OPENAI_API_KEY": "sk-something"})


def test_a_short_term_key_gets_a_warning() -> None:
    """It may expire before the job ends."""
    target = select_target({"RFT_TARGET": "bedrock", "AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key-abc"})
    assert (target.key_source, len(target.warnings)) == ("AWS_BEARER_TOKEN_BEDROCK", 1)


def test_an_unknown_target_is_refused() -> None:
    """The error lists the choices."""
    with pytest.raises(UsageError) as exc_info:
        select_target({"RFT_TARGET": "cloud"})
    assert exc_info.value.next_step == "Set it to one of: simulator, bedrock."


def test_a_region_that_would_change_the_host_is_refused() -> None:
    """It becomes part of the host name."""
    with pytest.raises(UsageError, match="is not a region name"):
        select_target({"RFT_TARGET": "bedrock", "AWS_REGION": "us-west-2.example.com/"})


def test_every_boto3_client_uses_the_endpoint_of_the_target() -> None:
    """The endpoint is an argument of each client, so service-specific variables have no effect."""
    with open_aws_clients(select_target(UNREACHABLE_ENVIRONMENT)) as aws_clients:
        urls = {client.meta.endpoint_url for client in (aws_clients.iam, aws_clients.lambda_client, aws_clients.s3)}
    assert urls == {"http://127.0.0.1:9"}


def test_the_simulator_is_polled_more_often_than_bedrock() -> None:
    """A simulated job takes a second, a real one hours."""
    assert {
        name: (config.poll_interval.shortest, config.poll_interval.longest) for name, config in TARGETS.items()
    } == {
        "simulator": (0.05, 1.0),
        "bedrock": (5.0, 60.0),
    }


def test_an_access_key_of_the_simulator_is_refused_at_bedrock() -> None:
    """They are not sent to AWS."""
    with pytest.raises(UsageError, match="AWS_ACCESS_KEY_ID holds credentials of the simulator"):
        select_target({"RFT_TARGET": "bedrock", "AWS_ACCESS_KEY_ID": "AKIASIMULATOR0000000"})


def test_an_api_key_of_the_simulator_is_refused_at_bedrock() -> None:
    """A short-term key holds the access key id that signed it."""
    url = b"bedrock.amazonaws.com/?X-Amz-Credential=AKIASIMULATOR0000000%2F20261121"
    key = "bedrock-api-key-" + base64.b64encode(url).decode()
    with pytest.raises(UsageError, match="OPENAI_API_KEY holds credentials of the simulator"):
        select_target({"RFT_TARGET": "bedrock", "OPENAI_API_KEY": key})


@pytest.mark.parametrize(("environ", "ephemeral"), [({}, False), ({"RFT_SIM_EXEC": "1"}, True)])
def test_the_simulator_of_rft_sim_exec_is_ephemeral(environ: dict[str, str], ephemeral: bool) -> None:
    """`rft-sim exec` sets RFT_SIM_EXEC."""
    assert select_target({**UNREACHABLE_ENVIRONMENT, **environ}).ephemeral is ephemeral
