"""Authentication: keys and signatures as people create them, with real IAM users behind them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, cast

import httpx2
import pytest
from aws_bedrock_token_generator import provide_token
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import CredentialProvider, Credentials
from hypothesis import given
from hypothesis import strategies as st
from openai import AuthenticationError, BedrockOpenAI, NotFoundError, OpenAI
from starlette.testclient import TestClient

from simulator.identity.session_key import create_session_key
from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Auth, Settings
from tests.principals import MANTLE, TRUST, StaticCredentialProvider, credentials_from
from tests.simulators import REGION, RunningSimulator, simulator_in_process
from tests.training.training_files import make_training_file

NOT_VALID = "The security token included in the request is invalid."
NOT_MATCHING = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)
SESSION_CREDENTIALS = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)

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


def generate_key(credentials: Credentials = SESSION_CREDENTIALS, *, region: str = REGION, hours: float = 12) -> str:
    """Create a short-term key with AWS's own generator."""
    provider = cast("CredentialProvider", StaticCredentialProvider(credentials))
    return str(provide_token(region=region, aws_credentials_provider=provider, expiry=timedelta(hours=hours)))


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """One simulator without a socket. No test changes it."""
    with simulator_in_process() as created:
        yield created


@pytest.fixture(scope="module")
def ann(served_simulator: RunningSimulator) -> Credentials:
    """The access key of a user with full access to Mantle."""
    served_simulator.iam_client.create_user(UserName="ann")
    served_simulator.iam_client.attach_user_policy(UserName="ann", PolicyArn=MANTLE)
    return credentials_from(served_simulator.iam_client.create_access_key(UserName="ann")["AccessKey"])


