"""Parses short-term and long-term Bedrock API keys. `authentication` verifies them."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from simulator.errors import GARBLED_KEY, INVALID_KEY
from simulator.identity.signatures import EMPTY_PAYLOAD_SHA256, SignedRequest, compute_signature
from simulator.identity.sigv4 import CredentialScope, parse_credential_scope

SHORT_TERM_PREFIX: Final = "bedrock-api-key-"  # from the token generator's source
LONG_TERM_PREFIX: Final = "ABSK"  # DOCUMENTED: CloudTrail's bearerTokenType
MAX_LIFETIME_SECONDS: Final = 43_200  # DOCUMENTED: twelve hours

_HOST: Final = "bedrock.amazonaws.com"
_TIMESTAMP: Final = "%Y%m%dT%H%M%SZ"
# Every request is authenticated, and a client sends the same key each time.
_CACHE_SIZE: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortTermKey:
    """A presigned CallWithBearerToken request. Times are in seconds since the Unix epoch."""

    scope: CredentialScope
    issued_at: float
    lifetime: int
    session_token: str | None = field(repr=False)
    request: SignedRequest = field(repr=False)
    signature: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LongTermKey:
    """The two parts of an IAM service-specific credential for Bedrock."""

    alias: str
    secret: str = field(repr=False)


@lru_cache(maxsize=_CACHE_SIZE)
def parse_short_term_key(key: str) -> ShortTermKey:
    """Parse `bedrock-api-key-` + base64 of a presigned request (layout: the token generator's source).

    Raises:
        ApiError: the key is malformed.
    """
    try:
        decoded = b64decode(key.removeprefix(SHORT_TERM_PREFIX), validate=True).decode("ascii")
        address, _, query = decoded.partition("?")
        fields = dict(parse_qsl(query, strict_parsing=True))
    except (Base64Error, ValueError):
        raise GARBLED_KEY(hint="the text after the prefix is not base64 of a signed request") from None
    expected = {
        "Action": "CallWithBearerToken",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-SignedHeaders": "host",
        "Version": "1",
    }
    wrong = [name for name, value in expected.items() if fields.get(name) != value]
    scope = parse_credential_scope("", query)
    if address != f"{_HOST}/" or wrong or scope is None or scope.service != "bedrock":
        raise INVALID_KEY(hint=f"not a signed CallWithBearerToken request: {', '.join(wrong) or 'wrong host or scope'}")
    if not re.fullmatch(r"[0-9a-f]{64}", fields.get("X-Amz-Signature", "")):
        raise INVALID_KEY(hint="the signature is missing or not a SHA-256")
    try:
        issued_at = parse_timestamp(fields["X-Amz-Date"])
        lifetime = int(fields["X-Amz-Expires"])
    except (KeyError, ValueError):
        raise INVALID_KEY(hint="the date or the lifetime cannot be read") from None
    if not 0 < lifetime <= MAX_LIFETIME_SECONDS:
        raise INVALID_KEY(hint=f"the key's lifetime is not between 1 and {MAX_LIFETIME_SECONDS} s")
    return ShortTermKey(
        scope=scope,
        issued_at=issued_at,
        lifetime=lifetime,
        session_token=fields.get("X-Amz-Security-Token"),
        request=SignedRequest(
            method="POST",
            path="/",
            query=_remove_unsigned_fields(query),
            headers=(("host", _HOST),),
            timestamp=fields["X-Amz-Date"],
        ),
        signature=fields["X-Amz-Signature"],
    )


@lru_cache(maxsize=_CACHE_SIZE)
def compute_expected_signature(key: str, secret: str) -> str:
    """Return the signature of a well-formed short-term key, computed with `secret`."""
    parsed = parse_short_term_key(key)
    return compute_signature(parsed.request, scope=parsed.scope, secret=secret, payload_sha256=EMPTY_PAYLOAD_SHA256)


@lru_cache(maxsize=_CACHE_SIZE)
def parse_long_term_key(key: str) -> LongTermKey:
    """Parse `ABSK` + base64 of `<alias>:<secret>` (layout: public client code).

    Raises:
        ApiError: the key is malformed.
    """
    try:
        alias, colon, secret = (
            b64decode(key.removeprefix(LONG_TERM_PREFIX), validate=True).decode("utf-8").partition(":")
        )
    except (Base64Error, ValueError):
        raise GARBLED_KEY(hint=f"the text after '{LONG_TERM_PREFIX}' is not base64") from None
    if not (alias and colon and secret):
        raise GARBLED_KEY(hint="a long-term key holds the alias of a credential and its secret")
    return LongTermKey(alias=alias, secret=secret)


def parse_timestamp(timestamp: str) -> float:
    """Return YYYYMMDDThhmmssZ as seconds since the Unix epoch.

    Raises:
        ValueError: the text has another form.
    """
    return datetime.strptime(timestamp, _TIMESTAMP).replace(tzinfo=UTC).timestamp()


def _remove_unsigned_fields(query: str) -> str:
    """Return the query without the fields that the generator adds after signing."""
    added = ("X-Amz-Signature=", "Version=")
    return "&".join(pair for pair in query.split("&") if not pair.startswith(added))
