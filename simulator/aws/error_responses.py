"""Translates an exception of moto into the error of the AWS service.

AWS validates a request against its model before it does anything. moto mostly assumes a valid request and raises when a
value is missing or has the wrong type. So an exception from reading a value counts as the client's error, and any other
as the server's (INFERRED; it may also be a fault of moto, so a header quotes the exception).
"""

import json
import re
from typing import BinaryIO, Final
from urllib.parse import parse_qs
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError
from zipfile import BadZipFile

from simulator.aws.moto_state import MotoContext
from simulator.aws.request import AwsRequest, AwsResponse
from simulator.http.aws_errors import HINT_HEADER, S3, AwsError, encode_error

_MAX_DESCRIPTION: Final = 300  # characters; the exception may quote a whole request

_CLIENT_ERRORS: Final = (
    *(ArithmeticError, AssertionError, AttributeError, BadZipFile, EOFError, LookupError, TypeError, ValueError),
)
_XML_ERRORS: Final = (ExpatError, ParseError)
_S3_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
_NOT_IMPLEMENTED: Final = re.compile("The (.*) action has not been implemented", re.DOTALL)
_HTML_ERROR_PAGE: Final = b"<!doctype html>\n<html lang=en>\n<title>40"  # werkzeug's page when moto has no route
_UNKNOWN_OPERATION: Final = "OperationNotFoundError"  # botocore raises it when the service has no such operation

_LAMBDA: Final = "lambda"
_INVALID_VALUE: Final = {
    S3: "InvalidArgument",
    _LAMBDA: "InvalidParameterValueException",
    "logs": "InvalidParameterException",
    "sns": "InvalidParameter",
    "sqs": "InvalidParameterValue",
}
_INVALID_IN_QUERY: Final = "ValidationError"
_INVALID_IN_JSON: Final = "ValidationException"


def response_for_exception(
    exception: Exception, request: AwsRequest, body: BinaryIO, context: MotoContext
) -> AwsResponse:
    """Return the response to a request for which moto raised an exception. The request id is drawn from `context`."""
    description = ascii(f"{type(exception).__name__}: {exception}")[1:-1][:_MAX_DESCRIPTION]
    hint = f"moto, which simulates AWS here, failed at this request with {description}"
    return _encode(_error_for(exception, request, body), request, context, hint=hint, failed=True)


def response_without_html(response: AwsResponse, request: AwsRequest, context: MotoContext) -> AwsResponse:
    """Return moto's response, or an error in the service's format if moto found no route.

    Without a route, moto sends an HTML page.
    """
    if request.service == S3 or not response.body.startswith(_HTML_ERROR_PAGE):
        return response
    operation = ascii(f"{request.service} at {request.method} {request.path}")[1:-1][:_MAX_DESCRIPTION]
    hint = f"moto, which simulates AWS here, has no operation of {operation}"
    code = "InvalidAction" if request.is_query_protocol else "UnknownOperationException"
    error = AwsError(code=code, message=hint, status=response.status)
    return _encode(error, request, context, hint=hint, failed=False)


def _encode(error: AwsError, request: AwsRequest, context: MotoContext, *, hint: str, failed: bool) -> AwsResponse:
    request_id = f"{context.random.getrandbits(128):032x}"
    encoded = encode_error(
        error,
        service=request.service,
        is_query_protocol=request.is_query_protocol,
        is_cbor_protocol=request.is_cbor_protocol,
        request_id=request_id,
    )
    content = b"" if request.method == "HEAD" else encoded.body
    headers = encoded.headers | {"content-length": str(len(content)), HINT_HEADER: hint}
    return AwsResponse(status=error.status, headers=tuple(headers.items()), body=content, failed=failed)


def _error_for(exception: Exception, request: AwsRequest, body: BinaryIO) -> AwsError:
    service, is_query = request.service, request.is_query_protocol
    match exception:
        case NotImplementedError() if service == S3 and request.method not in _S3_METHODS:
            message = "The specified method is not allowed against this resource."
            return AwsError(code="MethodNotAllowed", message=message, status=405)
        case ModuleNotFoundError():
            message = (
                f"The simulator cannot serve {service} without the Python package {exception.name}, which moto needs"
                " for it. Install it, or moto[all], into the simulator's environment."
            )
            return AwsError(code="NotImplemented", message=message, status=501)
        case NotImplementedError() if _is_operation_of(service, str(exception)):
            return AwsError(code="NotImplemented", message="This operation is not implemented here.", status=501)
        case KeyError() if service == S3 and exception.args == _upload_id(request):
            message = "The specified upload does not exist. The upload ID might be invalid, or the upload might have"
            return AwsError(code="NoSuchUpload", message=f"{message} been aborted or completed.", status=404)
        case ExpatError() | ParseError() if service == S3:
            message = "The XML you provided was not well-formed or did not validate against our published schema"
            return AwsError(code="MalformedXML", message=message, status=400)
        case _ if isinstance(exception, NotImplementedError) or type(exception).__name__ == _UNKNOWN_OPERATION:
            code = "InvalidAction" if is_query else "UnknownOperationException"
            return AwsError(code=code, message="The service has no such operation.", status=400)
        case _ if isinstance(exception, (*_CLIENT_ERRORS, *_XML_ERRORS)):
            in_json = not is_query and service != S3
            if in_json and not _is_json(body):
                code = "InvalidRequestContentException" if service == _LAMBDA else "SerializationException"
                return AwsError(code=code, message="Could not parse request body into json.", status=400)
            code = _INVALID_VALUE.get(service, _INVALID_IN_JSON if in_json else _INVALID_IN_QUERY)
            return AwsError(code=code, message="A parameter is missing or has an invalid value.", status=400)
    code = "InternalError" if service == S3 else "InternalFailure" if is_query else "InternalServerError"
    return AwsError(code=code, message="We encountered an internal error. Please try again.", status=500)


def _is_operation_of(service: str, message: str) -> bool:
    """Whether the AWS service has the operation that moto does not implement.

    moto's message is the same for an operation that the service does not have.
    """
    from botocore.exceptions import UnknownServiceError  # noqa: PLC0415 - slow to import
    from moto.core.utils import (  # noqa: PLC0415 - moto is slow to import
        camelcase_to_underscores,
        get_service_model,
    )

    match = _NOT_IMPLEMENTED.fullmatch(message)
    try:
        return not match or match[1] in map(camelcase_to_underscores, get_service_model(service).operation_names)
    except UnknownServiceError:  # the signing name of the service differs from its model's name
        return True


def _upload_id(request: AwsRequest) -> tuple[str, ...]:
    return tuple(parse_qs(request.query).get("uploadId", ()))


def _is_json(body: BinaryIO) -> bool:
    body.seek(0)
    try:
        content = body.read()
        return not content or isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False
    finally:
        body.seek(0)
