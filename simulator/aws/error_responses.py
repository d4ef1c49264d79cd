"""What an AWS service answers where moto fails with an exception.

AWS validates a request by its model before it does anything; moto mostly takes it to be valid, and stumbles where it
reads what is not there or not of its type. So what is raised by reading a value is the sender's (INFERRED: it may be
moto's own mistake, too, which is why a header says what was raised), and everything else the server's.
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
from simulator.http.aws_errors import S3, AwsError, encode_error

_HINT: Final = "x-simulator-hint"
_LONGEST_HINT: Final = 300  # characters of what was raised, which may quote all of a request

_SENDERS_OWN: Final = (
    *(ArithmeticError, AssertionError, AttributeError, BadZipFile, EOFError, LookupError, TypeError, ValueError),
)
_NO_XML: Final = (ExpatError, ParseError)
_METHODS_OF_S3: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
_LACKING: Final = re.compile("The (.*) action has not been implemented", re.DOTALL)
_UNKNOWN: Final = "OperationNotFoundError"  # botocore's, of an operation that the service does not have

_LAMBDA: Final = "lambda"
_INVALID: Final = {
    S3: "InvalidArgument",
    _LAMBDA: "InvalidParameterValueException",
    "logs": "InvalidParameterException",
    "sns": "InvalidParameter",
    "sqs": "InvalidParameterValue",
}
_IN_QUERY: Final = "ValidationError"
_IN_JSON: Final = "ValidationException"


def response_for_exception(
    exception: Exception, request: AwsRequest, body: BinaryIO, context: MotoContext
) -> AwsResponse:
    """Return the answer to a request at which moto raised; the turn that it took gives the answer its id."""
    error = _error(exception, request, body)
    request_id = f"{context.random.getrandbits(128):032x}"
    told = encode_error(
        error, service=request.service, is_query_protocol=request.is_query_protocol, request_id=request_id
    )
    content = b"" if request.method == "HEAD" else told.body
    raised = ascii(f"{type(exception).__name__}: {exception}")[1:-1][:_LONGEST_HINT]
    hint = f"moto, which stands for AWS here, failed at this request with {raised}"
    headers = told.headers | {"content-length": str(len(content)), _HINT: hint}
    return AwsResponse(status=error.status, headers=tuple(headers.items()), body=content, failed=True)


def _error(fault: Exception, request: AwsRequest, body: BinaryIO) -> AwsError:
    service, is_query = request.service, request.is_query_protocol
    match fault:
        case NotImplementedError() if service == S3 and request.method not in _METHODS_OF_S3:
            message = "The specified method is not allowed against this resource."
            return AwsError(code="MethodNotAllowed", message=message, status=405)
        case NotImplementedError() if _is_known(service, str(fault)):
            return AwsError(code="NotImplemented", message="This operation is not implemented here.", status=501)
        case KeyError() if service == S3 and fault.args == _upload(request):
            message = "The specified upload does not exist. The upload ID might be invalid, or the upload might have"
            return AwsError(code="NoSuchUpload", message=f"{message} been aborted or completed.", status=404)
        case ExpatError() | ParseError() if service == S3:
            message = "The XML you provided was not well-formed or did not validate against our published schema"
            return AwsError(code="MalformedXML", message=message, status=400)
        case _ if isinstance(fault, NotImplementedError) or type(fault).__name__ == _UNKNOWN:
            code = "InvalidAction" if is_query else "UnknownOperationException"
            return AwsError(code=code, message="The service has no such operation.", status=400)
        case _ if isinstance(fault, (*_SENDERS_OWN, *_NO_XML)):
            in_json = not is_query and service != S3
            if in_json and not _is_json(body):
                code = "InvalidRequestContentException" if service == _LAMBDA else "SerializationException"
                return AwsError(code=code, message="Could not parse request body into json.", status=400)
            code = _INVALID.get(service, _IN_JSON if in_json else _IN_QUERY)
            return AwsError(code=code, message="A parameter is missing or has an invalid value.", status=400)
    code = "InternalError" if service == S3 else "InternalFailure" if is_query else "InternalServerError"
    return AwsError(code=code, message="We encountered an internal error. Please try again.", status=500)


def _is_known(service: str, said: str) -> bool:
    """Whether AWS's service has the operation that moto lacks; moto says the same of one that there is not."""
    from botocore.exceptions import UnknownServiceError  # noqa: PLC0415 - slow to import
    from moto.core.utils import (  # noqa: PLC0415 - moto is slow to import
        camelcase_to_underscores,
        get_service_model,
    )

    lacking = _LACKING.fullmatch(said)
    try:
        return not lacking or lacking[1] in map(camelcase_to_underscores, get_service_model(service).operation_names)
    except UnknownServiceError:  # the service is signed for by another name than it is described by
        return True


def _upload(request: AwsRequest) -> tuple[str, ...]:
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
