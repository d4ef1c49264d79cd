"""A reward function that is deployed in a running simulator or at AWS, invoked through Lambda's API."""

import base64
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from simulator.doctor.executors import call_in_daemon_thread
from simulator.doctor.package import LoadError
from simulator.doctor.reward_function import RewardFunction
from simulator.doctor.run_budget import RunBudget
from simulator.http.service_calls import SERVICE_CALLS_HEADER, parse_service_calls
from simulator.lambdas.compiled_modules import (
    IMPORT_ERRORS,
    UNLOADABLE_MODULES_HEADER,
    UnloadableModules,
    parse_unloadable_modules,
)
from simulator.lambdas.errors import (
    AccessDenied,
    CallCutOff,
    FunctionNotFound,
    InvocationRejected,
    RequestTooLarge,
    Throttled,
)
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.interpreters import InterpreterFolders, describe_other_python, nearest_interpreter
from simulator.lambdas.limits import MAX_REQUEST_BYTES, TIMEOUT_RANGE_SECONDS
from simulator.lambdas.system_log import parse_report
from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_lambda import LambdaClient

# The longest time-out of Lambda, and time for the response to arrive.
_READ_SECONDS: Final = TIMEOUT_RANGE_SECONDS[1] + 10
_CONNECT_SECONDS: Final = 5
_ATTEMPTS_AT_AWS: Final = 4  # with botocore's own pauses, because throttling ends

