"""Lambda's Invoke API as a function from request to response, and an ASGI app for it.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (DOCUMENTED). moto's Invoke is not used: it ignores
`Qualifier` and the size limits, and a function that calls back into moto would deadlock on its threads.
"""

import asyncio
import base64
import json
import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from simulator.http.asgi import Receive, Scope, Send
from simulator.http.service_calls import SERVICE_CALLS_HEADER, dump_service_calls
from simulator.identity.sigv4 import parse_credential_scope
from simulator.lambdas.compiled_modules import (
    UNLOADABLE_MODULES_HEADER,
    describe_differences,
    dump_unloadable_modules,
    find_modules_behind_error,
)
from simulator.lambdas.configuration import check_configuration
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
from simulator.lambdas.interpreters import Interpreter, nearest_interpreter
from simulator.lambdas.limits import LOG_TAIL_BYTES, MAX_ASYNC_REQUEST_BYTES, MAX_REQUEST_BYTES
from simulator.lambdas.pool import EnvironmentPool

_log = logging.getLogger("simulator.lambdas.pool")  # where earlier versions logged these warnings

_INVOKE_PATH = re.compile(r"/2015-03-31/functions/(?P<name>.+)/invocations/?")
_INVOCATION_TYPES = ("RequestResponse", "Event", "DryRun")


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
    """An HTTP response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class InvokeApp:
    """Serves Invoke. The look-up of functions and the permission check are passed in."""

    def __init__(
        self,
        *,
        pool: EnvironmentPool,
        find_function: Callable[[FunctionReference], FunctionSpec],
        account_for_access_key: Callable[[str | None], str],
        denial_reason: Callable[[str | None, str], str | None],
        new_request_id: Callable[[], str],
        default_region: str,
        interpreter_for: Callable[[str], Interpreter] = nearest_interpreter,
        workers: int = 64,
    ) -> None:
        """Create the app; its threads start with the first calls.

        Args:
            pool: Runs the functions.
            find_function: Returns a stored function, or raises `FunctionNotFound` or `FunctionNotActive`.
            account_for_access_key: Returns the account of an access key.
            denial_reason: Takes an access key id and the ARN as invoked; returns why the caller may not invoke it, or
                None.
            new_request_id: Returns the id of a request.
            default_region: The region of unsigned requests.
            interpreter_for: Returns the interpreter that the pool uses for a Runtime.
            workers: The limit of concurrent invocations, running or waiting.
        """
        self._pool = pool
        self._find_function = find_function
        self._account_for_access_key = account_for_access_key
        self._denial_reason = denial_reason
        self._new_request_id = new_request_id
        self._default_region = default_region
        self._interpreter_for = interpreter_for
        self._reported_functions: set[tuple[str, str, str]] = set()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="lambda-invoke")

    def handle(self, request: InvokeRequest) -> InvokeResponse:
        """Serve a request. A request that Lambda rejects gets its status, error name and message."""
        request_id = self._new_request_id()
        try:
            response = self._invoke(request, request_id)
        except InvocationRejected as rejection:
            response = _error_response(rejection)
        return InvokeResponse(
            status=response.status,
            headers=(("x-amzn-requestid", request_id), *response.headers),
            body=response.body,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request for which `is_invoke_request` is true."""
        body = await _read_body(receive, at_most=MAX_REQUEST_BYTES + 1)
        response = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: self.handle(self._parse_request(scope, body))
        )
        headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in response.headers]
        if response.status != 204:  # noqa: PLR2004 - No Content must not have a length
            headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    def close(self) -> None:
        """Wait for the running invocations, those of type Event included, and stop the threads.

        Close the pool first to interrupt them.
        """
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _invoke(self, request: InvokeRequest, request_id: str) -> InvokeResponse:
        if request.invocation_type not in _INVOCATION_TYPES:
            raise InvalidParameter(
                f"1 validation error detected: Value '{request.invocation_type}' at 'invocationType' failed to satisfy "
                "constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
            )
        reference = parse_function_reference(
            request.function, qualifier=request.qualifier, account=request.account, region=request.region
        )
        spec = self._find_function(reference)
        reason = self._denial_reason(request.access_key_id, reference.arn)
        if reason is not None:
            raise AccessDenied(reason)
        if (error := check_configuration(spec)) is not None:
            raise InvalidParameter(error)
        event = _parse_event(request)
        client_context = _decode_client_context(request.client_context)
        if request.invocation_type == "DryRun":
            return InvokeResponse(status=204, headers=(), body=b"")
        self._warn_of_differences(spec)
        if request.invocation_type == "Event":
            self._threads.submit(self._run_async, spec, event, request_id, reference.arn, client_context)
            return InvokeResponse(status=202, headers=(), body=b"")
        invocation = self._pool.invoke(
            spec, event, request_id=request_id, invoked_arn=reference.arn, client_context=client_context
        )
        headers = [("content-type", "application/json"), ("x-amz-executed-version", invocation.executed_version)]
        if invocation.function_error is not None:
            headers.append(("x-amz-function-error", invocation.function_error))
            headers.extend(self._unloadable_modules_header(spec, invocation.payload))
        if invocation.service_calls:
            headers.append((SERVICE_CALLS_HEADER, dump_service_calls(invocation.service_calls)))
        if request.log_type == "Tail":
            tail = invocation.log.encode()[-LOG_TAIL_BYTES:]
            headers.append(("x-amz-log-result", base64.b64encode(tail).decode()))
        return InvokeResponse(status=200, headers=tuple(headers), body=invocation.payload)

    def _warn_of_differences(self, spec: FunctionSpec) -> None:
        """Log once for each package in which ways it runs here in another way than at AWS. A job has events for it."""
        key = (spec.arn, spec.runtime, spec.code_sha256)
        if key in self._reported_functions:
            return
        self._reported_functions.add(key)
        for text in describe_differences(spec, self._interpreter_for(spec.runtime)):
            _log.warning("%s: %s", spec.arn, text)

    def _unloadable_modules_header(self, spec: FunctionSpec, payload: bytes) -> Iterator[tuple[str, str]]:
        try:
            error = json.loads(payload)
            error_type, message = str(error["errorType"]), str(error["errorMessage"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        modules = find_modules_behind_error(
            spec, self._interpreter_for(spec.runtime), error_type=error_type, message=message
        )
        if modules:
            yield UNLOADABLE_MODULES_HEADER, dump_unloadable_modules(modules)

    def _run_async(
        self, spec: FunctionSpec, event: bytes, request_id: str, arn: str, client_context: str | None
    ) -> None:
        """Run an asynchronous invocation once and drop its result. AWS would retry an error twice, minutes later."""
        try:
            self._pool.invoke(spec, event, request_id=request_id, invoked_arn=arn, client_context=client_context)
        except InvocationRejected:
            return

    def _parse_request(self, scope: Scope, body: bytes) -> InvokeRequest:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        signature_scope = parse_credential_scope(headers.get("authorization", ""))
        key = signature_scope.access_key_id if signature_scope else None
        match = _INVOKE_PATH.fullmatch(_encoded_path(scope))
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        return InvokeRequest(
            function=unquote(match["name"]) if match else "",
            qualifier=query.get("Qualifier", [None])[0],
            account=self._account_for_access_key(key),
            region=signature_scope.region if signature_scope else self._default_region,
            access_key_id=key,
            invocation_type=headers.get("x-amz-invocation-type", "RequestResponse"),
            log_type=headers.get("x-amz-log-type", "None"),
            client_context=headers.get("x-amz-client-context"),
            body=body,
        )


def is_invoke_request(scope: Scope) -> bool:
    """Whether this HTTP request is for the Invoke API. The signature is not checked."""
    return scope["type"] == "http" and scope["method"] == "POST" and bool(_INVOKE_PATH.fullmatch(_encoded_path(scope)))


def _encoded_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    return raw.decode("latin-1").partition("?")[0] if raw else scope["path"]


async def _read_body(receive: Receive, *, at_most: int) -> bytes:
    """Read the whole body, but keep at most `at_most` bytes of it, enough to detect that it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")[: max(0, at_most - len(body))]
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return bytes(body)


def _parse_event(request: InvokeRequest) -> bytes:
    limit = MAX_ASYNC_REQUEST_BYTES if request.invocation_type == "Event" else MAX_REQUEST_BYTES
    if len(request.body) > limit:
        raise RequestTooLarge(size=len(request.body), limit=limit)
    # An empty body is an empty object (DOCUMENTED: "The JSON that you want to provide ... as input" is optional).
    event = request.body or b"{}"
    try:
        json.loads(event)
    except RecursionError as error:
        raise InvalidRequestContent("Could not parse request body into json: it is nested too deeply") from error
    except ValueError as error:
        raise InvalidRequestContent(f"Could not parse request body into json: {error}") from error
    return event


def _decode_client_context(header: str | None) -> str | None:
    if header is None:
        return None
    try:
        return base64.b64decode(header, validate=True).decode()
    except ValueError as error:
        raise InvalidRequestContent("Client context must be a valid Base64-encoded JSON object.") from error


def _error_response(rejection: InvocationRejected) -> InvokeResponse:
    fields = {"Type": "User" if rejection.status < 500 else "Service", "Message": rejection.message}  # noqa: PLR2004 - HTTP's server errors
    if isinstance(rejection, Throttled):
        fields["Reason"] = rejection.reason
    # In botocore's model some of Lambda's errors have `message` and others `Message`; both are sent.
    fields["message"] = rejection.message
    return InvokeResponse(
        status=rejection.status,
        headers=(("content-type", "application/json"), ("x-amzn-errortype", rejection.error_type)),
        body=json.dumps(fields).encode(),
    )
