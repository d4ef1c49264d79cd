"""Authentication of requests by keys and signatures, against credentials of IAM."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from aws_bedrock_token_generator import provide_token
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import CredentialProvider, Credentials
from hypothesis import given
from hypothesis import strategies as st

from simulator.clock import CallerClock
from simulator.errors import ApiError
from simulator.identity.authentication import (
    AuthenticationResult,
    Authenticator,
    BearerTokenType,
    BodyCheck,
    Caller,
    make_permissive_authenticator,
)
from simulator.identity.bedrock_keys import SHORT_TERM_PREFIX
from simulator.identity.credentials import Credential
from simulator.identity.sigv4 import CredentialScope, parse_credential_scope

ISSUED_AT = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
ACCOUNT = "123456789012"
ROOT = Caller(arn=f"arn:aws:iam::{ACCOUNT}:root", account=ACCOUNT)
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE+/=="
NOT_VALID = "The security token included in the request is invalid."
NOT_MATCHING = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)
ENV_COMMAND = "rft-sim env --port 4711"
OWN_CREDENTIALS_HINT = f'eval "$({ENV_COMMAND})" gets the credentials of this server\'s own session'
UNKNOWN_ACCESS_KEY = f"the simulated account has no access key 'AKIDOFNOBODY'; {OWN_CREDENTIALS_HINT}"
NO_SUCH_KEY = (
    "the simulated account has no such long-term key, or its secret was reset: iam create-service-specific-credential"
    f" with ServiceName bedrock.amazonaws.com creates one; {OWN_CREDENTIALS_HINT}"
)
ANN = Credential(secret=SECRET, arn=f"arn:aws:iam::{ACCOUNT}:user/ann", account=ACCOUNT)
SESSION = Credential(
    secret=SECRET,
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/trainer/s1",
    account=ACCOUNT,
    session_token=TOKEN,
    expires_at=(ISSUED_AT + timedelta(hours=1)).timestamp(),
)
ACCESS_KEYS = {"AKIDOFANN": ANN, "ASIDOFSESSION": SESSION, "AKIDOFF": replace(ANN, active=False)}
BEDROCK_KEYS = {
    "ann+1-at-123456789012": Credential(secret="c2VjcmV0", arn=ANN.arn, account=ACCOUNT),
    "off": Credential(secret="c2VjcmV0", arn=ANN.arn, account=ACCOUNT, active=False),
    "old": Credential(secret="c2VjcmV0", arn=ANN.arn, account=ACCOUNT, expires_at=ISSUED_AT.timestamp() + 100),
}

FIELDS = {
    "Action": "CallWithBearerToken",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": "AKIDOFANN/20260601/us-west-2/bedrock/aws4_request",
    "X-Amz-Date": "20260601T120000Z",
    "X-Amz-Expires": "43200",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": "0f" * 32,
    "Version": "1",
}

Clock = Callable[[datetime], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a function that sets botocore's clock, by which it signs."""

    def put(now: datetime) -> None:
        for name in ("botocore.auth.get_current_datetime", "botocore.compat.get_current_datetime"):
            monkeypatch.setattr(name, lambda **_: now.replace(tzinfo=None))

    put(ISSUED_AT)
    return put


class StaticCredentialProvider:
    """A credential provider for the token generator."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def load(self) -> Credentials:
        """Return the credentials."""
        return self._credentials


def create_short_term_key(
    access_key: str = "AKIDOFANN",
    secret: str = SECRET,
    token: str | None = None,
    *,
    region: str = "us-west-2",
    hours: float = 12,
) -> str:
    """Create a short-term key with AWS's own generator."""
    provider = cast("CredentialProvider", StaticCredentialProvider(Credentials(access_key, secret, token)))
    return str(provide_token(region=region, aws_credentials_provider=provider, expiry=timedelta(hours=hours)))


def alter_key(key: str, old: str, new: str) -> str:
    """Replace a part of the request in a short-term key."""
    text = base64.b64decode(key.removeprefix(SHORT_TERM_PREFIX)).decode()
    assert old in text
    return SHORT_TERM_PREFIX + base64.b64encode(text.replace(old, new).encode()).decode()


