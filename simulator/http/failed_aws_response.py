"""Tells from the response of an AWS service whether it is not served here, or the caller lacks a permission."""

import json
import re
from collections.abc import Mapping
from typing import Final

from simulator.http.aws_errors import HINT_HEADER
from simulator.http.sanitize import sanitize

_PERMISSION_STATUSES: Final = frozenset({401, 403})
_UNSERVED_CODES: Final = frozenset({"InvalidAction", "NotImplemented", "UnknownOperationException"})
_SERVER_ERROR: Final = 500  # with a hint: moto's own exception
_MAX_MESSAGE: Final = 400  # characters
_XML_CODE: Final = re.compile(r"<Code>(.*?)</Code>", re.DOTALL)
_XML_MESSAGE: Final = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)


def describe_failure(status: int, *, headers: Mapping[str, str], body: bytes) -> str | None:
    """Return the code and the message of an error response; None for an error of another kind.

    Header names are in lower case. Other errors, such as a missing object, are answers of the service.
    """
    code, message = _parse_error(headers, body)
    is_unserved = code in _UNSERVED_CODES or (status == _SERVER_ERROR and HINT_HEADER in headers)
    if not is_unserved and status not in _PERMISSION_STATUSES:
        return None
    text = f"{code or status}: {message or headers.get(HINT_HEADER, '')}".removesuffix(": ")
    return sanitize(text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}...")


def _parse_error(headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
    text = body.decode("utf-8", "replace")
    header_code = headers.get("x-amzn-errortype", "")
    if text.lstrip().startswith("<"):
        code_match, message_match = _XML_CODE.search(text), _XML_MESSAGE.search(text)
        return code_match[1] if code_match else header_code, message_match[1] if message_match else ""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = {}
    if not isinstance(fields, dict):
        fields = {}
    code = str(header_code or fields.get("__type") or fields.get("code") or fields.get("Code") or "")
    return code.partition(":")[0].rpartition("#")[2], str(fields.get("message") or fields.get("Message") or "")
