"""Where the bytes go."""

from __future__ import annotations

import base64

import pytest

from client.addresses import is_loopback
from client.errors import UsageError
from client.sdk_clients import create_openai_client, open_aws_clients
from client.target import TARGETS, select_target
from tests.client.conftest import UNREACHABLE_ENVIRONMENT


def test_simulator_is_the_default() -> None:
    """With nothing but the SDKs' own variables, the target is the simulator they name."""
    target = select_target(UNREACHABLE_ENVIRONMENT)
    assert (target.config.name, target.api_url, target.aws_url, target.region) == (
        "simulator",
        "http://127.0.0.1:9/v1",
        "http://127.0.0.1:9",
        "us-west-2",
    )


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "AWS_ENDPOINT_URL"])
def test_missing_address_names_the_command_to_run(name: str) -> None:
    """Each of the two addresses is needed, and the error says how to get it."""
    environ = {key: value for key, value in UNREACHABLE_ENVIRONMENT.items() if key != name}
    with pytest.raises(UsageError) as caught:
        select_target(environ)
    assert caught.value.message == f"The target is `simulator`, but {name} is not set."
    assert "rft-sim exec -- rft train" in str(caught.value.next_step)


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
def test_simulator_refuses_other_machines(name: str, address: str) -> None:
    """Nothing that is meant for the simulator leaves this machine."""
    with pytest.raises(UsageError, match="is not on this machine"):
        select_target({**UNREACHABLE_ENVIRONMENT, name: address})


@pytest.mark.parametrize("address", ["http://127.0.0.1:8723/v1", "http://localhost:1", "http://[::1]:8723/v1"])
def test_loopback_is_recognised(address: str) -> None:
    """All spellings of this machine count."""
    assert is_loopback(address)


def test_simulator_wants_credentials_from_the_environment() -> None:
    """A profile of the user's is never used against the simulator."""
    with pytest.raises(UsageError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set"):
        select_target({**UNREACHABLE_ENVIRONMENT, "AWS_ACCESS_KEY_ID": ""})


def test_simulator_key_is_minted_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OPENAI_API_KEY a short-term key is made of the AWS credentials."""
    for name, value in UNREACHABLE_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with create_openai_client(select_target({**UNREACHABLE_ENVIRONMENT, "OPENAI_API_KEY": ""})) as client:
        key = client._refresh_api_key()
    assert key.startswith("bedrock-api-key-")


def test_bedrock_row_fills_in_the_region() -> None:
    """One variable switches both the endpoint and the credentials."""
    target = select_target({"RFT_TARGET": "bedrock"})
    assert (target.api_url, target.aws_url, target.api_key, target.credentials, target.warnings) == (
        "https://bedrock-mantle.us-west-2.api.aws/v1",
        None,
        None,
        None,
        (),
    )


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_LAMBDA"])
def test_bedrock_rejects_simulator_variables(name: str) -> None:
    """A shell that was set up for the simulator is not half switched."""
    with pytest.raises(UsageError, match=name):
        select_target({"RFT_TARGET": "bedrock", name: "http://127.0.0.1:8723/v1"})


def test_bedrock_never_sends_another_services_key() -> None:
    """An OpenAI key that happens to be set is not handed to AWS."""
    with pytest.raises(UsageError, match="does not hold a Bedrock API key"):
        select_target({"RFT_TARGET": "bedrock", "OPENAI_API_KEY": "sk-something"})


def test_bedrock_warns_of_a_short_term_key() -> None:
    """A key that cannot be renewed may end before the job does."""
    target = select_target({"RFT_TARGET": "bedrock", "AWS_BEARER_TOKEN_BEDROCK": "bedrock-api-key-abc"})
    assert (target.key_source, len(target.warnings)) == ("AWS_BEARER_TOKEN_BEDROCK", 1)


def test_unknown_target_lists_the_known() -> None:
    """A typing error in RFT_TARGET is answered with the choices."""
    with pytest.raises(UsageError) as caught:
        select_target({"RFT_TARGET": "cloud"})
    assert caught.value.next_step == "Set it to one of: simulator, bedrock."


def test_region_cannot_change_the_host() -> None:
    """The region becomes part of a host name, so it must look like one."""
    with pytest.raises(UsageError, match="is not a region name"):
        select_target({"RFT_TARGET": "bedrock", "AWS_REGION": "us-west-2.example.com/"})


def test_boto3_goes_where_the_row_says() -> None:
    """The endpoint is given to each client outright, so service-specific variables cannot divert one."""
    with open_aws_clients(select_target(UNREACHABLE_ENVIRONMENT)) as clouds:
        urls = {client.meta.endpoint_url for client in (clouds.iam, clouds.lambda_client, clouds.s3)}
    assert urls == {"http://127.0.0.1:9"}


def test_simulator_is_polled_more_often_than_bedrock() -> None:
    """A local job takes a second, a real one hours."""
    assert {name: (row.poll_interval.shortest, row.poll_interval.longest) for name, row in TARGETS.items()} == {
        "simulator": (0.05, 1.0),
        "bedrock": (5.0, 60.0),
    }


def test_bedrock_refuses_the_simulators_access_key() -> None:
    """Credentials that a shell kept from the simulator are not sent to AWS."""
    with pytest.raises(UsageError, match="AWS_ACCESS_KEY_ID holds the simulator's made-up credentials"):
        select_target({"RFT_TARGET": "bedrock", "AWS_ACCESS_KEY_ID": "AKIASIMULATOR0000000"})


def test_bedrock_refuses_a_key_that_the_simulator_signed() -> None:
    """A short-term key says inside whose it is."""
    url = b"bedrock.amazonaws.com/?X-Amz-Credential=AKIASIMULATOR0000000%2F20261121"
    key = "bedrock-api-key-" + base64.b64encode(url).decode()
    with pytest.raises(UsageError, match="OPENAI_API_KEY holds the simulator's made-up credentials"):
        select_target({"RFT_TARGET": "bedrock", "OPENAI_API_KEY": key})


@pytest.mark.parametrize(("environ", "passing"), [({}, False), ({"RFT_SIM_EXEC": "1"}, True)])
def test_simulator_of_one_command_is_ephemeral(environ: dict[str, str], passing: bool) -> None:
    """`rft-sim exec` says that it ends with its command."""
    assert select_target({**UNREACHABLE_ENVIRONMENT, **environ}).ephemeral is passing
