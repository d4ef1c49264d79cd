"""A request as faults are matched with it."""

import json
from dataclasses import dataclass, replace
from typing import Any, Final

from simulator.http.asgi import Scope, find_header
from simulator.identity.authentication import MANTLE_SERVICES, parse_bearer_key
from simulator.identity.sigv4 import parse_credential_scope

MANTLE_SERVICE: Final = MANTLE_SERVICES[0]

CONTROL_PREFIX: Final = "/_simulator"  # the one part of the port that has no faults

_JOBS_PREFIX: Final = "/v1/fine_tuning/jobs/"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRequest:
    """A request: what its head says, and of its JSON body, if that was read, all of it and the model that it names.

    `service` is the one that it is signed for; a request with a bearer key, or without a signature, is Mantle's.
    """

    method: str
    path: str
    service: str
    job: str | None
    body: dict[str, Any] | None = None
    model: str | None = None

    def with_body(self, body: bytes) -> "IncomingRequest":
        """Return the request with its body, as far as that is a JSON object."""
        try:
            read = json.loads(body)
        except (ValueError, RecursionError):
            return self
        if not isinstance(read, dict):
            return self
        model = read.get("model")
        return replace(self, body=read, model=model if isinstance(model, str) else None)


def request_from_scope(scope: Scope) -> IncomingRequest:
    """Return a request by its head."""
    path: str = scope["path"]
    below = path.removeprefix(_JOBS_PREFIX)
    return IncomingRequest(
        method=scope["method"],
        path=path,
        service=_signed_service(scope),
        job=below.partition("/")[0] or None if below != path else None,
    )


def may_be_json(scope: Scope) -> bool:
    """Whether a request's body may be JSON: one that names no type is read as such."""
    return find_header(scope, b"content-type").partition(";")[0].strip().lower() in {"", "application/json"}


def _signed_service(scope: Scope) -> str:
    authorization = find_header(scope, b"authorization")
    signed = (
        None
        if parse_bearer_key(authorization)
        else parse_credential_scope(authorization, scope["query_string"].decode("latin-1"))
    )
    return MANTLE_SERVICE if signed is None or signed.service in MANTLE_SERVICES else signed.service
