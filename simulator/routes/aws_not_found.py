"""Answers requests for AWS services that the simulator does not serve, in the shape that the service's SDK reads.

OpenAI's error envelope would reach a user of boto3 or of the AWS CLI as an empty message.
"""

from typing import Final

from starlette.responses import Response

from simulator.http.asgi import Scope, find_header
from simulator.http.aws_errors import (
    CBOR_PROTOCOL,
    CBOR_PROTOCOL_HEADER,
    FORM_CONTENT_TYPE,
    HINT_HEADER,
    encode_error,
)
from simulator.http.aws_services import service_name, unserved_service_error, unserved_service_message
from simulator.identity.authentication import MANTLE_SERVICES, parse_bearer_key
from simulator.identity.sigv4 import parse_credential_scope
from simulator.routes.route import OPENAI_V1_PREFIX, V1_PREFIX

_MANTLE, _BEDROCK = MANTLE_SERVICES
_REQUEST_ID_HEADER: Final = "x-amzn-requestid"


def unserved_service(scope: Scope) -> str | None:
    """Return the AWS service that a request without a route is for; None when the request is Mantle's.

    boto3's bedrock clients sign for `bedrock`, and so do some clients of Mantle. The path decides between them.
    """
    authorization = find_header(scope, b"authorization")
    signature = parse_credential_scope(authorization, scope["query_string"].decode("latin-1"))
    if parse_bearer_key(authorization) or signature is None or signature.service == _MANTLE:
        return None
    if signature.service == _BEDROCK and scope["path"].startswith((f"{V1_PREFIX}/", f"{OPENAI_V1_PREFIX}/")):
        return None
    return service_name(signature.service, method=scope["method"], path=scope["path"])


def unserved_service_hint(service: str, *, api_hint: str) -> str:
    """Return what a user of an unserved AWS service can do. `api_hint` is the hint of the API for the same path."""
    return api_hint if service.startswith(_BEDROCK) else unserved_service_message(service)


def unserved_service_response(scope: Scope, *, service: str, hint: str, status: int, request_id: str) -> Response:
    """Return the error of an AWS service that is not served, with `hint` in a header.

    The request id header is left out: it is the same in all responses of the API, which adds it.
    """
    is_query = find_header(scope, b"content-type").startswith(FORM_CONTENT_TYPE)
    encoded_error = encode_error(
        unserved_service_error(service, is_query_protocol=is_query, status=status),
        service=service,
        is_query_protocol=is_query,
        is_cbor_protocol=find_header(scope, CBOR_PROTOCOL_HEADER.encode()) == CBOR_PROTOCOL,
        request_id=request_id,
    )
    headers = {name: value for name, value in encoded_error.headers.items() if name != _REQUEST_ID_HEADER}
    return Response(encoded_error.body, status_code=status, headers=headers | {HINT_HEADER: hint})
