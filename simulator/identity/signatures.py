"""The SigV4 signature that a request ought to carry, computed by AWS's own client library.

botocore is imported when a first signature is computed: that takes a tenth of a second, and whoever starts a simulator
need not wait for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPMessage
from typing import Final
from urllib.parse import quote

from simulator.identity.sigv4 import CredentialScope

EMPTY_PAYLOAD_SHA256: Final = sha256(b"").hexdigest()  # the payload hash of a request without a body


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What a signature covers. `path` and `query` are as they stand on the wire; `headers` are the signed ones.

    `timestamp` is the request's own, as YYYYMMDDThhmmssZ.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    timestamp: str


def compute_signature(request: SignedRequest, *, scope: CredentialScope, secret: str, payload_sha256: str) -> str:
    """Return the signature in lower-case hexadecimal digits ("Create a signed AWS API request", DOCUMENTED)."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - botocore is slow to import
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - botocore is slow to import
    from botocore.credentials import Credentials  # noqa: PLC0415 - botocore is slow to import
    from botocore.utils import normalize_url_path  # noqa: PLC0415 - botocore is slow to import

    signer = SigV4Auth(Credentials(scope.access_key_id, secret), scope.service, scope.region)
    asked = AWSRequest(method=request.method, url=f"http://host/?{request.query}")
    asked.context["timestamp"] = request.timestamp
    headers = _multimap(request.headers)
    # `canonical_request` would leave out headers that botocore itself does not sign; others may have signed them.
    canonical = "\n".join(
        (
            request.method,
            quote(normalize_url_path(request.path), safe="/~"),
            signer.canonical_query_string(asked),
            signer.canonical_headers(headers) + "\n",
            signer.signed_headers(headers),
            payload_sha256,
        )
    )
    return signer.signature(signer.string_to_sign(asked, canonical), asked)


def _multimap(headers: Iterable[tuple[str, str]]) -> HTTPMessage:
    made = HTTPMessage()
    for name, value in headers:
        made[name] = value  # adds to those of the same name
    return made
