"""Errors that `rft` prints without a traceback.

    ClientError
    ├── UsageError     exit 2    a file, an option or the environment is wrong; nothing was created
    ├── ServiceError   exit 1    the service, or AWS, refused
    ├── Unreachable    exit 1    no usable answer within the time that the retry policy allows
    ├── Incomplete     exit 1    the job succeeded, but a later step did not
    ├── JobFailed      exit 1    the job ended as `failed`; the message is the job's own
    ├── JobCancelled   exit 3    the job ended as `cancelled`
    └── Interrupted    exit 130  the user pressed Ctrl-C

Each has a message, and a next step if there is one.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from client.addresses import is_loopback

_UNAUTHORIZED = 401
_CREDENTIAL_ERRORS = {
    "CredentialRetrievalError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
}


class ClientError(Exception):
    """An error that is printed without a traceback. It is not botocore's exception of the same name.

    Attributes:
        message: what happened and where.
        next_step: what to do about it, or None.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class UsageError(ClientError):
    """A file, an option or the environment is wrong; nothing was created."""

    exit_code = 2


class ServiceError(ClientError):
    """The service, or AWS, refused."""


class Unreachable(ClientError):  # noqa: N818 - the name says what happened
    """No usable answer came within the time that the retry policy allows."""


class Incomplete(ClientError):  # noqa: N818 - see Unreachable
    """A result came only in part, such as a job that succeeded without its comparison."""


class JobFailed(ClientError):  # noqa: N818 - see Unreachable
    """The job ended as `failed`."""


class JobCancelled(ClientError):  # noqa: N818 - see Unreachable
    """The job ended as `cancelled`."""

    exit_code = 3


class Interrupted(ClientError):  # noqa: N818 - see Unreachable
    """The user pressed Ctrl-C."""

    exit_code = 130


def to_client_error(error: Exception) -> ClientError | None:
    """Convert an SDK's or the system's exception, or return None for a bug of ours, which needs its traceback."""
    if isinstance(error, ClientError):
        return error
    package = type(error).__module__.partition(".")[0]
    if package == "openai":
        return _from_openai(error)
    if package in {"botocore", "boto3", "s3transfer"}:
        return _from_aws(error)
    if isinstance(error, OSError) and error.filename is not None:
        return UsageError(f"{error.filename}: {error.strerror}")
    return None


def connection_refused_error(url: str) -> Unreachable:
    """Return the error for a closed port of this machine: no simulator runs there."""
    parts = urlsplit(url)
    return Unreachable(
        f"Nothing listens at {parts.scheme}://{parts.netloc}.", next_step=f"Start it: rft-sim serve --port {parts.port}"
    )


def missing_credentials_error(reason: object) -> UsageError:
    """Return the error for missing AWS credentials."""
    return UsageError(
        f"AWS credentials: {reason}",
        next_step="Log in (for example `aws sso login`) or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    )


def _from_openai(error: Exception) -> ClientError:
    status: object = getattr(error, "status_code", None)
    # `str(error)` of openai-python holds the whole body; its parts read better.
    body: object = getattr(error, "body", None)
    message = body.get("message") if isinstance(body, dict) else None
    param = body.get("param") if isinstance(body, dict) else None
    text = str(message or error)
    if param:
        text += f" (param: {param})"
    response: object = getattr(error, "response", None)
    hint = getattr(response, "headers", {}).get("x-simulator-hint")
    if status is None:
        return Unreachable(f"The service could not be reached: {text}", next_step=hint)
    if hint is None and status == _UNAUTHORIZED:
        hint = "The service rejected the key: `rft target` names the key in use and its source."
    return ServiceError(f"The service answered {status}: {text}", next_step=hint)


def _from_aws(error: Exception) -> ClientError:
    if type(error).__name__ in _CREDENTIAL_ERRORS:
        return missing_credentials_error(error)
    url = getattr(error, "kwargs", {}).get("endpoint_url", "")
    if type(error).__name__ == "EndpointConnectionError" and is_loopback(url):
        return connection_refused_error(url)
    operation = getattr(error, "operation_name", None)
    response = getattr(error, "response", None)
    if operation is None or not isinstance(response, dict):
        return Unreachable(f"AWS could not be reached: {error}")
    details = response.get("Error", {})
    return ServiceError(f"AWS refused {operation}: {details.get('Code')}: {details.get('Message')}")