def short_term(host: str = "bedrock.amazonaws.com/", **changes: str | None) -> str:
    """Return a short-term key with these fields; None omits a field. Underscores in names stand for hyphens."""
    fields = FIELDS | {name.replace("_", "-"): value for name, value in changes.items() if value is not None}
    dropped = {name.replace("_", "-") for name, value in changes.items() if value is None}
    query = urlencode({name: value for name, value in fields.items() if name not in dropped})
    return "bedrock-api-key-" + base64.b64encode(f"{host}?{query}".encode()).decode()


def long_term(content: bytes = b"ann+1-at-123456789012:c2VjcmV0") -> str:
    """Return a long-term key with `content`."""
    return "ABSK" + base64.b64encode(content).decode()


def authenticate(scope: dict[str, Any], *, after: float = 60.0) -> AuthenticationResult:
    """Return the caller of a request, `after` seconds after the keys above were issued."""
    return Authenticator(
        region="us-west-2",
        find_access_key=ACCESS_KEYS.get,
        find_bedrock_key=BEDROCK_KEYS.get,
        caller_clock=CallerClock(wall_clock=lambda: ISSUED_AT.timestamp() + after),
        env_command=ENV_COMMAND,
    )(scope)


def request(headers: Mapping[str, str], *, method: str = "GET", path: str = "/", query: str = "") -> dict[str, Any]:
    """Return an ASGI scope."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
    }


def authenticate_header(authorization: str, **options: Any) -> Caller:
    """Return the caller of a request with this header."""
    return authenticate(request({"authorization": authorization}), **options).caller


def authentication_error(scope: dict[str, Any], **options: Any) -> ApiError:
    """Return the 401 of a request."""
    with pytest.raises(ApiError) as met:
        authenticate(scope, **options)
    error = met.value
    assert (error.kind.status, error.kind.code, error.kind.type, error.param) == (
        401,
        "invalid_api_key",
        "permission_denied_error",
        None,
    )
    return error


def authentication_error_for(authorization: str, **options: Any) -> tuple[str, str | None]:
    """Return message and hint of the 401 for this header."""
    error = authentication_error(request({"authorization": authorization}), **options)
    return error.message, error.hint


def caller_with_key(credential: Credential, kind: BearerTokenType = BearerTokenType.SHORT_TERM) -> Caller:
    """Return the caller of a request with a bearer key."""
    return Caller(arn=credential.arn, account=ACCOUNT, bearer_type=kind)


def test_a_short_term_key_authenticates_the_user_whose_access_key_signed_it(clock: Clock) -> None:
    """AWS's own generator creates it."""
    assert authenticate_header(f"Bearer {create_short_term_key()}") == caller_with_key(ANN)


def test_a_key_of_a_role_session_authenticates_the_session(clock: Clock) -> None:
    """Its signature covers the session token."""
    assert authenticate_header(f"Bearer {create_short_term_key('ASIDOFSESSION', token=TOKEN)}") == caller_with_key(
        SESSION
    )


@pytest.mark.parametrize(
    ("access_key", "secret", "token", "hint"),
    [
        (
            "AKIDOFNOBODY",
            SECRET,
            None,
            UNKNOWN_ACCESS_KEY,
        ),
        ("AKIDOFF", SECRET, None, "access key 'AKIDOFF' is inactive: iam update-access-key"),
        (
            "AKIDOFANN",
            "another secret",
            None,
            "not signed with the secret of access key 'AKIDOFANN', or altered since",
        ),
        ("AKIDOFANN", SECRET, TOKEN, "access key 'AKIDOFANN' came with a wrong session token"),
        ("ASIDOFSESSION", SECRET, "another", "access key 'ASIDOFSESSION' came with a wrong session token"),
        ("ASIDOFSESSION", SECRET, None, "access key 'ASIDOFSESSION' came without its session token"),
    ],
    ids=["unknown", "inactive", "wrong secret", "token too many", "foreign token", "token missing"],
)
def test_a_key_of_wrong_credentials_is_invalid(
    clock: Clock, access_key: str, secret: str, token: str | None, hint: str
) -> None:
    """OBSERVED text; the hint names the cause."""
    assert authentication_error_for(f"Bearer {create_short_term_key(access_key, secret, token)}") == (NOT_VALID, hint)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Amz-Expires=43200", "X-Amz-Expires=43199"),
        ("T120000Z", "T120001Z"),
        ("%2F20260601%2F", "%2F20260602%2F"),
        ("Action=", "Extra=1&Action="),
    ],
)
def test_an_altered_key_is_invalid(clock: Clock, old: str, new: str) -> None:
    """The signature covers every field."""
    key = alter_key(create_short_term_key(), old, new)
    assert authentication_error_for(f"Bearer {key}") == (
        NOT_VALID,
        "not signed with the secret of access key 'AKIDOFANN', or altered since",
    )


