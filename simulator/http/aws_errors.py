"""Encodes the errors of AWS services in the shape of the service's protocol.

The shapes are those that botocore parses: S3's XML, the XML of the query protocol (IAM, STS, SNS), CBOR, and JSON,
where an SDK reads the code from the header or from the body.
"""

import json
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

S3: Final = "s3"
FORM_CONTENT_TYPE: Final = "application/x-www-form-urlencoded"
"""The content type of a request in the query protocol."""

HINT_HEADER: Final = "x-simulator-hint"

CBOR_PROTOCOL_HEADER: Final = "smithy-protocol"
"""A request header of the CBOR protocol. The response needs it too."""

CBOR_PROTOCOL: Final = "rpc-v2-cbor"
"""The value of that header."""

_REST_XML_SERVICES: Final = frozenset({"cloudfront", "route53"})  # besides S3; their errors have the query shape
_SERVER_ERROR: Final = 500
_XML: Final = "text/xml; charset=utf-8"
_CBOR_MAP, _CBOR_TEXT = 0b101 << 5, 0b011 << 5  # major types of RFC 8949, in the upper three bits
_CBOR_LENGTH_OF_4_BYTES: Final = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsError:
    """An error of an AWS service: the code that an SDK reads, the message and the HTTP status."""

    code: str
    message: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedError:
    """An encoded error; header names are in lower case."""

    headers: dict[str, str]
    body: bytes


def encode_error(
    error: AwsError, *, service: str, is_query_protocol: bool, request_id: str, is_cbor_protocol: bool = False
) -> EncodedError:
    """Return an error in the shape of a service. The flags say which protocol the request uses."""
    headers = {"x-amzn-requestid": request_id}
    code, message = escape(error.code), escape(error.message)
    if service == S3:
        body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
        return _encode_xml(body, headers=headers | {"x-amz-request-id": request_id})
    if is_query_protocol or service in _REST_XML_SERVICES:
        error_type = "Receiver" if error.status >= _SERVER_ERROR else "Sender"
        error_element = f"<Error><Type>{error_type}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        return _encode_xml(
            f"<ErrorResponse>{error_element}<RequestId>{request_id}</RequestId></ErrorResponse>", headers=headers
        )
    if is_cbor_protocol:
        headers |= {"content-type": "application/cbor", CBOR_PROTOCOL_HEADER: CBOR_PROTOCOL}
        return EncodedError(headers=headers, body=_encode_cbor({"__type": error.code, "message": error.message}))
    fields = {"Message": error.message, "__type": error.code, "message": error.message}
    headers |= {"content-type": "application/json", "x-amzn-errortype": error.code}
    return EncodedError(headers=headers, body=json.dumps(fields).encode())


def _encode_xml(body: str, *, headers: dict[str, str]) -> EncodedError:
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return EncodedError(headers=headers | {"content-type": _XML}, body=document.encode("utf-8", "replace"))


def _encode_cbor(fields: dict[str, str]) -> bytes:
    """Return a map of texts as CBOR (RFC 8949)."""
    texts = (text.encode("utf-8", "replace") for item in fields.items() for text in item)
    return bytes([_CBOR_MAP | len(fields)]) + b"".join(
        bytes([_CBOR_TEXT | _CBOR_LENGTH_OF_4_BYTES]) + len(text).to_bytes(4, "big") + text for text in texts
    )
