"""Computes SigV4 signatures with AWS's client library.

botocore is imported with the first signature, because that takes 0.1 s and the simulator must start quickly.
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
    """The signed parts of a request. `path` and `query` are as sent; `headers` are the signed ones.

    `timestamp` is the request's, as YYYYMMDDThhmmssZ.
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
    aws_request = AWSRequest(method=request.method, url=f"http://host/?{request.query}")
    aws_request.context["timestamp"] = request.timestamp
    headers = _header_message(request.headers)
    # `canonical_request` omits headers that botocore does not sign, but another client may have signed them.
    canonical = "\n".join(
        (
            request.method,
            quote(normalize_url_path(request.path), safe="/~"),
            signer.canonical_query_string(aws_request),
            signer.canonical_headers(headers) + "\n",
            signer.signed_headers(headers),
            payload_sha256,
        )
    )
    return signer.signature(signer.string_to_sign(aws_request, canonical), aws_request)


def _header_message(headers: Iterable[tuple[str, str]]) -> HTTPMessage:
    message = HTTPMessage()
    for name, value in headers:
        message[name] = value  # appends: a name may occur several times
    return message