def test_a_key_expires_with_its_session(clock: Clock) -> None:
    """DOCUMENTED: after twelve hours or with the session, whichever is earlier."""
    key = create_short_term_key("ASIDOFSESSION", token=TOKEN)
    assert authentication_error_for(f"Bearer {key}", after=3600.0) == (
        "Bearer Token has expired",
        "the session of access key 'ASIDOFSESSION' has expired; assume the role again",
    )


def test_a_cached_key_is_authenticated_again(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The access key may have been deleted since."""
    key = f"Bearer {create_short_term_key()}"
    assert authenticate_header(key) == caller_with_key(ANN)
    monkeypatch.delitem(ACCESS_KEYS, "AKIDOFANN")
    assert authentication_error_for(key)[0] == NOT_VALID


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_case_insensitive(clock: Clock, scheme: str) -> None:
    """As in HTTP."""
    assert authenticate_header(f"{scheme} {create_short_term_key()}") == caller_with_key(ANN)


def test_a_long_term_key_authenticates_its_user() -> None:
    """IAM finds it by its alias."""
    assert authenticate_header(f"Bearer {long_term()}") == caller_with_key(ANN, BearerTokenType.LONG_TERM)


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (
            b"bob+1-at-123456789012:c2VjcmV0",
            NOT_VALID,
            NO_SUCH_KEY,
        ),
        (
            b"ann+1-at-123456789012:another",
            NOT_VALID,
            NO_SUCH_KEY,
        ),
        (b"off:c2VjcmV0", NOT_VALID, "this long-term key is inactive: iam update-service-specific-credential"),
        (
            b"old:c2VjcmV0",
            "Bearer Token has expired",
            "this long-term key has expired; create another",
        ),
    ],
    ids=["unknown", "wrong secret", "inactive", "expired"],
)
def test_an_invalid_long_term_key_is_refused(content: bytes, message: str, hint: str) -> None:
    """The hint says what to do."""
    assert authentication_error_for(f"Bearer {long_term(content)}", after=100.0) == (message, hint)


@pytest.mark.parametrize("after", [0.0, 43_200.0])
def test_a_key_is_valid_in_its_last_second(clock: Clock, after: float) -> None:
    """Twelve hours after it was issued."""
    assert authenticate_header(f"Bearer {create_short_term_key()}", after=after) == caller_with_key(ANN)


def test_a_key_expires_one_second_later(clock: Clock) -> None:
    """With the message of the sibling service."""
    assert authentication_error_for(f"Bearer {create_short_term_key()}", after=43_201.0) == (
        "Bearer Token has expired",
        "this short-term key expired 1 s ago; create another",
    )


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "bedrock-api-key-abc"])
def test_a_request_without_a_bearer_token_has_no_key(header: str) -> None:
    """Another scheme counts as none."""
    assert authentication_error_for(header)[0] == "Missing bearer token"


@pytest.mark.parametrize(
    "token",
    [
        "sk-proj-a-key-of-another-service",
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
def test_a_malformed_token_is_invalid(token: str) -> None:
    """OBSERVED message."""
    assert authentication_error_for(f"Bearer {token}")[0] == "Invalid bearer token"


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
        {"X_Amz_Credential": "AKIDOFANN/20260601/us-west-2/bedrock"},
        {"X_Amz_Credential": "AKIDOFANN/20260601/us-west-2/s3/aws4_request"},
        {"X_Amz_Credential": "AKIDOFANN/20260601/us-east-1/bedrock/aws4_request"},
        {"X_Amz_Credential": "AKIDOFANN/20260601/us-日本-1/bedrock/aws4_request"},
    ],
    ids=str,
)
def test_a_well_formed_token_with_a_wrong_field_is_invalid(changes: dict[str, Any]) -> None:
    """OBSERVED message; every field of the generator is checked."""
    assert authentication_error_for(f"Bearer {short_term(**changes)}")[0] == NOT_VALID


def test_a_key_issued_in_the_future_is_invalid(clock: Clock) -> None:
    """Two clocks may differ by five minutes."""
    key = f"Bearer {create_short_term_key()}"
    assert authenticate_header(key, after=-300.0) == caller_with_key(ANN)
    assert authentication_error_for(key, after=-301.0) == (NOT_VALID, "issued 301 s in the future; check the clocks")


def test_a_key_of_the_last_representable_date_is_refused() -> None:
    """As any other in the future."""
    assert authentication_error_for(f"Bearer {short_term(X_Amz_Date='99991231T235959Z')}")[0] == NOT_VALID


def test_the_hint_names_the_region_of_the_key() -> None:
    """The message does not."""
    key = short_term(X_Amz_Credential="AKIDOFANN/20260601/eu-west-1/bedrock/aws4_request")
    assert authentication_error_for(f"Bearer {key}") == (
        NOT_VALID,
        f"this key is for 'eu-west-1', the endpoint is in us-west-2; {OWN_CREDENTIALS_HINT}",
    )


def test_the_permissive_authenticator_accepts_every_request() -> None:
    """With a key, a wrong one or none."""
    let_in = make_permissive_authenticator(ACCOUNT)
    assert [let_in(request({"authorization": token})).caller for token in ("", "Bearer x")] == [ROOT, ROOT]


def signed_request(
    access_key: str = "AKIDOFANN",
    secret: str = SECRET,
    token: str | None = None,
    *,
    service: str = "bedrock-mantle",
    region: str = "us-west-2",
    body: bytes = b"",
    path: str = "/v1/models",
    query: str = "",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the ASGI scope of a request that botocore signed."""
    signed = AWSRequest(
        method="POST" if body else "GET",
        url=f"http://host{path}" + (f"?{query}" if query else ""),
        data=body,
        headers={"Host": "host", **(headers or {})},
    )
    SigV4Auth(Credentials(access_key, secret, token), service, region).add_auth(signed)
    return request(dict(signed.headers.items()), method=str(signed.method), path=path, query=query)


def replace_header(scope: dict[str, Any], name: str, value: str | None) -> dict[str, Any]:
    """Replace a header; None removes it."""
    remaining = [header for header in scope["headers"] if header[0] != name.encode()]
    return {**scope, "headers": remaining if value is None else [*remaining, (name.encode(), value.encode())]}


def body_check(scope: dict[str, Any]) -> BodyCheck:
    """Return the body check of a request."""
    check = authenticate(scope).check_body
    assert check
    return check


@pytest.mark.parametrize("service", ["bedrock-mantle", "bedrock"])
def test_a_signature_authenticates_its_user(clock: Clock, service: str) -> None:
    """The SDK signs for the first service name, some callers for the second."""
    scope = signed_request(service=service)
    body_check(scope)(hashlib.sha256(b"").hexdigest())
    assert authenticate(scope).caller == Caller(arn=ANN.arn, account=ACCOUNT)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/models/arn:aws:bedrock:us-west-2:123456789012:custom-model-deployment%2Fabc", ""),
        ("/v1/files", "order=asc&after=%2Fx%20y&limit=3&limit=1"),
        ("/v1/files/", "metadata%5Bk%5D=v&empty="),
    ],
)
def test_path_and_query_are_verified_as_sent(clock: Clock, path: str, query: str) -> None:
    """With encoded slashes, brackets and repeated names."""
    body_check(signed_request(path=path, query=query))(hashlib.sha256(b"").hexdigest())


