"""Which failures of an API call a retry may cure, and the delay that the service requests."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from client.errors import ServiceError

_REQUEST_TIMEOUT = 408
_TOO_MANY_REQUESTS = 429
_FIRST_SERVER_ERROR = 500


def transient_reason(error: Exception) -> str | None:
    """Return a short reason, for messages, if a retry may cure `error`; None if not."""
    import openai  # noqa: PLC0415 - 0.8 s to load, and already loaded if the SDK has raised an error

    if isinstance(error, openai.APITimeoutError):
        return "no answer in time"
    if isinstance(error, openai.APIConnectionError):
        return f"no connection ({error.__cause__ or error})"
    if not isinstance(error, openai.APIStatusError):
        return None
    # The SDK follows the same header.
    if error.response.headers.get("x-should-retry") == "false":
        return None
    status = error.status_code
    if status == _TOO_MANY_REQUESTS:
        return "the service asks to slow down (429)"
    if status == _REQUEST_TIMEOUT or status >= _FIRST_SERVER_ERROR:
        return f"the service answered {status}"
    return None


def is_connection_refused(error: BaseException | None) -> bool:
    """True when a closed port is the cause of `error`."""
    while error is not None:
        if isinstance(error, ConnectionRefusedError):
            return True
        error = error.__cause__ or error.__context__
    return False


def had_no_effect(error: Exception) -> bool:
    """True when the failed call certainly had no effect: the service throttled it."""
    return getattr(error, "status_code", None) == _TOO_MANY_REQUESTS


def may_have_taken_effect(error: Exception) -> bool:
    """True when the failed call may have had its effect: no complete answer came, or a server error."""
    import openai  # noqa: PLC0415 - see transient_reason()

    if isinstance(error, openai.APIStatusError):
        return error.status_code == _REQUEST_TIMEOUT or error.status_code >= _FIRST_SERVER_ERROR
    # A ServiceError means that an answer came and could not be parsed.
    return isinstance(error, openai.APIConnectionError | ServiceError)


def retry_after_seconds(error: Exception) -> float | None:
    """Return the seconds in the answer's Retry-After header, or None.

    The header is a number of seconds or a date (RFC 9110, 10.2.3). A date is compared with the answer's own Date, so
    that a wrong local clock does not matter.
    """
    response = getattr(error, "response", None)
    headers = getattr(response, "headers", {})
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        retry_at, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (retry_at - now).total_seconds())
    except (TypeError, ValueError):
        return None
