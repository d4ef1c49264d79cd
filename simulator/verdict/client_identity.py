"""Identifies the client of a request. It stores digests of keys, from which no key can be derived."""

import re
from base64 import b64decode
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from simulator.http.asgi import Scope
from simulator.http.request_log import redact
from simulator.identity.authentication import parse_bearer_key
from simulator.identity.bedrock_keys import SHORT_TERM_PREFIX
from simulator.identity.sigv4 import parse_credential_scope
from simulator.verdict.lru_map import LruMap

CLIENT_HEADER: Final = b"x-simulator-client"
"""The header in which a client names itself. It distinguishes clients that share one key."""

_MAX_KEYS: Final = 1_024
_MAX_NAME_LENGTH: Final = 40  # characters
_NAME_DIGEST_SIZE, _KEY_DIGEST_SIZE = 4, 8  # bytes
# A short-term key changes from request to request. The access key that signed it does not.
_SIGNING_ACCESS_KEY: Final = re.compile(rb"X-Amz-Credential=([^%/&]{1,128})(?:%2F|/)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIdentity:
    """A client: its name for reports, a digest of the key or signature as sent, and whether it named itself."""

    name: str
    key_digest: bytes
    is_named: bool


class ClientIdentifier:
    """Names clients by their header or their key. It caches the names of keys by the keys' digests."""

    def __init__(self) -> None:
        self._names: LruMap[bytes, str] = LruMap(_MAX_KEYS)

    def identify(self, scope: Scope) -> ClientIdentity:
        """Return the client of a request."""
        authorization, client_header = b"", b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == CLIENT_HEADER:
                client_header = value
        key_digest = _digest(authorization, size=_KEY_DIGEST_SIZE)
        if client_header:
            client_name = redact(client_header.decode("latin-1"))[:_MAX_NAME_LENGTH]
            return ClientIdentity(name=client_name, key_digest=key_digest, is_named=True)
        client_name = self._names.get_or_create(key_digest, lambda: _name_from_key(authorization.decode("latin-1")))
        return ClientIdentity(name=client_name, key_digest=key_digest, is_named=False)


def _name_from_key(authorization: str) -> str:
    key = parse_bearer_key(authorization)
    if key.startswith(SHORT_TERM_PREFIX):
        stable_part = _signing_access_key(key.removeprefix(SHORT_TERM_PREFIX)) or key.encode("latin-1")
    elif credential := None if key else parse_credential_scope(authorization):
        stable_part = credential.access_key_id.encode("latin-1")
    else:
        stable_part = authorization.encode("latin-1")
    return f"key {_digest(stable_part, size=_NAME_DIGEST_SIZE).hex()}" if stable_part else "no key"


def _signing_access_key(encoded_key: str) -> bytes | None:
    try:
        match = _SIGNING_ACCESS_KEY.search(b64decode(encoded_key))
    except ValueError:
        return None
    return match[1] if match else None


def _digest(secret: bytes, *, size: int) -> bytes:
    return blake2b(secret, digest_size=size).digest()
