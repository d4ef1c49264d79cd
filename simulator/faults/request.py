"""The parts of a request that faults match."""

import json
from dataclasses import dataclass, replace
from typing import Any, Final

from simulator.http.asgi import Scope, find_header
from simulator.identity.authentication import MANTLE_SERVICES, parse_bearer_key
from simulator.identity.sigv4 import parse_credential_scope

MANTLE_SERVICE: Final = MANTLE_SERVICES[0]

CONTROL_PREFIX: Final = "/_simulator"  # faults never apply to this path

_JOBS_PREFIX: Final = "/v1/fine_tuning/jobs/"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRequest:
    """A request.

    Attributes:
        method: the HTTP method.
        path: the decoded path.
        service: the service that the request is signed for; Mantle with a bearer key or without a signature.
        job: the id of the job in the path, or None.
        body: the JSON body, or None if it was not read or is not an object.
        model: the model that the body names, or None.
    """

    method: str
    path: str
    service: str
    job: str | None
    body: dict[str, Any] | None = None
    model: str | None = None

    def with_body(self, body: bytes) -> "IncomingRequest":
        """Return the request with its body, or unchanged if the body is not a JSON object."""
        try:
            parsed = json.loads(body)
        except (ValueError, RecursionError):
            return self
        if not isinstance(parsed, dict):
            return self
        model = parsed.get("model")
        return replace(self, body=parsed, model=model if isinstance(model, str) else None)


def request_from_scope(scope: Scope) -> IncomingRequest:
    """Return the request without its body."""
    path: str = scope["path"]
    job_path = path.removeprefix(_JOBS_PREFIX)
    return IncomingRequest(
        method=scope["method"],
        path=path,
        service=_signed_service(scope),
        job=job_path.partition("/")[0] or None if job_path != path else None,
    )


def may_be_json(scope: Scope) -> bool:
    """Return whether the body may be JSON. A body without a content type counts as JSON."""
    return find_header(scope, b"content-type").partition(";")[0].strip().lower() in {"", "application/json"}


def _signed_service(scope: Scope) -> str:
    authorization = find_header(scope, b"authorization")
    credential_scope = (
        None
        if parse_bearer_key(authorization)
        else parse_credential_scope(authorization, scope["query_string"].decode("latin-1"))
    )
    if credential_scope is None or credential_scope.service in MANTLE_SERVICES:
        return MANTLE_SERVICE
    return credential_scope.service
