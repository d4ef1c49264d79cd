"""A reward function that is deployed already, in a running simulator or at AWS, asked by Lambda's own API."""

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from simulator.doctor.package import LoadError
from simulator.doctor.reward_function import RewardFunction
from simulator.lambdas.errors import AccessDenied, FunctionNotFound, InvocationRejected, RequestTooLarge, Throttled
from simulator.lambdas.function import FunctionSpec, Invocation
from simulator.lambdas.limits import MAX_REQUEST_BYTES, TIMEOUT_RANGE_SECONDS
from simulator.settings import ACCESS_KEY_ID, SECRET_ACCESS_KEY

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_lambda import LambdaClient

# A function may run for as long as Lambda lets it, and then the answer still has to come.
_READ_SECONDS: Final = TIMEOUT_RANGE_SECONDS[1] + 10
_CONNECT_SECONDS: Final = 5
_ATTEMPTS_AT_AWS: Final = 4  # with botocore's own pauses between them: throttling passes

_FIGURE: Final = r"([0-9.]+)"
_DURATION: Final = re.compile(rf"\tDuration: {_FIGURE} ms")
_INIT: Final = re.compile(rf"\tInit Duration: {_FIGURE} ms")
_MEMORY: Final = re.compile(rf"\tMax Memory Used: {_FIGURE} MB")

_EXPIRED: Final = ("ExpiredTokenException", "ExpiredToken", "RequestExpired")
_UNKNOWN_CALLER: Final = (
    *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException"),
    *("IncompleteSignature", "MissingAuthenticationTokenException"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedRewardFunction:
    """A function behind Lambda's Invoke API. Its package is not at hand, and its environments end when they will.

    Attributes:
        name: its name or ARN, as it was given.
        location: what messages call the place it is deployed in.
        now: the clock that an invocation's end is told by.
    """

    name: str
    timeout: float
    memory_mb: int
    location: str
    client: "LambdaClient"
    now: Callable[[], float]

    @property
    def spec(self) -> FunctionSpec | None:
        """None: it is not run here."""
        return None

    def invoke(self, event: bytes) -> Invocation:
        """Run it once; its log is the last 4 KB, which is all that Lambda returns.

        Raises:
            NotInvoked: it was not run, with Lambda's words or plainer ones.
        """
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to import

        if len(event) > MAX_REQUEST_BYTES:
            raise RequestTooLarge(size=len(event), limit=MAX_REQUEST_BYTES)
        try:
            answer = self.client.invoke(
                FunctionName=self.name, InvocationType="RequestResponse", LogType="Tail", Payload=event
            )
            payload = answer["Payload"].read()
        except ClientError as error:
            raise _error_from(error, name=self.name, where=self.location) from None
        except BotoCoreError as error:
            raise InvocationRejected(f"Lambda in {self.location} could not be reached: {error}.") from None
        log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
        return Invocation(
            payload=payload,
            function_error=answer.get("FunctionError"),
            log_lines=tuple(log.splitlines(keepends=True)),
            log_stream="",
            request_id=answer["ResponseMetadata"].get("RequestId", ""),
            executed_version=answer.get("ExecutedVersion", ""),
            duration_ms=_parse_number(_DURATION, log) or 0.0,
            init_ms=_parse_number(_INIT, log),
            max_memory_mb=int(_parse_number(_MEMORY, log) or 0),
            finished_at=self.now(),
        )

    def restart(self) -> None:
        """Do nothing: only a change of the function's configuration would end its environments."""


@contextmanager
def open_deployed_function(
    name: str, *, region: str, qualifier: str | None, simulator: str | None, now: Callable[[], float]
) -> Iterator[RewardFunction]:
    """Give a function, by its name or ARN, that is deployed in the simulator at a URL, or at AWS when there is none.

    In a simulator the session's own credentials are used; at AWS those of boto3's chain, and the calls are billed.

    Raises:
        AdmissionError: there is no such function, the caller may not look at it, or it is not ready.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to import

    where = "AWS" if simulator is None else f"the simulator at {simulator}"
    try:
        client = _client(region=region, simulator=simulator)
    except BotoCoreError as error:
        raise LoadError(f"boto3 cannot be set up for {where}: {error}.") from None
    with closing(client):
        try:
            if qualifier:  # told apart, as moto does not look for one in the ARN
                unqualified = name.removesuffix(f":{qualifier}")
                found = client.get_function_configuration(FunctionName=unqualified, Qualifier=qualifier)
            else:
                found = client.get_function_configuration(FunctionName=name)
        except ClientError as error:
            raise LoadError(_error_from(error, name=name, where=where).message) from None
        except BotoCoreError as error:
            raise LoadError(f"Lambda could not be asked for {name} in {where}: {error}.") from None
        state = found.get("State", "Active")
        if state != "Active":
            reason = found.get("StateReason", "wait until it is")
            raise LoadError(f"{name} is {state} in {where}, and not Active: {reason}.")
        yield DeployedRewardFunction(
            name=name,
            timeout=found["Timeout"],
            memory_mb=found["MemorySize"],
            location=where,
            client=client,
            now=now,
        )


def _client(*, region: str, simulator: str | None) -> "LambdaClient":
    import boto3  # noqa: PLC0415 - slow to import
    from botocore.config import Config  # noqa: PLC0415 - as above

    options: dict[str, Any] = {  # the stubs do not know all of botocore's options
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "tcp_keepalive": True,
    }
    if simulator is None:
        # A variable that points the SDK elsewhere is for simulators, and this was to be AWS.
        options |= {
            "ignore_configured_endpoint_urls": True,
            "retries": {"mode": "standard", "total_max_attempts": _ATTEMPTS_AT_AWS},
        }
        return boto3.Session(region_name=region).client("lambda", config=Config(**options))
    session = boto3.Session(
        region_name=region, aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY
    )
    options |= {"proxies": {}, "retries": {"total_max_attempts": 1}}  # on this machine, so by way of no proxy
    return session.client("lambda", endpoint_url=simulator, config=Config(**options))


def _error_from(error: "ClientError", *, name: str, where: str) -> InvocationRejected:
    """Read Lambda's refusal as what it means for somebody who wants this function examined."""
    said = error.response.get("Error", {})
    code, message = said.get("Code", ""), said.get("Message", "") or str(error)
    match code:
        case "ResourceNotFoundException":
            return FunctionNotFound(f"{name} in {where}. Deploy it, or look at the name, the region and the account.")
        case "TooManyRequestsException":
            return Throttled(reason=str(error.response.get("Reason", message)))
        case "RequestEntityTooLargeException":
            return InvocationRejected(message)
        case _ if code in _EXPIRED:
            return AccessDenied(f"the AWS credentials have expired: sign in again ({message}).")
        case _ if code in _UNKNOWN_CALLER:
            return AccessDenied(f"{where} does not know the AWS credentials ({code}: {message}).")
        case _ if code.startswith("AccessDenied"):
            return AccessDenied(
                f"not permitted on {name}: {message} The caller needs lambda:InvokeFunction and "
                "lambda:GetFunctionConfiguration."
            )
    return InvocationRejected(f"{code}: {message}")


def _parse_number(pattern: re.Pattern[str], log: str) -> float | None:
    found = pattern.search(log)
    return float(found[1]) if found else None
