"""Lambda's Invoke API: a function from request to answer, and the ASGI app around it.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (DOCUMENTED). moto's own Invoke ignores
`Qualifier` and the size limits, and runs on threads that a function which calls back into moto would wait for
for ever; so this one stands in front of it with its own.
"""

import asyncio
import base64
import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from simulator.http.asgi import Receive, Scope, Send
from simulator.identity.sigv4 import parse_credential_scope
from simulator.lambdas.errors import (
    AccessDenied,
    InvalidParameter,
    InvalidRequestContent,
    InvocationRejected,
    RequestTooLarge,
    Throttled,
)
from simulator.lambdas.function import FunctionSpec
from simulator.lambdas.function_reference import FunctionReference, parse_function_reference
from simulator.lambdas.limits import LOG_TAIL_BYTES, MAX_ASYNC_REQUEST_BYTES, MAX_REQUEST_BYTES, check_configuration
from simulator.lambdas.pool import EnvironmentPool

_PATH = re.compile(r"/2015-03-31/functions/(?P<name>.+)/invocations/?")
_TYPES = ("RequestResponse", "Event", "DryRun")


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeRequest:
    """One call of the Invoke API. `function` is a name or an ARN; `access_key_id` None means unsigned."""

    function: str
    qualifier: str | None
    account: str
    region: str
    access_key_id: str | None
    invocation_type: str = "RequestResponse"
    log_type: str = "None"
    client_context: str | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeResponse:
    """What goes back over HTTP."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class InvokeApp:
    """Answers Invoke. Needs no knowledge of where functions are stored or who may call them: both are passed in."""

    def __init__(
        self,
        *,
        pool: EnvironmentPool,
        find_function: Callable[[FunctionReference], FunctionSpec],
        account_for_access_key: Callable[[str | None], str],
        denial_reason: Callable[[str | None, str], str | None],
        new_request_id: Callable[[], str],
        default_region: str,
        workers: int = 64,
    ) -> None:
        """Make the app; its threads start with the first calls.

        Args:
            pool: Runs the functions.
            find_function: Gives a stored function, or raises `FunctionNotFound` or `FunctionNotActive`.
            account_for_access_key: Gives the account that an access key belongs to.
            denial_reason: Of (access key id, ARN as invoked), gives the reason why that caller may not
                invoke it, or None.
            new_request_id: Gives the id of each request.
            default_region: For callers who do not sign.
            workers: How many invocations may be under way or waiting at once.
        """
        self._pool = pool
        self._find_function = find_function
        self._account_of = account_for_access_key
        self._refusal = denial_reason
        self._new_request_id = new_request_id
        self._default_region = default_region
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="lambda-invoke")

    def handle(self, request: InvokeRequest) -> InvokeResponse:
        """Invoke as asked. What Lambda would refuse is an answer with its status, error name and message."""
        request_id = self._new_request_id()
        try:
            answer = self._answered(request, request_id)
        except InvocationRejected as refused:
            answer = _refused(refused)
        return InvokeResponse(
            status=answer.status,
            headers=(("x-amzn-requestid", request_id), *answer.headers),
            body=answer.body,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request whose path `is_invoke` has recognised."""
        body = await _read_body(receive, at_most=MAX_REQUEST_BYTES + 1)
        answer = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: self.handle(self._read(scope, body))
        )
        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers]
        if answer.status != 204:  # noqa: PLR2004 - HTTP's No Content, which must not carry a length
            headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def close(self) -> None:
        """Wait for the invocations under way, those of type Event included, and end the threads.

        Close the pool first when they shall not be waited for.
        """
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _answered(self, request: InvokeRequest, request_id: str) -> InvokeResponse:
        if request.invocation_type not in _TYPES:
            raise InvalidParameter(
                f"1 validation error detected: Value '{request.invocation_type}' at 'invocationType' failed to satisfy "
                "constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
            )
        reference = parse_function_reference(
            request.function, qualifier=request.qualifier, account=request.account, region=request.region
        )
        spec = self._find_function(reference)
        reason = self._refusal(request.access_key_id, reference.arn)
        if reason is not None:
            raise AccessDenied(reason)
        if (fault := check_configuration(spec)) is not None:
            raise InvalidParameter(fault)
        event = _event(request)
        client_context = _client_context(request.client_context)
        if request.invocation_type == "DryRun":
            return InvokeResponse(status=204, headers=(), body=b"")
        if request.invocation_type == "Event":
            self._threads.submit(self._run_unwatched, spec, event, request_id, reference.arn, client_context)
            return InvokeResponse(status=202, headers=(), body=b"")
        done = self._pool.invoke(
            spec, event, request_id=request_id, invoked_arn=reference.arn, client_context=client_context
        )
        headers = [("content-type", "application/json"), ("x-amz-executed-version", done.executed_version)]
        if done.function_error is not None:
            headers.append(("x-amz-function-error", done.function_error))
        if request.log_type == "Tail":
            tail = done.log.encode()[-LOG_TAIL_BYTES:]
            headers.append(("x-amz-log-result", base64.b64encode(tail).decode()))
        return InvokeResponse(status=200, headers=tuple(headers), body=done.payload)

    def _run_unwatched(
        self, spec: FunctionSpec, event: bytes, request_id: str, arn: str, client_context: str | None
    ) -> None:
        """Run an asynchronous invocation, whose answer nobody sees, once; AWS would try twice more, minutes later."""
        try:
            self._pool.invoke(spec, event, request_id=request_id, invoked_arn=arn, client_context=client_context)
        except InvocationRejected:
            return

    def _read(self, scope: Scope, body: bytes) -> InvokeRequest:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        signed = parse_credential_scope(headers.get("authorization", ""))
        key = signed.access_key_id if signed else None
        named = _PATH.fullmatch(_raw_path(scope))
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        return InvokeRequest(
            function=unquote(named["name"]) if named else "",
            qualifier=query.get("Qualifier", [None])[0],
            account=self._account_of(key),
            region=signed.region if signed else self._default_region,
            access_key_id=key,
            invocation_type=headers.get("x-amz-invocation-type", "RequestResponse"),
            log_type=headers.get("x-amz-log-type", "None"),
            client_context=headers.get("x-amz-client-context"),
            body=body,
        )


