"""An ASGI app around all others that records the calls of functions to AWS services."""

from typing import Final

from simulator.http.asgi import App, Message, Receive, Scope, Send, find_header
from simulator.http.aws_services import service_name
from simulator.http.failed_aws_response import describe_failure
from simulator.identity.sigv4 import parse_credential_scope
from simulator.lambdas.service_call_recorder import ServiceCallRecorder

_ERROR: Final = 400


class ServiceCallMiddleware:
    """Passes every request on to an app, and records signed requests that have the trace id of an invocation.

    A call is recorded before its caller receives the response, so the calls of an ended invocation are complete.
    """

    def __init__(self, app: App, *, recorder: ServiceCallRecorder) -> None:
        self._app = app
        self._recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        trace_header = find_header(scope, b"x-amzn-trace-id") if scope["type"] == "http" else ""
        if not trace_header:
            await self._app(scope, receive, send)
            return
        credential = parse_credential_scope(
            find_header(scope, b"authorization"), scope["query_string"].decode("latin-1")
        )
        if credential is None:
            await self._app(scope, receive, send)
            return
        service = service_name(credential.service, method=scope["method"], path=scope["path"])
        call = find_header(scope, b"amz-sdk-invocation-id")
        delayed: list[Message] = []  # an error response until it is complete

        async def record_and_send(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < _ERROR:
                self._recorder.record(trace_header, service=service, call=call, error=None)
            elif delayed or message["type"] == "http.response.start":
                delayed.append(message)
                if message["type"] == "http.response.start" or message.get("more_body", False):
                    return
                self._recorder.record(trace_header, service=service, call=call, error=_describe_failure(delayed))
                for part in delayed:
                    await send(part)
                delayed.clear()
                return
            await send(message)

        await self._app(scope, receive, record_and_send)


def _describe_failure(messages: list[Message]) -> str | None:
    start, *parts = messages
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}
    return describe_failure(start["status"], headers=headers, body=b"".join(part.get("body", b"") for part in parts))
