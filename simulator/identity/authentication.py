"""Who is calling: a bearer key or a SigV4 signature to a `Caller`, or the service's own 401.

Signatures are verified against the secrets of the simulated account. Keys, dates and sessions are judged at the
callers' time, because their real clocks made them.
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

MAX_CLOCK_SKEW_SECONDS: Final = 300  # seconds that two clocks may differ by (SigV4's own five minutes)
MANTLE_SERVICES: Final = ("bedrock-mantle", "bedrock")  # the SDK's own name first; some callers sign with the other

_UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_SIGNED: Final = re.compile(
    r"AWS4-HMAC-SHA256\s+(?=.*\bSignedHeaders=(?P<headers>[^,\s]+))(?=.*\bSignature=(?P<signature>[0-9a-f]{64})(?:,|\s|$))"
)

BodyCheck: TypeAlias = Callable[[str], None]
"""Of the SHA-256 of the whole body in hexadecimal digits; raises an ApiError when it is not the signed one."""


class BearerTokenType(StrEnum):
    """Values of the condition key BearerTokenType (DOCUMENTED: "Control permissions for ... API keys")."""

    SHORT_TERM = "SHORT_TERM"
    LONG_TERM = "LONG_TERM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The principal behind a request. `arn` is an IAM user, an assumed role or the account's root.

    `bearer_type` says by which kind of Bedrock API key it came; None is a signed request.
    """

    arn: str
    account: str
    bearer_type: BearerTokenType | None = None

    @property
    def is_root(self) -> bool:
        """Whether it is the account itself, which may do everything."""
        return self.arn == f"arn:aws:iam::{self.account}:root"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationResult:
    """Who calls; with a signed request, `check_body` is still to be asked once the whole body is there."""

    caller: Caller
    check_body: BodyCheck | None = None


def parse_bearer_key(authorization: str) -> str:
    """Return the key of an Authorization header; empty when it brings none."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def make_permissive_authenticator(account: str) -> Callable[[Scope], AuthenticationResult]:
    """Return what takes every request, with any key or none, for the account's root."""
    root = AuthenticationResult(caller=Caller(arn=f"arn:aws:iam::{account}:root", account=account))
    return lambda _scope: root


