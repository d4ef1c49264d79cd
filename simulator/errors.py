"""The catalogue of all API errors: status, code, type, message, and the evidence for each.

An `ErrorKind` is a row of the catalogue. Call it to create the `ApiError`:

    raise MODEL_NOT_FOUND(model=name, hint="models that can be tuned here: ...")

The envelope is `{"error": {"code", "message", "param", "type"}}`, keys in alphabetical order (OBSERVED). Messages are
the service's own if they are known. `hint` is sent in the header `x-simulator-hint`. It explains what the service's
short message does not.

Fault scripts name an error by its constant, and give values by the names in its message: neither may be renamed.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

from simulator.parity.evidence import Evidence

_T = TypeVar("_T")

_INVALID_REQUEST: Final = "invalid_request_error"
_PERMISSION_DENIED: Final = "permission_denied_error"
_RATE_LIMIT: Final = "rate_limit_error"
_MAX_LENGTH: Final = 1_000  # characters of a value in a message: a body of 25 MB may be one name


class ApiError(Exception):
    """An error response. `simulator.routes.api` renders it."""

    def __init__(self, kind: "ErrorKind", message: str, *, param: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.param = param
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorKind:
    """A row of the catalogue. `message` is a template. `source` says which parts of the row are known, and how."""

    status: int
    code: str
    message: str
    evidence: Evidence
    source: str
    type: str = _INVALID_REQUEST

    def __call__(self, *, param: str | None = None, hint: str | None = None, **values: object) -> ApiError:
        """Return the error. `values` are inserted into the message, truncated if they are very long."""
        param, hint = _truncate(param), _truncate(hint)
        return ApiError(
            self,
            self.message.format(param=param, **{name: _truncate(value) for name, value in values.items()}),
            param=param,
            hint=hint,
        )


def _truncate(value: _T) -> _T | str:
    return f"{value[:_MAX_LENGTH]}..." if isinstance(value, str) and len(value) > _MAX_LENGTH else value


# 400: the request cannot be carried out. Never 409 for "already finished": the OpenAI SDK retries a 409 silently (SDK
# source), so a caller would wait.

UNREADABLE_BODY: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="We could not parse the JSON body of your request: {why}",
    evidence=Evidence.OPENAI,
    source="the code is observed, the wording is from OpenAI",
)
BODY_NOT_AN_OBJECT: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="The JSON body of your request must be an object.",
    evidence=Evidence.INFERRED,
    source="the code is observed, the wording is ours",
)
BROKEN_FORM: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="We could not read the body of your request: {why}",
    evidence=Evidence.INFERRED,
    source="the code is observed, the wording is ours",
)
INVALID_VALUE: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="Invalid '{param}': {why}.",
    evidence=Evidence.INFERRED,
    source="the code is observed, the wording is ours",
)
INVALID_REQUEST: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="Invalid request: {why}.",
    evidence=Evidence.INFERRED,
    source="the code is observed, the wording is ours",
)
INVALID_TOOL_CALLS: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="Invalid tool_calls: {why}",
    evidence=Evidence.OBSERVED,
    source="live response to a replayed call without 'type'; code as for other bad requests",
)
MISSING_PARAMETER: Final = ErrorKind(
    status=400,
    code="missing_required_parameter",
    message="Missing required parameter: '{param}'.",
    evidence=Evidence.OBSERVED,
    source="code and param are observed, the wording is from OpenAI",
)
UNSUPPORTED_PARAMETER: Final = ErrorKind(
    status=400,
    code="unsupported_parameter",
    message="Unsupported parameter: '{param}' is not supported.",
    evidence=Evidence.OBSERVED,
    source="code and param are observed, the wording is from OpenAI",
)
BELOW_MINIMUM: Final = ErrorKind(
    status=400,
    code="integer_below_min_value",
    message="Invalid '{param}': integer below minimum value. Expected a value >= {minimum:g}, but got {got} instead.",
    evidence=Evidence.OBSERVED,
    source="code and param are observed, the wording is from OpenAI",
)
DECIMAL_BELOW_MINIMUM: Final = ErrorKind(
    status=400,
    code="decimal_below_min_value",
    message="Invalid '{param}': decimal below minimum value. Expected a value >= {minimum:g}, but got {got} instead.",
    evidence=Evidence.OPENAI,
    source="OpenAI's message for decimals; the message for integers was observed",
)
WRONG_API: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="The model '{model}' does not support the '{api}' API",
    evidence=Evidence.OBSERVED,
    source="several live responses",
)
NOT_TUNABLE: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="The model '{model}' does not support fine-tuning",
    evidence=Evidence.INFERRED,
    source="AWS documents which models and region support fine-tuning; the wording is ours",
)
NOT_RETOLD: Final = ErrorKind(
    status=400,
    code="rollouts_unavailable",
    message="The rollouts of this job cannot be replayed: {why}.",
    evidence=Evidence.INFERRED,
    source="the simulator's own: Bedrock does not return rollouts",
)
ALREADY_ENDED: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="Fine-tuning job {job} cannot be cancelled: it has ended with status '{status}'",
    evidence=Evidence.INFERRED,
    source="a 400 as at OpenAI; the wording is ours",
)
PROJECT_ARCHIVED: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="Project '{project}' is archived",
    evidence=Evidence.INFERRED,
    source="OpenAI: an archived project cannot be used or updated; the status and the wording are ours",
)
DEFAULT_PROJECT_STAYS: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="The default project cannot be archived",
    evidence=Evidence.INFERRED,
    source="AWS documents that every account has a default project; the wording is ours",
)
TOO_MANY_PROJECTS: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="An account can have at most {most} projects",
    evidence=Evidence.INFERRED,
    source="the number is documented; the status and the wording are ours",
)
TOO_MANY_TAGS: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="A project can have at most {most} tags, this would be {got}",
    evidence=Evidence.INFERRED,
    source="the number is from CloudFormation; the status and the wording are ours",
)
CANNOT_CANCEL: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="Cannot cancel a {what}.",
    evidence=Evidence.OPENAI,
    source="the status and the wording are from OpenAI, the code is as for other bad requests",
)
BAD_CURSOR: Final = ErrorKind(
    status=400,
    code="validation_error",
    message="No element with id '{after}' in this list",
    evidence=Evidence.INFERRED,
    source="ours",
)
FAULTY_SCRIPT: Final = ErrorKind(
    status=400,
    code="invalid_script",
    message="No fault was added: {why}",
    evidence=Evidence.INFERRED,
    source="the simulator's own, for a fault script",
)

# 401 and 403: authentication and authorization.

GARBLED_KEY: Final = ErrorKind(
    status=401,
    code="invalid_api_key",
    type=_PERMISSION_DENIED,
    message="Invalid bearer token",
    evidence=Evidence.OBSERVED,
    source="live response to a token that cannot be read",
)
INVALID_KEY: Final = ErrorKind(
    status=401,
    code="invalid_api_key",
    type=_PERMISSION_DENIED,
    message="The security token included in the request is invalid.",
    evidence=Evidence.OBSERVED,
    source="live response to a readable token that is not valid",
)
MISSING_KEY: Final = ErrorKind(
    status=401,
    code="invalid_api_key",
    type=_PERMISSION_DENIED,
    message="Missing bearer token",
    evidence=Evidence.INFERRED,
    source="status and code as for other keys; the wording is ours",
)
EXPIRED_KEY: Final = ErrorKind(
    status=401,
    code="invalid_api_key",
    type=_PERMISSION_DENIED,
    message="Bearer Token has expired",
    evidence=Evidence.INFERRED,
    source="status and code as for other keys; the wording is from bedrock-runtime",
)
BAD_SIGNATURE: Final = ErrorKind(
    status=401,
    code="invalid_api_key",
    type=_PERMISSION_DENIED,
    message="The request signature we calculated does not match the signature you provided. Check your AWS Secret"
    " Access Key and signing method. Consult the service documentation for details.",
    evidence=Evidence.INFERRED,
    source="status and code as for keys; the wording is common to AWS services",
)
STALE_SIGNATURE: Final = ErrorKind(
    status=401,
    code="invalid_api_key",
    type=_PERMISSION_DENIED,
    message="Signature expired or not yet current: {timestamp} is more than five minutes from the server's time",
    evidence=Evidence.INFERRED,
    source="status and code as for keys; SigV4 allows five minutes; the wording is ours",
)
ACCESS_DENIED: Final = ErrorKind(
    status=403,
    code="access_denied",
    type=_PERMISSION_DENIED,
    message="{reason}",
    evidence=Evidence.OBSERVED,
    source="live response to GET /v1/models",
)
INFERENCE_DENIED: Final = ErrorKind(
    status=401,
    code="access_denied",
    type=_PERMISSION_DENIED,
    message="{reason}",
    evidence=Evidence.OBSERVED,
    source="two live responses to inference: 401, where the control plane answers 403",
)

# 404 and 405: the object or the path does not exist. DOCUMENTED for bedrock-runtime: also if the caller has no access.

MODEL_NOT_FOUND: Final = ErrorKind(
    status=404,
    code="not_found_error",
    message="The model '{model}' does not exist",
    evidence=Evidence.OBSERVED,
    source="the whole live response, including `param: null`",
)
NOT_FOUND: Final = ErrorKind(
    status=404,
    code="not_found_error",
    message="The {noun} '{name}' does not exist",
    evidence=Evidence.OBSERVED,
    source="the fields are observed; the wording is as for models",
)
UNKNOWN_PATH: Final = ErrorKind(
    status=404,
    code="not_found_error",
    message="Invalid URL ({method} {path})",
    evidence=Evidence.INFERRED,
    source="the status is observed, the body is from OpenAI",
)
WRONG_METHOD: Final = ErrorKind(
    status=405,
    code="method_not_allowed",
    message="Not allowed to {method} on {path}",
    evidence=Evidence.INFERRED,
    source="the status is observed, the body is from OpenAI",
)

# 413 and 415: a body that the endpoint does not accept.

FILE_TOO_LARGE: Final = ErrorKind(
    status=413,
    code="request_too_large",
    message="The file is larger than {limit} bytes.",
    evidence=Evidence.INFERRED,
    source="Bedrock publishes no limit; 512 MB is OpenAI's limit",
)
BODY_TOO_LARGE: Final = ErrorKind(
    status=413,
    code="request_too_large",
    message="The body of your request is larger than {limit} bytes.",
    evidence=Evidence.INFERRED,
    source="ours",
)
WRONG_CONTENT_TYPE: Final = ErrorKind(
    status=415,
    code="unsupported_content_type",
    message="Unsupported content type '{given}': this endpoint takes '{wanted}'.",
    evidence=Evidence.INFERRED,
    source="ours",
)

# 429: a quota is exceeded. Only a scripted fault causes it here (simulator/faults). The status is DOCUMENTED ("Quotas
# for the bedrock-mantle endpoint"), the body is not published.

RATE_LIMITED: Final = ErrorKind(
    status=429,
    code="rate_limit_exceeded",
    type=_RATE_LIMIT,
    message="Too many requests, please wait before trying again.",
    evidence=Evidence.INFERRED,
    source="AWS documents the status; code and type are from OpenAI, the wording is from bedrock-runtime",
)
TOO_MANY_TOKENS: Final = ErrorKind(
    status=429,
    code="rate_limit_exceeded",
    type=_RATE_LIMIT,
    message="Too many tokens, please wait before trying again.",
    evidence=Evidence.INFERRED,
    source="AWS documents the status, for more input tokens per minute than the quota; code and type are from OpenAI, "
    "the wording is from bedrock-runtime",
)

# 5xx: never for a mistake of the caller.

INTERNAL_ERROR: Final = ErrorKind(
    status=500,
    code="internal_server_error",
    type="server_error",
    message="The server had an error while processing your request",
    evidence=Evidence.INFERRED,
    source="the code is from a client's test, the wording is from OpenAI",
)
STORAGE_FULL: Final = ErrorKind(
    status=507,
    code="insufficient_storage",
    type="server_error",
    message="The simulator's disk is full",
    evidence=Evidence.INFERRED,
    source="the simulator's own: Bedrock has no such limit",
)

# Only a scripted fault causes these. DOCUMENTED: "Scaling and throughput best practices" has both, for both endpoints.

UNAVAILABLE: Final = ErrorKind(
    status=503,
    code="service_unavailable",
    type="server_error",
    message="Bedrock is unable to process your request.",
    evidence=Evidence.INFERRED,
    source="AWS documents the status, for high demand and not for a quota; the wording is from bedrock-runtime, the "
    "rest is ours",
)
OVERLOADED: Final = ErrorKind(
    status=529,
    code="overloaded_error",
    type="overloaded_error",
    message="Overloaded",
    evidence=Evidence.INFERRED,
    source='AWS documents the status and its name for "some model APIs"; the wording is from Anthropic',
)

CATALOGUE: Final[dict[str, ErrorKind]] = {
    name: kind for name, kind in list(globals().items()) if isinstance(kind, ErrorKind)
}