def is_invoke_request(scope: Scope) -> bool:
    """Whether this HTTP request is for the Invoke API, whatever the service that it is signed for."""
    return scope["type"] == "http" and scope["method"] == "POST" and bool(_PATH.fullmatch(_raw_path(scope)))


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    return raw.decode("latin-1").partition("?")[0] if raw else scope["path"]


async def _read_body(receive: Receive, *, at_most: int) -> bytes:
    """Read the whole body, and keep no more of it than is needed to see that it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")[: max(0, at_most - len(body))]
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return bytes(body)


def _event(request: InvokeRequest) -> bytes:
    limit = MAX_ASYNC_REQUEST_BYTES if request.invocation_type == "Event" else MAX_REQUEST_BYTES
    if len(request.body) > limit:
        raise RequestTooLarge(size=len(request.body), limit=limit)
    # An empty body is an empty object (DOCUMENTED: "The JSON that you want to provide ... as input" is optional).
    event = request.body or b"{}"
    try:
        json.loads(event)
    except RecursionError as fault:
        raise InvalidRequestContent("Could not parse request body into json: it is nested too deeply") from fault
    except ValueError as fault:
        raise InvalidRequestContent(f"Could not parse request body into json: {fault}") from fault
    return event


def _client_context(header: str | None) -> str | None:
    if header is None:
        return None
    try:
        return base64.b64decode(header, validate=True).decode()
    except ValueError as fault:
        raise InvalidRequestContent("Client context must be a valid Base64-encoded JSON object.") from fault


def _refused(refused: InvocationRejected) -> InvokeResponse:
    fields = {"Type": "User" if refused.status < 500 else "Service", "Message": refused.message}  # noqa: PLR2004 - HTTP's server errors
    if isinstance(refused, Throttled):
        fields["Reason"] = refused.reason
    # Members differ between Lambda's errors: some say `message`, others `Message` (botocore's model of them);
    # both are sent.
    fields["message"] = refused.message
    return InvokeResponse(
        status=refused.status,
        headers=(("content-type", "application/json"), ("x-amzn-errortype", refused.error_type)),
        body=json.dumps(fields).encode(),
    )