_EXPIRED: Final = ("ExpiredTokenException", "ExpiredToken", "RequestExpired")
_UNKNOWN_CALLER: Final = (
    *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException"),
    *("IncompleteSignature", "MissingAuthenticationTokenException"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedRewardFunction:
    """A function behind Lambda's Invoke API. Its package is not available, and Lambda ends its environments.

    Attributes:
        name: its name or ARN, as the user wrote it.
        location: where it is deployed, in words for messages.
        now: the clock that dates the end of an invocation.
        differences: in which ways it runs in another way than at AWS.
        unloadable_modules: the compiled modules that explain the last failed import, if it is in a simulator.
        budget: the time of the doctor run. A call that exceeds it goes on at Lambda, but the doctor does not wait.
    """

    name: str
    timeout: float
    memory_mb: int
    location: str
    client: "LambdaClient"
    now: Callable[[], float]
    differences: tuple[str, ...] = ()
    unloadable_modules: list[UnloadableModules] = field(default_factory=list)
    budget: RunBudget = field(default_factory=RunBudget, compare=False)

    @property
    def spec(self) -> FunctionSpec | None:
        """None, because it does not run here."""
        return None

    def invoke(self, event: bytes) -> Invocation:
        """Invoke it once, within the budget. Lambda returns only the last 4 KB of the log.

        Raises:
            InvocationRejected: it did not run. The message is Lambda's or a plainer one.
            CallCutOff: it took far longer than earlier calls.
            BudgetUsedUpError: the time of the doctor run is over.
        """
        self.budget.check()
        limit = self.budget.call_limit()
        if limit is None:
            return self._invoke(event)
        try:
            limit = min(limit, self.budget.handler_limit() or limit)
            invocation = call_in_daemon_thread(lambda: self._invoke(event), seconds=limit)
        except TimeoutError:
            raise self.budget.cut_off(CallCutOff(limit)) from None
        self.budget.record_call(invocation.duration_ms / 1e3)
        return invocation

    def _invoke(self, event: bytes) -> Invocation:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to import

        if len(event) > MAX_REQUEST_BYTES:
            raise RequestTooLarge(size=len(event), limit=MAX_REQUEST_BYTES)
        try:
            response = self.client.invoke(
                FunctionName=self.name, InvocationType="RequestResponse", LogType="Tail", Payload=event
            )
            payload = response["Payload"].read()
        except ClientError as error:
            raise _convert_error(error, name=self.name, location=self.location) from None
        except BotoCoreError as error:
            raise InvocationRejected(f"Lambda in {self.location} could not be reached: {error}.") from None
        log = base64.b64decode(response.get("LogResult", "")).decode("utf-8", "replace")
        report = parse_report(log)
        metadata = response["ResponseMetadata"]
        headers = metadata.get("HTTPHeaders", {})
        if modules := parse_unloadable_modules(headers.get(UNLOADABLE_MODULES_HEADER, "")):
            self.unloadable_modules[:] = [modules]
        return Invocation(
            payload=payload,
            function_error=response.get("FunctionError"),
            log_lines=tuple(log.splitlines(keepends=True)),
            log_stream="",
            request_id=metadata.get("RequestId", ""),
            executed_version=response.get("ExecutedVersion", ""),
            duration_ms=report.duration_ms or 0.0,
            init_ms=report.init_ms,
            max_memory_mb=report.max_memory_mb,
            finished_at=self.now(),
            service_calls=parse_service_calls(headers.get(SERVICE_CALLS_HEADER, "[]")),
        )

    def modules_behind_error(self, error_type: str, message: str) -> UnloadableModules | None:  # noqa: ARG002  required
        """Return those that the simulator named with the last failed import. AWS names none."""
        return self.unloadable_modules[-1] if self.unloadable_modules and error_type in IMPORT_ERRORS else None

    def restart(self) -> None:
        """Do nothing, because only a change of the configuration ends the environments."""


@contextmanager
def open_deployed_function(
    name: str,
    *,
    region: str,
    qualifier: str | None,
    simulator: str | None,
    now: Callable[[], float],
    interpreters: InterpreterFolders,
    budget: RunBudget | None = None,
) -> Iterator[RewardFunction]:
    """Provide a deployed function by its name or ARN, from the simulator at a URL, or from AWS if that is None.

    In a simulator it uses the simulator's fixed credentials, and `interpreters` says where this machine's Pythons are.
    At AWS it uses boto3's own, and AWS bills the calls.

    Raises:
        LoadError: there is no such function, the caller may not read it, or it is not active.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to import

    location = "AWS" if simulator is None else f"the simulator at {simulator}"
    try:
        client = _create_client(region=region, simulator=simulator)
    except BotoCoreError as error:
        raise LoadError(f"boto3 cannot be set up for {location}: {error}.") from None
    with closing(client):
        try:
            if qualifier:  # separate, because moto ignores a qualifier in the ARN
                unqualified = name.removesuffix(f":{qualifier}")
                configuration = client.get_function_configuration(FunctionName=unqualified, Qualifier=qualifier)
            else:
                configuration = client.get_function_configuration(FunctionName=name)
        except ClientError as error:
            raise LoadError(_convert_error(error, name=name, location=location).message) from None
        except BotoCoreError as error:
            raise LoadError(f"Lambda in {location} did not return {name}: {error}.") from None
        state = configuration.get("State", "Active")
        if state != "Active":
            reason = configuration.get("StateReason", "wait until it is")
            raise LoadError(f"{name} in {location} is {state}, not Active: {reason}.")
        yield DeployedRewardFunction(
            name=name,
            timeout=configuration["Timeout"],
            memory_mb=configuration["MemorySize"],
            location=location,
            client=client,
            now=now,
            differences=_describe_differences(configuration.get("Runtime", ""), interpreters) if simulator else (),
            budget=budget or RunBudget(),
        )


def _describe_differences(runtime: str, interpreters: InterpreterFolders) -> tuple[str, ...]:
    """Return whether a simulator on this machine runs a Runtime on another Python."""
    text = describe_other_python(runtime, nearest_interpreter(runtime, interpreters))
    return (text,) if text else ()


def _create_client(*, region: str, simulator: str | None) -> "LambdaClient":
    import boto3  # noqa: PLC0415 - slow to import
    from botocore.config import Config  # noqa: PLC0415 - as above

    options: dict[str, Any] = {  # the stubs lack some of botocore's options
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "tcp_keepalive": True,
    }
    if simulator is None:
        # A variable with another endpoint is meant for simulators, and this client is for AWS.
        options |= {
            "ignore_configured_endpoint_urls": True,
            "retries": {"mode": "standard", "total_max_attempts": _ATTEMPTS_AT_AWS},
        }
        return boto3.Session(region_name=region).client("lambda", config=Config(**options))
    session = boto3.Session(
        region_name=region, aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY
    )
    options |= {"proxies": {}, "retries": {"total_max_attempts": 1}}  # on this machine, so without a proxy
    return session.client("lambda", endpoint_url=simulator, config=Config(**options))


def _convert_error(error: "ClientError", *, name: str, location: str) -> InvocationRejected:
    """Return the error of this project for an error of Lambda, with what to do."""
    details = error.response.get("Error", {})
    code, message = details.get("Code", ""), details.get("Message", "") or str(error)
    match code:
        case "ResourceNotFoundException":
            return FunctionNotFound(f"{name} in {location}. Deploy it, or check the name, the region and the account.")
        case "TooManyRequestsException":
            return Throttled(reason=str(error.response.get("Reason", message)))
        case "RequestEntityTooLargeException":
            return InvocationRejected(message)
        case _ if code in _EXPIRED:
            return AccessDenied(f"the AWS credentials have expired: sign in again ({message}).")
        case _ if code in _UNKNOWN_CALLER:
            return AccessDenied(f"{location} rejects the AWS credentials ({code}: {message}).")
        case _ if code.startswith("AccessDenied"):
            return AccessDenied(
                f"not permitted on {name}: {message} The caller needs lambda:InvokeFunction and "
                "lambda:GetFunctionConfiguration."
            )
    return InvocationRejected(f"{code}: {message}")