@pytest.fixture(scope="module")
def trainer(served_simulator: RunningSimulator) -> Credentials:
    """The credentials of an assumed role with full access to Mantle."""
    role = served_simulator.iam_client.create_role(RoleName="trainer", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    served_simulator.iam_client.attach_role_policy(RoleName="trainer", PolicyArn=MANTLE)
    sts = served_simulator.boto3_session.client("sts", endpoint_url=served_simulator.url)
    created = sts.assume_role(RoleArn=role, RoleSessionName="s1")["Credentials"]
    sts.close()
    return credentials_from(created)


def create_long_term_key(served: RunningSimulator, user: str = "ann", **options: Any) -> Any:
    """Create a long-term key."""
    created = served.iam_client.create_service_specific_credential(
        UserName=user, ServiceName="bedrock.amazonaws.com", **options
    )
    return created["ServiceSpecificCredential"]


def listing_status(simulator: RunningSimulator, key: str) -> int:
    """List the models with a key; return the status, or raise the SDK's exception."""
    return simulator.openai_client(key=key).models.with_raw_response.list().http_response.status_code


def listing_body(simulator: RunningSimulator, key: str) -> object:
    """Return the body of the 401 for a key."""
    with pytest.raises(AuthenticationError) as exc_info:
        listing_status(simulator, key)
    return exc_info.value.body


def invalid_key_error(message: str) -> dict[str, Any]:
    """Return the body of a 401. OBSERVED: `permission_denied_error`, where OpenAI says `authentication_error`."""
    return {"code": "invalid_api_key", "message": message, "param": None, "type": "permission_denied_error"}


def sign_request(
    simulator: RunningSimulator,
    by: Credentials,
    *,
    method: str = "GET",
    path: str = "/v1/models",
    body: bytes = b"",
    sent: bytes | None = None,
    service: str = "bedrock-mantle",
    region: str = REGION,
    headers: dict[str, str] | None = None,
) -> httpx2.Response:
    """Send a request that botocore signed. `sent` replaces the signed body."""
    request = AWSRequest(method=method, url=f"{simulator.url}{path}", data=body, headers=headers or {})
    SigV4Auth(by, service, region).add_auth(request)
    return simulator.http.request(
        method, path, content=body if sent is None else sent, headers=dict(request.headers.items())
    )


@pytest.mark.shows("short-term-keys")
@pytest.mark.parametrize(
    "key",
    [generate_key(), generate_key(hours=1), create_session_key(REGION)],
    ids=["whole", "of an hour", "the simulator's own"],
)
def test_the_session_key_is_accepted(simulator: RunningSimulator, key: str) -> None:
    """It is signed with the credentials that `rft-sim env` prints."""
    assert listing_status(simulator, key) == 200


@pytest.mark.shows("short-term-keys")
def test_keys_of_an_iam_user_and_of_an_assumed_role_are_accepted(
    served_simulator: RunningSimulator, ann: Credentials, trainer: Credentials
) -> None:
    """From AWS's own generator, with the session token."""
    assert [listing_status(served_simulator, generate_key(each)) for each in (ann, trainer)] == [200, 200]


@pytest.mark.shows("short-term-keys")
def test_a_short_term_key_depends_on_its_access_key(served_simulator: RunningSimulator) -> None:
    """Deactivated, activated and deleted: each counts from the next request on."""
    served_simulator.iam_client.create_user(UserName="bob")
    served_simulator.iam_client.attach_user_policy(UserName="bob", PolicyArn=MANTLE)
    created = credentials_from(served_simulator.iam_client.create_access_key(UserName="bob")["AccessKey"])
    key, name = generate_key(created), {"UserName": "bob", "AccessKeyId": created.access_key}
    assert listing_status(served_simulator, key) == 200
    served_simulator.iam_client.update_access_key(**name, Status="Inactive")
    assert listing_body(served_simulator, key) == invalid_key_error(NOT_VALID)
    served_simulator.iam_client.update_access_key(**name, Status="Active")
    assert listing_status(served_simulator, key) == 200
    served_simulator.iam_client.delete_access_key(**name)
    assert listing_body(served_simulator, key) == invalid_key_error(NOT_VALID)


@pytest.mark.shows("key-refusals")
@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("sk-proj-abc", "Invalid bearer token"),
        ("ABSKnot base64", "Invalid bearer token"),
        (generate_key()[:-41], "Invalid bearer token"),
        (generate_key()[:-40], NOT_VALID),
        (generate_key(region="us-east-1"), NOT_VALID),
        (generate_key(Credentials(ACCESS_KEY_ID, "another secret")), NOT_VALID),
        (generate_key(Credentials("AKIAIOSFODNN7EXAMPLE", SECRET_ACCESS_KEY)), NOT_VALID),
        ("ABSKYW5uKzEtYXQtMTIzNDU2Nzg5MDEyOnNlY3JldA==", NOT_VALID),
    ],
    ids=[
        *("of another provider", "malformed", "cut off", "cut off where base64 can be", "of another region"),
        *("of another secret", "of an unknown access key", "of an unknown long-term credential"),
    ],
)
def test_a_bad_key_is_a_401_that_is_no_authentication_error(
    simulator: RunningSimulator, key: str, message: str
) -> None:
    """OBSERVED bodies."""
    assert listing_body(simulator, key) == invalid_key_error(message)


@pytest.mark.shows("long-term-keys")
def test_a_long_term_key_works_until_it_is_deactivated_reset_or_deleted(
    served_simulator: RunningSimulator, ann: Credentials
) -> None:
    """Each counts from the next request on. A reset gives another key."""
    created = create_long_term_key(served_simulator)
    name = {"UserName": "ann", "ServiceSpecificCredentialId": created["ServiceSpecificCredentialId"]}
    key = created["ServiceCredentialSecret"]
    assert listing_status(served_simulator, key) == 200
    served_simulator.iam_client.update_service_specific_credential(**name, Status="Inactive")
    assert listing_body(served_simulator, key) == invalid_key_error(NOT_VALID)
    served_simulator.iam_client.update_service_specific_credential(**name, Status="Active")
    assert listing_status(served_simulator, key) == 200
    reset = served_simulator.iam_client.reset_service_specific_credential(**name)["ServiceSpecificCredential"]
    assert listing_body(served_simulator, key) == invalid_key_error(NOT_VALID)
    assert listing_status(served_simulator, reset["ServiceCredentialSecret"]) == 200
    served_simulator.iam_client.delete_service_specific_credential(**name)
    assert listing_body(served_simulator, reset["ServiceCredentialSecret"]) == invalid_key_error(NOT_VALID)


