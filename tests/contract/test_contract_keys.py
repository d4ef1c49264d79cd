"""Keys at the door: the real generator's, long-term ones and signatures, through the API."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import cast

import pytest
from aws_bedrock_token_generator import provide_token
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import CredentialProvider, Credentials
from openai import AuthenticationError, BedrockOpenAI, OpenAI
from starlette.testclient import TestClient

from simulator.keys import session_key
from tests.world import REGION, World, inner_world

CREDENTIALS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SESSION = Credentials("ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjEXAMPLE==")

# Everything that the real service asks for a key; a sample of each kind.
ROUTES = [
    ("GET", "/v1/models"),
    ("GET", "/v1/models/openai.gpt-oss-20b"),
    ("GET", "/v1/files"),
    ("POST", "/v1/files"),
    ("GET", "/v1/files/x"),
    ("GET", "/v1/files/x/content"),
    ("DELETE", "/v1/files/x"),
    ("GET", "/v1/fine_tuning/jobs"),
    ("POST", "/v1/fine_tuning/jobs"),
    ("GET", "/v1/fine_tuning/jobs/x"),
    ("GET", "/v1/fine_tuning/jobs/x/events"),
    ("GET", "/v1/fine_tuning/jobs/x/checkpoints"),
    ("POST", "/v1/fine_tuning/jobs/x/cancel"),
    ("POST", "/v1/chat/completions"),
]


class Provider:
    """Credentials as the generator asks for them."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load(self) -> Credentials:
        """Give them."""
        return self._credentials


def generated(credentials: Credentials = CREDENTIALS, *, region: str = REGION, hours: float = 12) -> str:
    """Mint a key with AWS's own generator."""
    provider = cast("CredentialProvider", Provider(credentials))
    return str(provide_token(region=region, aws_credentials_provider=provider, expiry=timedelta(hours=hours)))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One simulator for the module: asking for the models changes nothing."""
    with inner_world() as made:
        yield made


def listed(world: World, key: str) -> int:
    """Ask for the models with a key; return the status or raise what the SDK raises."""
    return world.mantle(key=key).models.with_raw_response.list().http_response.status_code


@pytest.mark.parametrize(
    "key",
    [
        generated(),
        generated(SESSION),
        generated(hours=1),
        session_key(REGION),
        "ABSK" + base64.b64encode(b"BedrockAPIKey-a1b2:c2VjcmV0").decode(),
    ],
    ids=["short-term", "of a session", "of an hour", "the simulator's own", "long-term"],
)
def test_a_good_key_is_let_in(world: World, key: str) -> None:
    """Structure, region and expiry are judged; the signature is not, yet."""
    assert listed(world, key) == 200


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("sk-proj-abc", "Invalid bearer token"),
        ("ABSKnot base64", "Invalid bearer token"),
        (generated()[:-41], "Invalid bearer token"),
        (generated()[:-40], "The security token included in the request is invalid."),
        (generated(region="us-east-1"), "The security token included in the request is invalid."),
    ],
    ids=["another house's", "malformed", "cut off", "cut off where base64 can be", "of another region"],
)
def test_a_bad_key_is_a_401_that_is_no_authentication_error(world: World, key: str, message: str) -> None:
    """OBSERVED: `permission_denied_error`, where OpenAI says `authentication_error`."""
    with pytest.raises(AuthenticationError) as refused:
        listed(world, key)
    assert refused.value.body == {
        "code": "invalid_api_key",
        "message": message,
        "param": None,
        "type": "permission_denied_error",
    }


@pytest.mark.parametrize(("verb", "path"), ROUTES)
def test_every_route_asks_for_a_key_before_anything_else(world: World, verb: str, path: str) -> None:
    """Before a body is read or a name looked up."""
    answer = world.http.request(verb, path, headers={"authorization": ""})
    assert (answer.status_code, answer.json()) == (
        401,
        {
            "error": {
                "code": "invalid_api_key",
                "message": "Missing bearer token",
                "param": None,
                "type": "permission_denied_error",
            }
        },
    )


def test_the_control_plane_asks_for_none(world: World) -> None:
    """It is the simulator's own, on loopback."""
    assert world.http.get("/_simulator/health", headers={"authorization": ""}).status_code == 200


@pytest.mark.parametrize("credentials", [CREDENTIALS, SESSION], ids=["user", "session"])
@pytest.mark.parametrize(
    ("service", "region", "status"),
    [
        ("bedrock-mantle", REGION, 200),
        ("bedrock", REGION, 200),
        ("bedrock-mantle", "us-east-1", 401),
        ("s3", REGION, 401),
    ],
)
def test_a_request_signed_by_botocore_is_let_in(
    world: World, credentials: Credentials, service: str, region: str, status: int
) -> None:
    """Under the service name that the SDK uses, and under the one that some callers use."""
    request = AWSRequest(method="GET", url=f"{world.url}/v1/models")
    SigV4Auth(credentials, service, region).add_auth(request)
    answer = world.http.get("/v1/models", headers=dict(request.headers))
    assert answer.status_code == status


def test_a_key_may_be_minted_for_every_request(world: World) -> None:
    """A callable, which the SDK calls each time: how a long watch outlives a key."""
    minted: list[str] = []

    def mint() -> str:
        minted.append(generated(hours=1))
        return minted[-1]

    mantle = OpenAI(api_key=mint, base_url=f"{world.url}/v1", http_client=world.http, max_retries=0)
    for _ in range(2):
        mantle.models.list()
    assert len(minted) == 2


def test_the_sdks_own_bedrock_client_is_let_in(world: World) -> None:
    """With its URL pointed at /v1: its default of /openai/v1 serves no fine-tuning on the real service either."""
    bare = TestClient(world.simulator.api)
    mantle = BedrockOpenAI(api_key=generated(), base_url=f"{world.url}/v1", http_client=bare, max_retries=0)
    assert len(list(mantle.models.list())) == 3
