"""Who is calling: keys and signatures, judged by structure, region and expiry."""

import base64
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.auth import Authenticator, Caller
from simulator.errors import ApiError
from simulator.sigv4 import SignedScope, scope_of

MINTED = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC).timestamp()
ROOT = Caller(arn="arn:aws:iam::123456789012:root", account="123456789012")
ANN = Caller(arn="arn:aws:iam::123456789012:user/ann", account="123456789012")

FIELDS = {
    "Action": "CallWithBearerToken",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIDEXAMPLE/20260601/us-west-2/bedrock/aws4_request",
    "X-Amz-Date": "20260601T120000Z",
    "X-Amz-Expires": "43200",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "0f" * 32,
    "Version": "1",
}


def short_term(host: str = "bedrock.amazonaws.com/", **changes: str | None) -> str:
    """Return a short-term key; a field given as None is left out. Underscores in names stand for hyphens."""
    fields = FIELDS | {name.replace("_", "-"): value for name, value in changes.items() if value is not None}
    dropped = {name.replace("_", "-") for name, value in changes.items() if value is None}
    query = urlencode({name: value for name, value in fields.items() if name not in dropped})
    return "bedrock-api-key-" + base64.b64encode(f"{host}?{query}".encode()).decode()


def long_term(content: bytes = b"BedrockAPIKey-a1b2:c2VjcmV0") -> str:
    """Return a long-term key around `content`."""
    return "ABSK" + base64.b64encode(content).decode()


def authenticator(*, after: float = 60.0) -> Authenticator:
    """Return one that knows Ann's access key, `after` seconds after the keys above were minted."""
    return Authenticator(
        region="us-west-2",
        account="123456789012",
        identify={"AKIDOFANN": ANN.arn}.get,
        user={"ann": ANN.arn}.get,
        wall=lambda: MINTED + after,
    )


def caller(authorization: str, **options: Any) -> Caller:
    """Return who calls with this header."""
    return authenticator(**options).caller({"authorization": authorization})


def refusal(authorization: str, **options: Any) -> str:
    """Return the message of the 401 that this header meets."""
    with pytest.raises(ApiError) as refused:
        caller(authorization, **options)
    assert (refused.value.kind.status, refused.value.kind.code, refused.value.kind.type, refused.value.param) == (
        401,
        "invalid_api_key",
        "permission_denied_error",
        None,
    )
    return refused.value.message


def test_a_short_term_key_of_an_unknown_access_key_is_the_accounts_own() -> None:
    """The simulator's session credentials belong to no user."""
    assert caller(f"Bearer {short_term()}") == ROOT


def test_a_short_term_key_is_the_user_whose_access_key_signed_it() -> None:
    """IAM says who that is."""
    key = short_term(X_Amz_Credential="AKIDOFANN/20260601/us-west-2/bedrock/aws4_request")
    assert caller(f"Bearer {key}") == ANN


def test_a_key_of_a_role_session_carries_its_security_token() -> None:
    """The generator adds the field for temporary credentials."""
    assert caller(f"Bearer {short_term(X_Amz_Security_Token='IQoJb3JpZ2luX2VjEXAMPLE')}") == ROOT


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_written_in_any_case(scheme: str) -> None:
    """As HTTP has it."""
    assert caller(f"{scheme} {short_term()}") == ROOT


def test_a_long_term_key_is_the_user_that_it_names() -> None:
    """Creating one creates an IAM user; one whose user nobody created is the account's own."""
    assert caller(f"Bearer {long_term(b'ann:c2VjcmV0')}") == ANN
    assert caller(f"Bearer {long_term()}") == ROOT


@pytest.mark.parametrize("after", [0.0, 43_200.0])
def test_a_key_is_good_to_its_last_second(after: float) -> None:
    """Twelve hours from when it was minted."""
    assert caller(f"Bearer {short_term()}", after=after) == ROOT


def test_a_key_past_its_time_has_expired() -> None:
    """One second later, in the words of the sibling service."""
    assert refusal(f"Bearer {short_term()}", after=43_201.0) == "Bearer Token has expired"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "bedrock-api-key-abc"])
def test_without_a_bearer_token_there_is_none(header: str) -> None:
    """Another scheme, or none, is as good as nothing."""
    assert refusal(header) == "Missing bearer token"


