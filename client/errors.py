"""What can go wrong, as people meet it.

    ClientError
    ├── Misuse         exit 2    a file, an option or the environment is wrong; nothing was created
    ├── Refused        exit 1    the service, or AWS, answered no
    ├── Unreachable    exit 1    the service did not answer for as long as we were willing to wait
    ├── Incomplete     exit 1    the job succeeded, but something after it did not
    ├── JobFailed      exit 1    the job ended as `failed`; the message is the job's own
    ├── JobCancelled   exit 3    the job ended as `cancelled`
    └── Stopped        exit 130  the user pressed Ctrl-C

Each carries what happened and, where there is one, the next step to take.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from client.addresses import is_loopback


class ClientError(Exception):
    """Something a person should read without a traceback.

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
    """The service, or AWS, answered no."""


class Unreachable(ClientError):  # noqa: N818 - see Misuse
    """The service did not answer for as long as we were willing to wait."""


class Incomplete(ClientError):  # noqa: N818 - see Misuse
    """An answer, or what follows a job, came in part: the job succeeded and its comparison did not, say."""


class JobFailed(ClientError):  # noqa: N818 - see Misuse
    """The job ended as `failed`."""


class JobCancelled(ClientError):  # noqa: N818 - see Misuse
    """The job ended as `cancelled`."""

    exit_code = 3


class Interrupted(ClientError):  # noqa: N818 - see Misuse
    """The user pressed Ctrl-C."""

    exit_code = 130


def to_client_error(error: Exception) -> ClientError | None:
    """The readable form of an SDK's own exception, or None for a bug of ours, which deserves its traceback."""
    if isinstance(error, ClientError):
        return error
    kind = type(error)
    family = kind.__module__.partition(".")[0]
    if family == "openai":
        return _from_openai(error)
    if family in {"botocore", "boto3", "s3transfer"}:
        return _from_aws(error)
    if isinstance(error, OSError) and error.filename is not None:
        return UsageError(f"{error.filename}: {error.strerror}")
    return None


def connection_refused_error(url: str) -> Unreachable:
    """Nobody answers at an address of this machine: there is no simulator, or no longer."""
    parts = urlsplit(url)
    return Unreachable(
        f"Nothing listens at {parts.scheme}://{parts.netloc}.", next_step=f"Start it: rft-sim serve --port {parts.port}"
    )


def _from_openai(error: Exception) -> ClientError:
    status: object = getattr(error, "status_code", None)
    # openai-python puts the whole of `str(error)` together from these; the parts read better.
    body: object = getattr(error, "body", None)
    said = body.get("message") if isinstance(body, dict) else None
    param = body.get("param") if isinstance(body, dict) else None
    text = str(said or error)
    if param:
        text += f" (param: {param})"
    response: object = getattr(error, "response", None)
    hint = getattr(response, "headers", {}).get("x-simulator-hint")
    if status is None:
        return Unreachable(f"The service could not be reached: {text}", next_step=hint)
    if hint is None and status == _UNAUTHORIZED:
        hint = "The key was not accepted: see `rft target` for the one in use and where it came from."
    return ServiceError(f"The service answered {status}: {text}", next_step=hint)


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


def missing_credentials_error(reason: object) -> UsageError:
    """No credentials to ask AWS with."""
    return UsageError(
        f"AWS credentials: {reason}",
        next_step="Log in (for example `aws sso login`) or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    )


def _from_aws(error: Exception) -> ClientError:
    if type(error).__name__ in _CREDENTIAL_ERRORS:
        return missing_credentials_error(error)
    address = getattr(error, "kwargs", {}).get("endpoint_url", "")
    if type(error).__name__ == "EndpointConnectionError" and is_loopback(address):
        return connection_refused_error(address)
    operation = getattr(error, "operation_name", None)
    response = getattr(error, "response", None)
    if operation is None or not isinstance(response, dict):
        return Unreachable(f"AWS could not be reached: {error}")
    said = response.get("Error", {})
    return ServiceError(f"AWS refused {operation}: {said.get('Code')}: {said.get('Message')}")