class Authenticator:
    """Tells from a request's headers who sent it.

    `access_key` finds what IAM knows of an access key id, `bedrock_key` of a long-term key's alias; None is nothing.
    `time` is the callers'. `ready` is the command that prints this server's environment.
    """

    def __init__(
        self,
        *,
        region: str,
        find_access_key: Callable[[str], Credential | None],
        find_bedrock_key: Callable[[str], Credential | None],
        caller_time: CallerClock,
        env_command: str,
    ) -> None:
        self._region = region
        self._ready = env_command
        self._access_key = find_access_key
        self._bedrock_key = find_bedrock_key
        self._time = caller_time

    def __call__(self, scope: Scope) -> AuthenticationResult:
        """Return who calls.

        Raises:
            ApiError: no key or signature, or one that is malformed, wrong, for elsewhere, or expired.
        """
        authorization = find_header(scope, b"authorization")
        if key := parse_bearer_key(authorization):
            return AuthenticationResult(caller=self._bearer(key))
        if signed := parse_credential_scope(authorization):
            return self._signed(scope, signed, authorization)
        raise MISSING_KEY(
            hint=f"send 'Authorization: Bearer <Bedrock API key>'; '{self._ready}' prints one for this server"
        )

    @property
    def _own(self) -> str:
        return f'eval "$({self._ready})" gets the credentials of this server\'s own session'

    def _elsewhere(self, said: str, region: str) -> ApiError:
        return INVALID_KEY(hint=f"{said} {region!a}, the endpoint is in {self._region}; {self._own}")

    def _bearer(self, key: str) -> Caller:
        if key.startswith(SHORT_TERM_PREFIX):
            return self._short_term(key)
        if key.startswith(LONG_TERM_PREFIX):
            return self._long_term(key)
        raise GARBLED_KEY(hint=f"a Bedrock API key starts with '{SHORT_TERM_PREFIX}' or '{LONG_TERM_PREFIX}'")

    def _short_term(self, key: str) -> Caller:
        read, now = parse_short_term_key(key), self._time.now()
        minted_at = self._time.adjust(read.issued_at)
        expires_at = minted_at + read.lifetime
        if read.scope.region != self._region:
            raise self._elsewhere("this key is for", read.scope.region)
        if now < minted_at - MAX_CLOCK_SKEW_SECONDS:
            raise INVALID_KEY(hint=f"minted {minted_at - now:.0f} s in the future; look at the clocks")
        if now > expires_at:
            raise EXPIRED_KEY(hint=f"this short-term key expired {now - expires_at:.0f} s ago; mint another")
        credential = self._holder(read.scope.access_key_id, read.session_token, now)
        if read.scope.date != read.request.timestamp[:8] or not compare_digest(
            compute_expected_signature(key, credential.secret), read.signature
        ):
            raise INVALID_KEY(
                hint=f"not signed with the secret of access key {read.scope.access_key_id!a}, or altered since"
            )
        return Caller(arn=credential.arn, account=credential.account, bearer_type=BearerTokenType.SHORT_TERM)

    def _long_term(self, key: str) -> Caller:
        read = parse_long_term_key(key)
        credential = self._bedrock_key(read.alias)
        if credential is None or not compare_digest(credential.secret.encode(), read.secret.encode()):
            raise INVALID_KEY(
                hint="IAM here has no such long-term key (or it was reset): iam create-service-specific-credential"
                f" with ServiceName bedrock.amazonaws.com makes one; {self._own}"
            )
        if not credential.active:
            raise INVALID_KEY(hint="this long-term key is inactive: iam update-service-specific-credential")
        if credential.expires_at is not None and self._time.now() >= credential.expires_at:
            raise EXPIRED_KEY(hint="the days that this long-term key was made for are over; make another")
        return Caller(arn=credential.arn, account=credential.account, bearer_type=BearerTokenType.LONG_TERM)

    def _holder(self, access_key_id: str, session_token: str | None, now: float) -> Credential:
        credential = self._access_key(access_key_id)
        if credential is None:
            raise INVALID_KEY(hint=f"the simulated account has no access key {access_key_id!a}; {self._own}")
        if not credential.active:
            raise INVALID_KEY(hint=f"access key {access_key_id!a} is inactive: iam update-access-key")
        if session_token != credential.session_token:
            told = "came without its" if session_token is None else "came with a wrong"
            raise INVALID_KEY(hint=f"access key {access_key_id!a} {told} session token")
        if credential.expires_at is not None and now >= credential.expires_at:
            raise EXPIRED_KEY(hint=f"the session of access key {access_key_id!a} is over; assume the role again")
        return credential

    def _signed(self, scope: Scope, signed: CredentialScope, authorization: str) -> AuthenticationResult:
        if signed.service not in MANTLE_SERVICES:
            raise INVALID_KEY(hint=f"signed for service {signed.service!a}, not '{MANTLE_SERVICES[0]}'")
        if signed.region != self._region:
            raise self._elsewhere("signed for", signed.region)
        parts = _SIGNED.match(authorization)
        if parts is None:
            raise BAD_SIGNATURE(hint="the header is not 'AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature='")
        now = self._time.now()
        request = _request(scope, parts["headers"])
        self._check_date(request.timestamp, signed, now)
        token = find_header(scope, b"x-amz-security-token") or None
        credential = self._holder(signed.access_key_id, token, now)

        def check_signature(payload: str) -> None:
            expected = compute_signature(request, scope=signed, secret=credential.secret, payload_sha256=payload)
            if not compare_digest(expected, parts["signature"]):
                raise BAD_SIGNATURE(
                    hint=f"what was signed is not what arrived, or not with the secret of {signed.access_key_id!a}"
                )

        # Without the header the body's hash is signed all the same: the signature can be judged at the body's end only.
        check_body: BodyCheck | None = check_signature
        if claimed := find_header(scope, b"x-amz-content-sha256"):
            check_signature(claimed)
            check_body = _body_check(claimed)
        return AuthenticationResult(
            caller=Caller(arn=credential.arn, account=credential.account), check_body=check_body
        )

    def _check_date(self, timestamp: str, signed: CredentialScope, now: float) -> None:
        try:
            at = self._time.adjust(parse_timestamp(timestamp))
        except ValueError:
            raise BAD_SIGNATURE(hint="x-amz-date is missing or not like 20260131T120000Z") from None
        if timestamp[:8] != signed.date:
            raise BAD_SIGNATURE(hint="the date in the credential is not that of x-amz-date")
        if abs(now - at) > MAX_CLOCK_SKEW_SECONDS:
            side = "behind" if at < now else "ahead of"
            raise STALE_SIGNATURE(
                timestamp=timestamp, hint=f"the caller's clock is {abs(now - at):.0f} s {side} this one"
            )


def _request(scope: Scope, signed_headers: str) -> SignedRequest:
    names = signed_headers.lower().split(";")
    if "host" not in names:
        raise BAD_SIGNATURE(hint="the host header must be among the signed ones")
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


def _body_check(claimed: str) -> BodyCheck | None:
    if claimed == _UNSIGNED:
        return None
    if not _HEX.fullmatch(claimed):
        raise BAD_SIGNATURE(hint=f"x-amz-content-sha256 is neither a SHA-256 nor {_UNSIGNED}")

    def check(payload: str) -> None:
        if payload != claimed:
            raise BAD_SIGNATURE(hint="x-amz-content-sha256 is not the hash of the body that arrived")

    return check