@pytest.mark.parametrize(
    "token",
    [
        "sk-proj-a-key-of-another-house",
        "bedrock-api-key-!!!",
        "bedrock-api-key-" + base64.b64encode(b"\xff\xfe").decode(),
        "bedrock-api-key-" + base64.b64encode(b"bedrock.amazonaws.com/?no-pairs").decode(),
        "ABSK",
        "ABSK***",
        long_term(b"no colon in here"),
        long_term(b":secret"),
        long_term(b"user:"),
        long_term(b"\xff:\xfe"),
    ],
)
def test_a_garbled_token_is_invalid(token: str) -> None:
    """OBSERVED: what cannot be read at all."""
    assert refusal(f"Bearer {token}") == "Invalid bearer token"


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "bedrock.us-west-2.amazonaws.com/"},
        {"Action": "InvokeModel"},
        {"Version": None},
        {"X_Amz_Algorithm": "AWS4-ECDSA-P256-SHA256"},
        {"X_Amz_SignedHeaders": "host;x-amz-date"},
        {"X_Amz_Signature": None},
        {"X_Amz_Signature": "0F" * 32},
        {"X_Amz_Signature": "0f" * 31},
        {"X_Amz_Date": None},
        {"X_Amz_Date": "yesterday"},
        {"X_Amz_Expires": None},
        {"X_Amz_Expires": "0"},
        {"X_Amz_Expires": "-5"},
        {"X_Amz_Expires": "43201"},
        {"X_Amz_Expires": "twelve hours"},
        {"X_Amz_Credential": None},
        {"X_Amz_Credential": "AKIDEXAMPLE/20260601/us-west-2/bedrock"},
        {"X_Amz_Credential": "AKIDEXAMPLE/20260601/us-west-2/s3/aws4_request"},
        {"X_Amz_Credential": "AKIDEXAMPLE/20260601/us-east-1/bedrock/aws4_request"},
        {"X_Amz_Credential": "AKIDEXAMPLE/20260601/us-日本-1/bedrock/aws4_request"},
    ],
    ids=str,
)
def test_a_token_that_can_be_read_and_is_not_a_key_for_here_is_invalid(changes: dict[str, Any]) -> None:
    """OBSERVED text; every part of what the generator writes is looked at."""
    assert refusal(f"Bearer {short_term(**changes)}") == "The security token included in the request is invalid."


@pytest.mark.parametrize("date", ["20260601T120701Z", "99991231T235959Z"])
def test_a_key_minted_in_the_future_is_not_current(date: str) -> None:
    """Two clocks may differ by five minutes; a date that no arithmetic on dates can go past is refused as well."""
    assert caller(f"Bearer {short_term(X_Amz_Date='20260601T120559Z')}") == ROOT
    assert refusal(f"Bearer {short_term(X_Amz_Date=date)}") == (
        "The security token included in the request is invalid."
    )


def test_the_hint_says_what_the_terse_message_does_not() -> None:
    """For whom a key is, in plain words."""
    key = short_term(X_Amz_Credential="AKIDEXAMPLE/20260601/eu-west-1/bedrock/aws4_request")
    with pytest.raises(ApiError) as refused:
        caller(f"Bearer {key}")
    assert refused.value.hint == "this key is for eu-west-1, the endpoint is in us-west-2"


@pytest.mark.parametrize("service", ["bedrock-mantle", "bedrock"])
def test_a_signed_request_is_let_in(service: str) -> None:
    """The SDK signs for the first name, some callers for the second."""
    credential = f"AKIDOFANN/20260601/us-west-2/{service}/aws4_request"
    assert caller(f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00") == ANN


@pytest.mark.parametrize("scope", ["us-west-2/s3", "us-east-1/bedrock-mantle"])
def test_a_request_signed_for_elsewhere_is_not(scope: str) -> None:
    """Another service's or another region's signature."""
    header = f"AWS4-HMAC-SHA256 Credential=AKID/20260601/{scope}/aws4_request, SignedHeaders=host, Signature=00"
    assert refusal(header) == "The security token included in the request is invalid."


def test_the_scope_of_a_presigned_request_is_read_from_its_query() -> None:
    """As S3's URLs and the generator's carry it."""
    query = urlencode({"X-Amz-Credential": "AKID/20260601/us-west-2/s3/aws4_request"})
    assert scope_of("", query) == SignedScope(access_key_id="AKID", region="us-west-2", service="s3")


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Credential=a/b/c"])
def test_an_unsigned_request_has_no_scope(authorization: str) -> None:
    """Nothing is guessed."""
    assert scope_of(authorization) is None


@given(st.binary(max_size=200), st.sampled_from(["bedrock-api-key-", "ABSK", ""]))
def test_no_token_breaks_the_reader(content: bytes, prefix: str) -> None:
    """Whatever is sent, the answer is a caller or a 401."""
    try:
        found = caller(f"Bearer {prefix}{base64.b64encode(content).decode()}")
    except ApiError:
        return
    assert found.account == "123456789012"


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text(max_size=60), max_size=3))
def test_no_field_of_a_key_breaks_the_reader(changes: dict[str, str]) -> None:
    """Tampered keys included; what the 401 hints fits into a header."""
    query = urlencode(FIELDS | changes)
    token = base64.b64encode(f"bedrock.amazonaws.com/?{query}".encode()).decode()
    hint = ""
    try:
        caller(f"Bearer bedrock-api-key-{token}")
    except ApiError as refused:
        hint = str(refused.hint)
    assert hint.isascii()
    assert hint.isprintable()
