"""How AWS's services say that they refuse a request: an error in the shape that a service's protocol has for it.

The shapes are botocore's (its parsers): S3's XML, the query protocol's (IAM, STS, SNS), and the JSON ones, where a
service reads the code from the header or from the body.
"""

import json
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

S3: Final = "s3"
FORM_CONTENT_TYPE: Final = "application/x-www-form-urlencoded"
"""How the body of a request in the query protocol is typed."""

_SERVERS_OWN_FAULT: Final = 500
_XML: Final = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsError:
    """What a service says: `code` as an SDK reads it, and the status that it comes with."""

    code: str
    message: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedError:
    """An error as it goes out; names of headers are in lower case."""

    headers: dict[str, str]
    body: bytes


def encode_error(error: AwsError, *, service: str, is_query_protocol: bool, request_id: str) -> EncodedError:
    """Return an error in a service's shape; `is_query_protocol` says that the request came in the query protocol."""
    named = {"x-amzn-requestid": request_id}
    code, message = escape(error.code), escape(error.message)
    if service == S3:
        body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
        return _xml(body, headers=named | {"x-amz-request-id": request_id})
    if is_query_protocol:
        side = "Receiver" if error.status >= _SERVERS_OWN_FAULT else "Sender"
        told = f"<Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        return _xml(f"<ErrorResponse>{told}<RequestId>{request_id}</RequestId></ErrorResponse>", headers=named)
    fields = {"Message": error.message, "__type": error.code, "message": error.message}
    headers = named | {"content-type": "application/json", "x-amzn-errortype": error.code}
    return EncodedError(headers=headers, body=json.dumps(fields).encode())


def _xml(body: str, *, headers: dict[str, str]) -> EncodedError:
    declared = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return EncodedError(headers=headers | {"content-type": _XML}, body=declared.encode("utf-8", "replace"))
