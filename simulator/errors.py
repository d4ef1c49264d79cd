"""Every error that leaves the simulator, in one tree.

    ApiError
    ├── InvalidRequestError        400  validation_error
    │   ├── MissingParameterError       missing_required_parameter
    │   ├── UnsupportedParameterError   unsupported_parameter
    │   └── BelowMinimumError           integer_below_min_value
    ├── BadKeyError                401  invalid_api_key
    ├── NotFoundError              404  not_found_error
    │   └── UnknownPathError       404
    ├── WrongMethodError           405
    ├── TooLargeError              413
    ├── WrongContentTypeError      415
    └── InternalError              500  internal_server_error

The envelope is `{"error": {"code", "message", "param", "type"}}`, keys in alphabetical order (OBSERVED). Messages are
the service's own where one is known; each says where it comes from. `hint` goes out as the header `x-simulator-hint`
and says in plain words what the real, terse body does not.
"""

from typing import ClassVar


class ApiError(Exception):
    """An answer other than the one asked for; rendered in one place, by the app's error handler."""

    status: ClassVar[int]
    code: ClassVar[str]
    type: ClassVar[str] = "invalid_request_error"

    def __init__(self, message: str, *, param: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.hint = hint


class InvalidRequestError(ApiError):
    """A request that cannot be carried out as it stands.

    400 and never 409 for "already finished": the OpenAI SDK retries 409 in silence (SDK source), so a caller would
    wait.
    """

    status = 400
    code = "validation_error"  # OBSERVED

    @classmethod
    def not_tunable(cls, model: str, region: str, tunable: tuple[str, ...]) -> "InvalidRequestError":
        """A model that exists but cannot be fine-tuned. Text INFERRED."""
        return cls(
            f"The model '{model}' does not support fine-tuning",
            param="model",
            hint=f"reinforcement fine-tuning in {region} takes: {', '.join(tunable) or 'no model at all'}",
        )

    @classmethod
    def already_ended(cls, job: str, status: str) -> "InvalidRequestError":
        """A cancel that came too late. INFERRED: status and text."""
        return cls(f"Fine-tuning job {job} cannot be cancelled: it has ended with status '{status}'")

    @classmethod
    def bad_cursor(cls, after: str) -> "InvalidRequestError":
        """A listing asked to go on from what it does not hold. INFERRED."""
        return cls(
            f"No element with id '{after}' in this list",
            param="after",
            hint="pass the id of the last element you were given",
        )


class MissingParameterError(InvalidRequestError):
    """A required field is absent. Code OBSERVED, text INFERRED."""

    code = "missing_required_parameter"

    def __init__(self, param: str, *, hint: str | None = None) -> None:
        super().__init__(f"Missing required parameter: '{param}'.", param=param, hint=hint)


class UnsupportedParameterError(InvalidRequestError):
    """A field that the API does not take. Code OBSERVED, text INFERRED."""

    code = "unsupported_parameter"

    def __init__(self, param: str, *, hint: str | None = None) -> None:
        super().__init__(f"Unsupported parameter: '{param}' is not supported.", param=param, hint=hint)


class BelowMinimumError(InvalidRequestError):
    """A number below its minimum. Code OBSERVED, text OPENAI."""

    code = "integer_below_min_value"

    def __init__(self, param: str, *, minimum: float, got: object) -> None:
        super().__init__(
            f"Invalid '{param}': integer below minimum value. Expected a value >= {minimum:g}, but got {got} instead.",
            param=param,
        )


class BadKeyError(ApiError):
    """A bearer key that is not one, or not one any more. Status, code, type and the first two texts OBSERVED."""

    status = 401
    code = "invalid_api_key"
    type = "permission_denied_error"

    @classmethod
    def garbled(cls, why: str) -> "BadKeyError":
        """A token that cannot be read. OBSERVED."""
        return cls("Invalid bearer token", hint=why)

    @classmethod
    def invalid(cls, why: str) -> "BadKeyError":
        """A readable token that is not valid here. OBSERVED."""
        return cls("The security token included in the request is invalid.", hint=why)

    @classmethod
    def missing(cls) -> "BadKeyError":
        """No token at all. INFERRED."""
        return cls(
            "Missing bearer token",
            hint="send 'Authorization: Bearer <Bedrock API key>'; 'rft-sim env' prints one for this server",
        )

    @classmethod
    def expired(cls, why: str) -> "BadKeyError":
        """A short-term key past its time. INFERRED here; the wording is bedrock-runtime's."""
        return cls("Bearer Token has expired", hint=why)


class NotFoundError(ApiError):
    """Something that does not exist, or not for this caller: the answer is the same (DOCUMENTED of runtime)."""

    status = 404
    code = "not_found_error"  # OBSERVED

    @classmethod
    def model(cls, model: str, *, hint: str | None = None) -> "NotFoundError":
        """No such model. OBSERVED verbatim, `param` null included."""
        return cls(f"The model '{model}' does not exist", hint=hint)

    @classmethod
    def thing(cls, noun: str, name: str) -> "NotFoundError":
        """No such file, job or other object. Shape OBSERVED, text INFERRED."""
        return cls(f"The {noun} '{name}' does not exist")


class UnknownPathError(NotFoundError):
    """No such route. Status OBSERVED; the body is INFERRED."""

    def __init__(self, method: str, path: str, *, hint: str | None = None) -> None:
        super().__init__(f"Invalid URL ({method} {path})", hint=hint)


class WrongMethodError(ApiError):
    """The route exists for other methods. Status OBSERVED; the body is INFERRED."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"Not allowed to {method} on {path}")


class TooLargeError(ApiError):
    """More bytes than the endpoint takes. INFERRED: Bedrock publishes no limit; the default is OpenAI's 512 MB."""

    status = 413
    code = "request_too_large"


class WrongContentTypeError(ApiError):
    """A body in a form that the endpoint does not read. INFERRED."""

    status = 415
    code = "unsupported_content_type"


class InternalError(ApiError):
    """A fault of the simulator's own; please report it. Code INFERRED."""

    status = 500
    code = "internal_server_error"
    type = "server_error"

    def __init__(self, hint: str) -> None:
        super().__init__("The server had an error while processing your request", hint=hint)
