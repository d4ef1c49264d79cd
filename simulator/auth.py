"""Who is calling: a bearer key or a SigV4 signature to a `Caller`, or the service's own 401.

Keys are judged by their structure, region and expiry; whether a signature is the right one is not checked yet. Expiry
is judged at the wall's time, because the caller's real clock minted the key.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from simulator.errors import EXPIRED_KEY, GARBLED_KEY, INVALID_KEY, MISSING_KEY
from simulator.sigv4 import SignedScope, scope_of

SHORT_TERM: Final = "bedrock-api-key-"  # from the token generator's source
LONG_TERM: Final = "ABSK"  # DOCUMENTED: CloudTrail's bearerTokenType
LONGEST: Final = 43_200  # seconds; DOCUMENTED: twelve hours
SKEW: Final = 300  # seconds that two clocks may differ by (SigV4's own five minutes)
MANTLE_SERVICES: Final = ("bedrock-mantle", "bedrock")  # the SDK's own name first; some callers sign with the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The principal behind a request. `arn` is an IAM user, an assumed role or the account's root."""

    arn: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShortTermKey:
    scope: SignedScope
    minted_at: float
    expires_at: float


class Authenticator:
    """Turns the `Authorization` header into a Caller.

    `identify` resolves an access key id to the ARN of the user or role that holds it, and `user` the name of an IAM
    user; None means that IAM does not know it, and then it counts as the account's own (the simulator's session
    credentials do). `wall` is the wall's time in seconds.
    """

    def __init__(
        self,
        *,
        region: str,
        account: str,
        identify: Callable[[str], str | None],
        user: Callable[[str], str | None],
        wall: Callable[[], float],
    ) -> None:
        self._region = region
        self._account = account
        self._identify = identify
        self._user = user
        self._wall = wall

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Return who calls.

        Raises:
            ApiError: no key, or one that is malformed, for another region, or expired.
        """
        authorization = headers.get("authorization", "")
        scheme, _, key = authorization.partition(" ")
        key = key.strip()
        if scheme.lower() == "bearer" and key:
            return self._bearer(key)
        if scope := scope_of(authorization):
            return self._signed(scope)
        raise MISSING_KEY(
            hint="send 'Authorization: Bearer <Bedrock API key>'; 'rft-sim env' prints one for this server"
        )

    def _signed(self, scope: SignedScope) -> Caller:
        if scope.service not in MANTLE_SERVICES:
            raise INVALID_KEY(hint=f"signed for service '{scope.service}', not '{MANTLE_SERVICES[0]}'")
        self._check_region(scope.region)
        return self._principal(self._identify(scope.access_key_id))

    def _bearer(self, key: str) -> Caller:
        if key.startswith(SHORT_TERM):
            short_term = _short_term_key(key)
            self._check_region(short_term.scope.region)
            now = self._wall()
            if now < short_term.minted_at - SKEW:
                raise INVALID_KEY(hint=f"minted {short_term.minted_at - now:.0f} s in the future; look at the clocks")
            if now > short_term.expires_at:
                raise EXPIRED_KEY(
                    hint=f"this short-term key expired {now - short_term.expires_at:.0f} s ago; mint another"
                )
            return self._principal(self._identify(short_term.scope.access_key_id))
        if key.startswith(LONG_TERM):
            return self._principal(self._user(_long_term_user(key)))
        raise GARBLED_KEY(hint=f"a Bedrock API key starts with '{SHORT_TERM}' or '{LONG_TERM}'")

    def _principal(self, arn: str | None) -> Caller:
        return Caller(arn=arn or f"arn:aws:iam::{self._account}:root", account=self._account)

    def _check_region(self, region: str) -> None:
        if region != self._region:
            raise INVALID_KEY(hint=f"this key is for {region}, the endpoint is in {self._region}")


@lru_cache(maxsize=256)
def _short_term_key(key: str) -> _ShortTermKey:
    """Read `bedrock-api-key-` and base64 of a presigned request (layout: the token generator's source)."""
    try:
        decoded = b64decode(key.removeprefix(SHORT_TERM), validate=True).decode("ascii")
        address, _, query = decoded.partition("?")
        fields = dict(parse_qsl(query, strict_parsing=True))
    except (Base64Error, ValueError):
        raise GARBLED_KEY(hint="what follows the prefix is not base64 of a signed request") from None
    wanted = {
        "Action": "CallWithBearerToken",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-SignedHeaders": "host",
        "Version": "1",
    }
    wrong = [name for name, value in wanted.items() if fields.get(name) != value]
    scope = scope_of("", query)
    if address != "bedrock.amazonaws.com/" or wrong or scope is None or scope.service != "bedrock":
        raise INVALID_KEY(hint=f"not a signed CallWithBearerToken request: {', '.join(wrong) or 'wrong host or scope'}")
    if not re.fullmatch(r"[0-9a-f]{64}", fields.get("X-Amz-Signature", "")):
        raise INVALID_KEY(hint="the signature is missing or not a SHA-256")
    try:
        minted = datetime.strptime(fields["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        lifetime = int(fields["X-Amz-Expires"])
    except (KeyError, ValueError):
        raise INVALID_KEY(hint="the date or the lifetime cannot be read") from None
    if not 0 < lifetime <= LONGEST:
        raise INVALID_KEY(hint=f"a lifetime of {lifetime} s; a short-term key lives 1 to {LONGEST} s")
    return _ShortTermKey(scope=scope, minted_at=minted, expires_at=minted + lifetime)


@lru_cache(maxsize=256)
def _long_term_user(key: str) -> str:
    """Read `ABSK` + base64 of `<IAM user>:<secret>` (layout from public client code)."""
    try:
        user, colon, secret = b64decode(key.removeprefix(LONG_TERM), validate=True).decode("utf-8").partition(":")
    except (Base64Error, ValueError):
        raise GARBLED_KEY(hint=f"what follows '{LONG_TERM}' is not base64") from None
    if not (user and colon and secret):
        raise GARBLED_KEY(hint="a long-term key holds an IAM user's name and a secret")
    return user