def test_unsigned_headers_are_ignored(clock: Clock) -> None:
    """Proxies and HTTP clients add some."""
    scope = signed_request(headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert authenticate(replace_header(scope, "user-agent", "anything")).caller.arn == ANN.arn


def test_a_claimed_hash_is_compared_with_the_body(clock: Clock) -> None:
    """The signature is checked at once, the body at its end."""
    body = b'{"model": "m"}'
    check = body_check(signed_request(body=body, headers={"x-amz-content-sha256": hashlib.sha256(body).hexdigest()}))
    check(hashlib.sha256(body).hexdigest())
    with pytest.raises(ApiError) as met:
        check(hashlib.sha256(b"another").hexdigest())
    assert (met.value.message, met.value.hint) == (
        NOT_MATCHING,
        "x-amz-content-sha256 is not the hash of the body",
    )


def test_without_a_claimed_hash_the_signature_is_checked_at_the_end_of_the_body(clock: Clock) -> None:
    """Botocore sends no hash to most services, but signs it."""
    check = body_check(signed_request(body=b"what was signed"))
    check(hashlib.sha256(b"what was signed").hexdigest())
    with pytest.raises(ApiError) as met:
        check(hashlib.sha256(b"another").hexdigest())
    assert met.value.message == NOT_MATCHING


def test_an_unsigned_payload_is_not_checked(clock: Clock) -> None:
    """SigV4 allows it for uploads."""
    scope = signed_request(body=b"x", headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert authenticate(scope) == AuthenticationResult(caller=Caller(arn=ANN.arn, account=ACCOUNT))


def test_a_session_token_is_verified(clock: Clock) -> None:
    """With the credentials of an assumed role."""
    scope = signed_request("ASIDOFSESSION", token=TOKEN)
    body_check(scope)(hashlib.sha256(b"").hexdigest())
    assert authenticate(scope).caller.arn == SESSION.arn


HASHED = {"x-amz-content-sha256": hashlib.sha256(b"").hexdigest()}
MISMATCH = "the request differs from the signed one, or was not signed with the secret of 'AKIDOFANN'"
CHANGES: dict[str, tuple[dict[str, Any], tuple[str, str | None], str, str]] = {
    "wrong secret": ({"secret": "another"}, ("", None), NOT_MATCHING, MISMATCH),
    "another service": ({"service": "s3"}, ("", None), NOT_VALID, "signed for service 's3', not 'bedrock-mantle'"),
    "another region": (
        {"region": "us-east-1"},
        ("", None),
        NOT_VALID,
        f"signed for 'us-east-1', the endpoint is in us-west-2; {OWN_CREDENTIALS_HINT}",
    ),
    "unknown key": (
        {"access_key": "AKIDOFNOBODY"},
        ("", None),
        NOT_VALID,
        UNKNOWN_ACCESS_KEY,
    ),
    "token missing": (
        {"access_key": "ASIDOFSESSION"},
        ("", None),
        NOT_VALID,
        "access key 'ASIDOFSESSION' came without its session token",
    ),
    "foreign token": (
        {"access_key": "ASIDOFSESSION", "token": "another"},
        ("", None),
        NOT_VALID,
        "access key 'ASIDOFSESSION' came with a wrong session token",
    ),
    "header changed": ({"headers": {**HASHED, "accept": "a"}}, ("accept", "b"), NOT_MATCHING, MISMATCH),
    "header gone": ({"headers": {**HASHED, "accept": "a"}}, ("accept", None), NOT_MATCHING, MISMATCH),
    "no date": ({}, ("x-amz-date", None), NOT_MATCHING, "x-amz-date is missing or not of the form 20260131T120000Z"),
    "hash of no kind": (
        {"headers": {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}},
        ("", None),
        NOT_MATCHING,
        "x-amz-content-sha256 is neither a SHA-256 nor UNSIGNED-PAYLOAD",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_wrong_signature_is_refused(clock: Clock, case: str) -> None:
    """Each fault has its message and hint."""
    options, (name, value), message, hint = CHANGES[case]
    error = authentication_error(replace_header(signed_request(**{"headers": HASHED, **options}), name, value))
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize(("after", "side"), [(301.0, "301 s behind"), (-301.0, "301 s ahead of")])
def test_a_request_with_a_wrong_date_is_refused(clock: Clock, after: float, side: str) -> None:
    """Up to five minutes on either side are allowed."""
    error = authentication_error(signed_request(headers=HASHED), after=after)
    assert (error.message, error.hint) == (
        "Signature expired or not yet current: 20260601T120000Z is more than five minutes from the server's time",
        f"the caller's clock is {side} the server's",
    )
    assert authenticate(signed_request(headers=HASHED), after=300.0 if after > 0 else -300.0).caller.arn == ANN.arn


def test_the_host_must_be_signed(clock: Clock) -> None:
    """The signature would be valid at any endpoint."""
    scope = signed_request(headers=HASHED)
    authorization = dict(scope["headers"])[b"authorization"].decode().replace("host;", "")
    error = authentication_error(replace_header(scope, "authorization", authorization))
    assert error.hint == "the host header must be signed"


@pytest.mark.parametrize(
    "rest", ["", ", SignedHeaders=host", ", Signature=" + "0" * 64, ", SignedHeaders=host, Signature=zz"]
)
def test_an_incomplete_signature_is_refused(rest: str) -> None:
    """All three parts are required."""
    header = "AWS4-HMAC-SHA256 Credential=AKIDOFANN/20260601/us-west-2/bedrock/aws4_request" + rest
    assert authentication_error_for(header) == (
        NOT_MATCHING,
        "the header is not 'AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature='",
    )


def test_the_scope_of_a_presigned_request_is_in_its_query() -> None:
    """As in S3's URLs and in short-term keys."""
    query = urlencode({"X-Amz-Credential": "AKID/20260601/us-west-2/s3/aws4_request"})
    assert parse_credential_scope("", query) == CredentialScope(
        access_key_id="AKID", date="20260601", region="us-west-2", service="s3"
    )


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Credential=a/b/c"])
def test_an_unsigned_request_has_no_scope(authorization: str) -> None:
    """There is no default."""
    assert parse_credential_scope(authorization) is None


@given(st.binary(max_size=200), st.sampled_from(["bedrock-api-key-", "ABSK", ""]))
def test_any_token_gives_a_401(content: bytes, prefix: str) -> None:
    """It never raises another error."""
    with pytest.raises(ApiError):
        authenticate_header(f"Bearer {prefix}{base64.b64encode(content).decode()}")


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.text(max_size=60), max_size=3))
def test_any_field_of_a_key_gives_a_401(changes: dict[str, str]) -> None:
    """The hint always fits into a header."""
    query = urlencode(FIELDS | changes)
    token = base64.b64encode(f"bedrock.amazonaws.com/?{query}".encode()).decode()
    hint = ""
    try:
        authenticate_header(f"Bearer bedrock-api-key-{token}")
    except ApiError as error:
        hint = str(error.hint)
    assert hint.isascii()
    assert hint.isprintable()


@given(
    st.text(st.characters(codec="latin-1"), max_size=80),
    st.text(st.characters(codec="latin-1"), max_size=80),
    st.sampled_from(["AKIDOFANN", "ASIDOFSESSION", "\xe9"]),
    st.sampled_from(["20260601T120000Z", "", "\xb2026"]),
)
def test_any_header_of_a_signed_request_gives_a_401(names: str, content: str, access_key: str, date: str) -> None:
    """The hint always fits into a header."""
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/20260601/us-west-2/bedrock/aws4_request,"
        f" SignedHeaders=host;{names}, Signature={'0' * 64}"
    )
    scope = request({"host": content, "authorization": authorization, "x-amz-date": date, "x-amz-content-sha256": "x"})
    hint = str(authentication_error(scope).hint)
    assert hint.isascii()
    assert hint.isprintable()
