"""The errors of invocations that are rejected. Errors of a function itself are in `Invocation.function_error`.

```
InvocationRejected
├── FunctionNotFound        404 ResourceNotFoundException
├── FunctionNotActive       409 ResourceConflictException
├── AccessDenied            403 AccessDeniedException
├── InvalidParameter        400 InvalidParameterValueException
│   └── UnsupportedPackage   the same, of a container image
├── InvalidRequestContent   400 InvalidRequestContentException
├── RequestTooLarge         413 RequestEntityTooLargeException
├── Throttled               429 TooManyRequestsException, with a Reason
├── InvalidZipFile          502 InvalidZipFileException
├── EnvironmentNotStarted   500 ServiceException
├── CallCutOff              no answer of the service: the caller's own limit ended the call
└── PoolClosed              503 ServiceException
```

Status and names: the Errors section of Lambda's Invoke API reference (DOCUMENTED); 413's name as the service
sends it (OBSERVED).
"""

from typing import ClassVar


class InvocationRejected(Exception):  # noqa: N818 - named after the service's own exceptions
    """The function was not run. The message is the service's; the class gives the status and the error's name."""

    status: ClassVar[int] = 500
    error_type: ClassVar[str] = "ServiceException"

    @property
    def message(self) -> str:
        """The service's error message."""
        return str(self)


class FunctionNotFound(InvocationRejected):
    """No such function, version or alias in this account and region."""

    status = 404
    error_type = "ResourceNotFoundException"

    def __init__(self, arn: str) -> None:
        super().__init__(f"Function not found: {arn}")


class FunctionNotActive(InvocationRejected):
    """The function exists but is not ready."""

    status = 409
    error_type = "ResourceConflictException"

    def __init__(self, state: str) -> None:
        super().__init__(
            f"The operation cannot be performed at this time. The function is currently in the following state: {state}"
        )


class AccessDenied(InvocationRejected):
    """The caller's policies do not allow lambda:InvokeFunction."""

    status = 403
    error_type = "AccessDeniedException"


class InvalidParameter(InvocationRejected):
    """Lambda rejects a parameter of the call or the stored configuration."""

    status = 400
    error_type = "InvalidParameterValueException"


class UnsupportedPackage(InvalidParameter):
    """The function is a container image. The simulator, unlike Lambda, runs zips only."""

    def __init__(self, arn: str) -> None:
        super().__init__(f"{arn} is a container image; the simulator runs zips only. Deploy it with PackageType Zip.")


class InvalidRequestContent(InvocationRejected):
    """The event is not JSON."""

    status = 400
    error_type = "InvalidRequestContentException"


class RequestTooLarge(InvocationRejected):
    """The event exceeds Lambda's limit."""

    status = 413
    error_type = "RequestEntityTooLargeException"

    def __init__(self, *, size: int, limit: int) -> None:
        super().__init__(f"Request must be smaller than {limit} bytes for the InvokeFunction operation")
        self.size = size
        self.limit = limit


class Throttled(InvocationRejected):
    """The function's concurrency is in use."""

    status = 429
    error_type = "TooManyRequestsException"
    RESERVED_CONCURRENCY: ClassVar[str] = "ReservedFunctionConcurrentInvocationLimitExceeded"

    def __init__(self, *, reason: str) -> None:
        super().__init__("Rate Exceeded.")
        self.reason = reason


class InvalidZipFile(InvocationRejected):
    """The deployment package, or a layer, cannot be unpacked."""

    status = 502
    error_type = "InvalidZipFileException"

    def __init__(self, detail: str) -> None:
        super().__init__(f"Lambda could not unzip the deployment package. {detail}")
        self.detail = detail


class EnvironmentNotStarted(InvocationRejected):
    """This machine could not start the function's environment."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"The execution environment could not be started: {error.strerror or error}.")


class CallCutOff(InvocationRejected):
    """The caller's own limit ended the call. The function's time-out had not passed."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The call was cut off after {seconds:.3g} s.")
        self.seconds = seconds


class PoolClosed(InvocationRejected):
    """The simulator is shutting down."""

    status = 503
    error_type = "ServiceException"

    def __init__(self) -> None:
        super().__init__("The simulator is shutting down and runs no more functions.")
