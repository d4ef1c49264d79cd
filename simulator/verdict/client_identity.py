"""Who asks, as far as a request tells it cheaply. No key is kept, and none can be told from what is."""

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
"""A header by which several clients that share one key can tell themselves apart."""

_KEYS: Final = 1_024
_LONGEST_NAME: Final = 40  # characters
_NAME, _KEY = 4, 8  # bytes of a digest
# A minted key differs from request to request; the access key that signed it does not.
_SIGNED_BY: Final = re.compile(rb"X-Amz-Credential=([^%/&]{1,128})(?:%2F|/)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientIdentity:
    """A client: its name for a report, a digest of the very key or signature that it sent; whether it named itself."""

    name: str
    key_digest: bytes
    is_named: bool


class ClientIdentifier:
    """Names the clients. It remembers the names of keys, by their digests."""

    def __init__(self) -> None:
        self._names: LruMap[bytes, str] = LruMap(_KEYS)

    def identify(self, scope: Scope) -> ClientIdentity:
        """Return who sent a request."""
        authorization, given = b"", b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == CLIENT_HEADER:
                given = value
        key = _digest(authorization, size=_KEY)
        if given:
            return ClientIdentity(name=redact(given.decode("latin-1"))[:_LONGEST_NAME], key_digest=key, is_named=True)
        name = self._names.get_or_create(key, lambda: _name(authorization.decode("latin-1")))
        return ClientIdentity(name=name, key_digest=key, is_named=False)


def _name(authorization: str) -> str:
    key = parse_bearer_key(authorization)
    if key.startswith(SHORT_TERM_PREFIX):
        holder = _holder(key.removeprefix(SHORT_TERM_PREFIX)) or key.encode("latin-1")
    elif signed := None if key else parse_credential_scope(authorization):
        holder = signed.access_key_id.encode("latin-1")
    else:
        holder = authorization.encode("latin-1")
    return f"key {_digest(holder, size=_NAME).hex()}" if holder else "no key"


def _holder(encoded: str) -> bytes | None:
    try:
        found = _SIGNED_BY.search(b64decode(encoded))
    except ValueError:
        return None
    return found[1] if found else None


def _digest(secret: bytes, *, size: int) -> bytes:
    return blake2b(secret, digest_size=size).digest()
