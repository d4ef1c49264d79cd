"""Parses the scope of a SigV4 signature: access key, date, region and service. `authentication` verifies it."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

_CREDENTIAL: Final = re.compile(r"Credential=([^/\s,]+)/(\d{8})/([^/\s,]+)/([^/\s,]+)/aws4_request", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialScope:
    """The scope of a SigV4 credential: access key id, date (YYYYMMDD), region and service."""

    access_key_id: str
    date: str
    region: str
    service: str


def parse_credential_scope(authorization: str, query: str = "") -> CredentialScope | None:
    """Return the scope of a request signed in its header or in a presigned URL; None when it is not signed."""
    match = _CREDENTIAL.search(authorization) or _CREDENTIAL.search(_find_presigned_credential(query))
    return CredentialScope(access_key_id=match[1], date=match[2], region=match[3], service=match[4]) if match else None


def _find_presigned_credential(query: str) -> str:
    if "X-Amz-Credential=" not in query:
        return ""
    return "Credential=" + dict(parse_qsl(query)).get("X-Amz-Credential", "")
