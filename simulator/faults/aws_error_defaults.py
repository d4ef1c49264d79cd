"""The usual status and message of AWS error codes, for faults that do not set them."""

from typing import Final

# From "Common errors" in the AWS API references, and from the error lists of the services.
_DEFAULTS: Final = {
    "ExpiredToken": (403, "The security token included in the request is expired"),
    "ExpiredTokenException": (403, "The security token included in the request is expired"),
    "InternalFailure": (500, "The request processing has failed because of an unknown error, exception or failure."),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server."),
    "SlowDown": (503, "Please reduce your request rate."),
    "Throttling": (400, "Rate exceeded"),
    "ThrottlingException": (400, "Rate exceeded"),
    "TooManyRequestsException": (429, "Rate Exceeded."),
}
_OTHER_CODES: Final = (400, "Scripted fault")


def default_status_and_message(code: str) -> tuple[int, str]:
    """Return the HTTP status and the message of an AWS error code."""
    return _DEFAULTS.get(code, _OTHER_CODES)
