"""Authenticates requests: a bearer key or a SigV4 signature gives a `Caller`, or the service's 401.

Signatures are verified with the secrets of the simulated account. The expiry of keys, dates and sessions is checked in
the callers' time, because callers date them by their own clocks.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hmac import compare_digest
from typing import Final, TypeAlias

from simulator.clock import CallerClock
from simulator.errors import (
    BAD_SIGNATURE,
    EXPIRED_KEY,
    GARBLED_KEY,
    INVALID_KEY,
    MISSING_KEY,
    STALE_SIGNATURE,
    ApiError,
)
from simulator.http.asgi import Scope, find_header
from simulator.identity.bedrock_keys import (
    LONG_TERM_PREFIX,
    SHORT_TERM_PREFIX,
    compute_expected_signature,
    parse_long_term_key,
    parse_short_term_key,
    parse_timestamp,
)
from simulator.identity.credentials import Credential
from simulator.identity.signatures import SignedRequest, compute_signature
from simulator.identity.sigv4 import CredentialScope, parse_credential_scope

MAX_CLOCK_SKEW_SECONDS: Final = 300  # SigV4's five minutes
MANTLE_SERVICES: Final = ("bedrock-mantle", "bedrock")  # the SDK signs with the first, some callers with the second

_UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
_SHA256_HEX: Final = re.compile(r"[0-9a-f]{64}")
_SIGNATURE: Final = re.compile(
    r"AWS4-HMAC-SHA256\s+(?=.*\bSignedHeaders=(?P<headers>[^,\s]+))(?=.*\bSignature=(?P<signature>[0-9a-f]{64})(?:,|\s|$))"
)

BodyCheck: TypeAlias = Callable[[str], None]
"""Takes the SHA-256 of the whole body in hexadecimal digits; raises an ApiError if another body was signed."""


class BearerTokenType(StrEnum):
    """Values of the condition key BearerTokenType (DOCUMENTED: "Control permissions for ... API keys")."""

    SHORT_TERM = "SHORT_TERM"
    LONG_TERM = "LONG_TERM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The principal that sent a request. `arn` is an IAM user, an assumed role or the account's root.

    `bearer_type` is the kind of its Bedrock API key; None for a signed request.
    """

    arn: str
    account: str
    bearer_type: BearerTokenType | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is the account's root user, which may do everything."""
        return self.arn == f"arn:aws:iam::{self.account}:root"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationResult:
    """The caller. Call `check_body`, if there is one, with the hash of the whole body once it has arrived."""

    caller: Caller
    check_body: BodyCheck | None = None


def parse_bearer_key(authorization: str) -> str:
    """Return the key in an Authorization header; empty when there is none."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def make_permissive_authenticator(account: str) -> Callable[[Scope], AuthenticationResult]:
    """Return an authenticator that takes every request as one of the account's root, with any key or none."""
    root = AuthenticationResult(caller=Caller(arn=f"arn:aws:iam::{account}:root", account=account))
    return lambda _scope: root