@pytest.mark.shows("long-term-keys", "wordings-of-refused-keys")
def test_a_long_term_key_expires_after_its_days(
    served_simulator: RunningSimulator, ann: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`CredentialAgeDays`, by the callers' clock."""
    with monkeypatch.context() as patch:
        patch.setattr("simulator.aws.iam_operations.caller_utcnow", lambda: datetime(2026, 1, 1))  # noqa: DTZ001 - as moto's
        created = create_long_term_key(served_simulator, CredentialAgeDays=1)
    assert listing_body(served_simulator, created["ServiceCredentialSecret"]) == invalid_key_error(
        "Bearer Token has expired"
    )
    [key] = served_simulator.iam_client.list_service_specific_credentials(UserName="ann")["ServiceSpecificCredentials"]
    assert key["Status"] == "Expired"
    name = created["ServiceSpecificCredentialId"]
    served_simulator.iam_client.delete_service_specific_credential(UserName="ann", ServiceSpecificCredentialId=name)


@pytest.mark.shows("wordings-of-refused-keys")
@pytest.mark.parametrize(("verb", "path"), ROUTES)
def test_every_route_checks_the_key_first(simulator: RunningSimulator, verb: str, path: str) -> None:
    """Before it reads the body or finds a resource."""
    answer = simulator.http.request(verb, path, headers={"authorization": ""})
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


def test_the_control_plane_needs_no_key(simulator: RunningSimulator) -> None:
    """It is the simulator's own, on loopback."""
    assert simulator.http.get("/_simulator/health", headers={"authorization": ""}).status_code == 200


@pytest.mark.shows("sigv4")
@pytest.mark.parametrize(
    ("service", "region", "status"),
    [
        ("bedrock-mantle", REGION, 200),
        ("bedrock", REGION, 200),
        ("bedrock-mantle", "us-east-1", 401),
        ("s3", REGION, 401),
    ],
)
def test_a_request_signed_by_botocore_is_accepted(
    simulator: RunningSimulator, service: str, region: str, status: int
) -> None:
    """For the service name of the SDK, and for the one of other clients."""
    assert sign_request(simulator, SESSION_CREDENTIALS, service=service, region=region).status_code == status


@pytest.mark.shows("other-services")
@pytest.mark.shows("sigv4")
@pytest.mark.parametrize("service", ["bedrock-runtime", "execute-api", "sagemaker", "lambda", "q", "nosuch"])
def test_a_signature_for_another_service_is_refused_with_its_name(
    served_simulator: RunningSimulator, service: str
) -> None:
    """With Mantle's envelope, whether or not the service exists here."""
    answer = sign_request(served_simulator, SESSION_CREDENTIALS, service=service)
    hint = f"signed for service '{service}', not 'bedrock-mantle'"
    assert (parse_error(answer), "x-request-id" in answer.headers) == ((401, NOT_VALID, hint), True)


def test_an_unserved_service_gets_an_error_of_its_own_protocol(served_simulator: RunningSimulator) -> None:
    """On any path."""
    answer = sign_request(served_simulator, SESSION_CREDENTIALS, service="nosuch", path="/2020-01-01/things")
    assert (answer.status_code, answer.json()["__type"]) == (404, "UnknownOperationException")


def test_the_hint_has_the_command_for_this_server(served_simulator: RunningSimulator) -> None:
    """With its port. The region is the server's."""
    port = served_simulator.url.rpartition(":")[2]
    answer = served_simulator.http.get(
        "/v1/models", headers={"authorization": f"Bearer {generate_key(region='eu-west-1')}"}
    )
    assert answer.headers["x-simulator-hint"] == (
        "this key is for 'eu-west-1', the endpoint is in us-west-2;"
        f' eval "$(rft-sim env --port {port})" gets the credentials of this server\'s own session'
    )


@pytest.mark.shows("sigv4")
def test_users_roles_and_sessions_can_sign_requests(
    served_simulator: RunningSimulator, ann: Credentials, trainer: Credentials
) -> None:
    """With an access key, as an assumed role, and with a session token of the user's own."""
    sts = served_simulator.boto3_session.client(
        "sts",
        endpoint_url=served_simulator.url,
        aws_access_key_id=ann.access_key,
        aws_secret_access_key=ann.secret_key,
    )
    session = credentials_from(sts.get_session_token()["Credentials"])
    sts.close()
    assert [sign_request(served_simulator, each).status_code for each in (ann, trainer, session)] == [200, 200, 200]


def parse_error(answer: httpx2.Response) -> tuple[int, str, str | None]:
    """Return status, message and hint of an error."""
    return answer.status_code, answer.json()["error"]["message"], answer.headers.get("x-simulator-hint")


@pytest.mark.shows("sigv4", "wordings-of-refused-keys")
def test_wrong_credentials_are_refused_with_the_reason(
    served_simulator: RunningSimulator, trainer: Credentials
) -> None:
    """A wrong secret, a missing session token, and another's session token."""
    wrong = Credentials(ACCESS_KEY_ID, "another secret")
    without = Credentials(trainer.access_key, trainer.secret_key)
    foreign = Credentials(trainer.access_key, trainer.secret_key, "another token")
    hint = "the request differs from the signed one, or was not signed with the secret of"
    assert [parse_error(sign_request(served_simulator, each)) for each in (wrong, without, foreign)] == [
        (401, NOT_MATCHING, f"{hint} '{ACCESS_KEY_ID}'"),
        (401, NOT_VALID, f"access key '{trainer.access_key}' came without its session token"),
        (401, NOT_VALID, f"access key '{trainer.access_key}' came with a wrong session token"),
    ]


BODY = b'{"model": "openai.gpt-oss-20b", "messages": [{"role": "user", "content": "2+2?"}]}'
HASHES = {
    "claimed": {"x-amz-content-sha256": sha256(BODY).hexdigest()},
    "not claimed": {},
    "unsigned": {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
}


@pytest.mark.shows("sigv4", "unsigned-payload")
@pytest.mark.parametrize(("headers", "status"), [("claimed", 401), ("not claimed", 401), ("unsigned", 200)], ids=str)
def test_a_signed_body_cannot_be_replaced(simulator: RunningSimulator, headers: str, status: int) -> None:
    """Unless the signature excludes it."""
    body = HASHES[headers] | {"content-type": "application/json"}
    client: dict[str, Any] = {"method": "POST", "path": "/v1/chat/completions", "headers": body}
    assert sign_request(simulator, SESSION_CREDENTIALS, body=BODY, **client).status_code == 200
    assert (
        sign_request(simulator, SESSION_CREDENTIALS, body=BODY, sent=BODY.replace(b"2+2", b"2+3"), **client).status_code
        == status
    )


@pytest.mark.shows("sigv4")
def test_a_signed_upload_is_verified_at_its_end(served_simulator: RunningSimulator) -> None:
    """In several parts, and larger than the memory buffer. A refused one leaves nothing."""
    form = httpx2.Request(
        "POST",
        served_simulator.url,
        data={"purpose": "fine-tune"},
        files={"file": ("big.jsonl", make_training_file(100) * 60)},
    )
    body, content_type = form.read(), form.headers["content-type"]
    upload: dict[str, Any] = {"method": "POST", "path": "/v1/files"}
    for headers in ({"x-amz-content-sha256": sha256(body).hexdigest()}, {}):
        before = served_simulator.http.get("/v1/files").json()["data"]
        headers["content-type"] = content_type
        tampered = sign_request(
            served_simulator,
            SESSION_CREDENTIALS,
            body=body,
            sent=body.replace(b"prompt", b"PROMPT")[:-1] + b"x",
            headers=headers,
            **upload,
        )
        assert (tampered.status_code, tampered.json()["error"]["message"]) == (401, NOT_MATCHING)
        assert served_simulator.http.get("/v1/files").json()["data"] == before
        assert (
            sign_request(served_simulator, SESSION_CREDENTIALS, body=body, headers=headers, **upload).status_code == 200
        )


@pytest.mark.slow
@pytest.mark.shows("sigv4")
def test_the_bedrock_client_of_the_sdk_signs_requests(
    served_simulator: RunningSimulator, ann: Credentials, trainer: Credentials
) -> None:
    """With the credentials of a user and of an assumed role: models, chat, and an id with an encoded slash."""
    for each in (ann, trainer):
        client = BedrockOpenAI(
            aws_access_key_id=each.access_key,
            aws_secret_access_key=each.secret_key,
            aws_session_token=each.token,
            aws_region=REGION,
            base_url=f"{served_simulator.url}/v1",
            max_retries=0,
        )
        with client:
            assert len(list(client.models.list())) == 3
            with pytest.raises(NotFoundError):
                client.models.retrieve("arn:aws:bedrock:us-west-2:123456789012:custom-model-deployment/abc")
            request = client.chat.completions.create(
                model="openai.gpt-oss-20b", messages=[{"role": "user", "content": "2+2?"}]
            )
            assert request.object == "chat.completion"


def test_a_key_can_be_created_for_each_request(simulator: RunningSimulator) -> None:
    """The SDK calls a function for it. A long-running client needs this."""
    minted: list[str] = []

    def mint() -> str:
        minted.append(generate_key(hours=1))
        return minted[-1]

    client = OpenAI(api_key=mint, base_url=f"{simulator.url}/v1", http_client=simulator.http, max_retries=0)
    for _ in range(2):
        client.models.list()
    assert len(minted) == 2


def test_the_bedrock_client_of_the_sdk_works_with_a_key(simulator: RunningSimulator) -> None:
    """With its URL set to /v1. Its default of /openai/v1 has no fine-tuning at Bedrock either."""
    bare = TestClient(simulator.instance.api)
    client = BedrockOpenAI(api_key=generate_key(), base_url=f"{simulator.url}/v1", http_client=bare, max_retries=0)
    assert len(list(client.models.list())) == 3


@pytest.mark.parametrize("key", ["", "Bearer nonsense", "Bearer ABSKdXNlcjpzZWNyZXQ="])
def test_auth_any_accepts_everything(key: str) -> None:
    """As the account's root, also without a key."""
    with simulator_in_process(Settings(auth=Auth.ANY)) as simulator:
        answer = simulator.http.get("/v1/models", headers={"authorization": key})
    assert answer.status_code == 200


@pytest.mark.slow
@given(
    st.dictionaries(
        st.sampled_from(
            ["authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "openai-project"]
        ),
        st.one_of(
            st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60),
            st.builds(
                "AWS4-HMAC-SHA256 Credential={}/20260101/us-west-2/bedrock/aws4_request, SignedHeaders={},"
                " Signature={}".format,
                st.sampled_from([ACCESS_KEY_ID, "\xe9", "AKIAX"]),
                st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30),
                st.just("0" * 64),
            ),
        ),
        min_size=1,
    )
)
def test_any_authorization_header_gets_an_envelope(simulator: RunningSimulator, headers: dict[str, str]) -> None:
    """With a status below 500."""
    body = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    assert simulator.http.get("/v1/models", headers=body).status_code in {200, 401, 404}