class Authenticator:
    """Finds the caller of a request from its headers.

    `find_access_key` returns the credential of an access key id, `find_bedrock_key` that of a long-term key's alias,
    or None. `caller_clock` is the callers' clock. `env_command` is the command that prints this server's environment.
    """

    def __init__(
        self,
        *,
        region: str,
        find_access_key: Callable[[str], Credential | None],
        find_bedrock_key: Callable[[str], Credential | None],
        caller_clock: CallerClock,
        env_command: str,
    ) -> None:
        self._region = region
        self._env_command = env_command
        self._find_access_key = find_access_key
        self._find_bedrock_key = find_bedrock_key
        self._caller_clock = caller_clock

    def __call__(self, scope: Scope) -> AuthenticationResult:
        """Return the caller.

        Raises:
            ApiError: there is no key or signature, or it is malformed, wrong, expired or for another region.
        """
        authorization = find_header(scope, b"authorization")
        if key := parse_bearer_key(authorization):
            return AuthenticationResult(caller=self._authenticate_bearer(key))
        if credential_scope := parse_credential_scope(authorization):
            return self._authenticate_signature(scope, credential_scope, authorization)
        raise MISSING_KEY(
            hint=f"send 'Authorization: Bearer <Bedrock API key>'; '{self._env_command}' prints one for this server"
        )

    @property
    def _credentials_hint(self) -> str:
        return f'eval "$({self._env_command})" gets the credentials of this server\'s own session'

    def _wrong_region_error(self, subject: str, region: str) -> ApiError:
        return INVALID_KEY(hint=f"{subject} {region!a}, the endpoint is in {self._region}; {self._credentials_hint}")

    def _authenticate_bearer(self, key: str) -> Caller:
        if key.startswith(SHORT_TERM_PREFIX):
            return self._authenticate_short_term(key)
        if key.startswith(LONG_TERM_PREFIX):
            return self._authenticate_long_term(key)
        raise GARBLED_KEY(hint=f"a Bedrock API key starts with '{SHORT_TERM_PREFIX}' or '{LONG_TERM_PREFIX}'")

    def _authenticate_short_term(self, key: str) -> Caller:
        short_term_key, now = parse_short_term_key(key), self._caller_clock.now()
        issued_at = self._caller_clock.adjust(short_term_key.issued_at)
        expires_at = issued_at + short_term_key.lifetime
        if short_term_key.scope.region != self._region:
            raise self._wrong_region_error("this key is for", short_term_key.scope.region)
        if now < issued_at - MAX_CLOCK_SKEW_SECONDS:
            raise INVALID_KEY(hint=f"issued {issued_at - now:.0f} s in the future; check the clocks")
        if now > expires_at:
            raise EXPIRED_KEY(hint=f"this short-term key expired {now - expires_at:.0f} s ago; create another")
        access_key_id = short_term_key.scope.access_key_id
        credential = self._load_credential(access_key_id, short_term_key.session_token, now)
        if short_term_key.scope.date != short_term_key.request.timestamp[:8] or not compare_digest(
            compute_expected_signature(key, credential.secret), short_term_key.signature
        ):
            raise INVALID_KEY(hint=f"not signed with the secret of access key {access_key_id!a}, or altered since")
        return Caller(arn=credential.arn, account=credential.account, bearer_type=BearerTokenType.SHORT_TERM)

    def _authenticate_long_term(self, key: str) -> Caller:
        long_term_key = parse_long_term_key(key)
        credential = self._find_bedrock_key(long_term_key.alias)
        if credential is None or not compare_digest(credential.secret.encode(), long_term_key.secret.encode()):
            raise INVALID_KEY(
                hint="the simulated account has no such long-term key, or its secret was reset:"
                " iam create-service-specific-credential with ServiceName bedrock.amazonaws.com creates one;"
                f" {self._credentials_hint}"
            )
        if not credential.active:
            raise INVALID_KEY(hint="this long-term key is inactive: iam update-service-specific-credential")
        if credential.expires_at is not None and self._caller_clock.now() >= credential.expires_at:
            raise EXPIRED_KEY(hint="this long-term key has expired; create another")
        return Caller(arn=credential.arn, account=credential.account, bearer_type=BearerTokenType.LONG_TERM)

    def _load_credential(self, access_key_id: str, session_token: str | None, now: float) -> Credential:
        credential = self._find_access_key(access_key_id)
        if credential is None:
            raise INVALID_KEY(
                hint=f"the simulated account has no access key {access_key_id!a}; {self._credentials_hint}"
            )
        if not credential.active:
            raise INVALID_KEY(hint=f"access key {access_key_id!a} is inactive: iam update-access-key")
        if session_token != credential.session_token:
            problem = "came without its" if session_token is None else "came with a wrong"
            raise INVALID_KEY(hint=f"access key {access_key_id!a} {problem} session token")
        if credential.expires_at is not None and now >= credential.expires_at:
            raise EXPIRED_KEY(hint=f"the session of access key {access_key_id!a} has expired; assume the role again")
        return credential

    def _authenticate_signature(
        self, scope: Scope, credential_scope: CredentialScope, authorization: str
    ) -> AuthenticationResult:
        if credential_scope.service not in MANTLE_SERVICES:
            raise INVALID_KEY(hint=f"signed for service {credential_scope.service!a}, not '{MANTLE_SERVICES[0]}'")
        if credential_scope.region != self._region:
            raise self._wrong_region_error("signed for", credential_scope.region)
        signature = _SIGNATURE.match(authorization)
        if signature is None:
            raise BAD_SIGNATURE(hint="the header is not 'AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature='")
        now = self._caller_clock.now()
        request = _parse_signed_request(scope, signature["headers"])
        self._check_date(request.timestamp, credential_scope, now)
        token = find_header(scope, b"x-amz-security-token") or None
        credential = self._load_credential(credential_scope.access_key_id, token, now)

        def check_signature(payload: str) -> None:
            expected = compute_signature(
                request, scope=credential_scope, secret=credential.secret, payload_sha256=payload
            )
            if not compare_digest(expected, signature["signature"]):
                raise BAD_SIGNATURE(
                    hint="the request differs from the signed one,"
                    f" or was not signed with the secret of {credential_scope.access_key_id!a}"
                )

        # Without this header the signature still covers the body's hash. It is checked at the end of the body.
        check_body: BodyCheck | None = check_signature
        if payload_sha256 := find_header(scope, b"x-amz-content-sha256"):
            check_signature(payload_sha256)
            check_body = _make_body_check(payload_sha256)
        return AuthenticationResult(
            caller=Caller(arn=credential.arn, account=credential.account), check_body=check_body
        )

    def _check_date(self, timestamp: str, credential_scope: CredentialScope, now: float) -> None:
        try:
            at = self._caller_clock.adjust(parse_timestamp(timestamp))
        except ValueError:
            raise BAD_SIGNATURE(hint="x-amz-date is missing or not of the form 20260131T120000Z") from None
        if timestamp[:8] != credential_scope.date:
            raise BAD_SIGNATURE(hint="the date of the credential differs from that of x-amz-date")
        if abs(now - at) > MAX_CLOCK_SKEW_SECONDS:
            side = "behind" if at < now else "ahead of"
            raise STALE_SIGNATURE(
                timestamp=timestamp, hint=f"the caller's clock is {abs(now - at):.0f} s {side} the server's"
            )


def _parse_signed_request(scope: Scope, signed_headers: str) -> SignedRequest:
    names = signed_headers.lower().split(";")
    if "host" not in names:
        raise BAD_SIGNATURE(hint="the host header must be signed")
    headers = tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in scope["headers"]
        if name.decode("latin-1") in names
    )
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return SignedRequest(
        method=scope["method"],
        path=raw.decode("latin-1").partition("?")[0],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        timestamp=find_header(scope, b"x-amz-date"),
    )


def _make_body_check(payload_sha256: str) -> BodyCheck | None:
    if payload_sha256 == _UNSIGNED_PAYLOAD:
        return None
    if not _SHA256_HEX.fullmatch(payload_sha256):
        raise BAD_SIGNATURE(hint=f"x-amz-content-sha256 is neither a SHA-256 nor {_UNSIGNED_PAYLOAD}")

    def check(payload: str) -> None:
        if payload != payload_sha256:
            raise BAD_SIGNATURE(hint="x-amz-content-sha256 is not the hash of the body")

    return check
