"""The ASGI middleware that applies request faults. The app behind it does not know them.

Each fault that applies to a request becomes a layer around the app; the first fault is the outermost layer. Delays
therefore add up, and a fault that responds itself keeps the request from the app and from all later faults.
"""

from collections import deque
from functools import partial

from simulator.faults.error_responses import ErrorResponses
from simulator.faults.fault_match import FaultMatch
from simulator.faults.middleware_layers import add_delay, add_hint, drop_connection, replace_response, truncate_body
from simulator.faults.quota_layer import enforce_quota
from simulator.faults.registry import FaultRegistry
from simulator.faults.request import CONTROL_PREFIX, may_be_json, request_from_scope
from simulator.faults.request_fault import (
    ApiErrorEffect,
    AwsErrorEffect,
    DropConnectionEffect,
    StreamEffect,
    TokensPerMinute,
    TruncateBodyEffect,
)
from simulator.faults.stream_faults import apply_stream_fault
from simulator.http.asgi import App, Message, Receive, Scope, Send


class FaultMiddleware:
    """An ASGI app that applies faults to the requests of another app."""

    def __init__(
        self,
        app: App,
        *,
        registry: FaultRegistry,
        error_responses: ErrorResponses,
        max_body_bytes: int,
    ) -> None:
        """Wrap an app.

        Args:
            app: handles the requests.
            registry: has the faults.
            error_responses: makes the error responses of faults.
            max_body_bytes: the largest body that is read to find its model; a larger body matches no model.
        """
        self._app = app
        self._registry = registry
        self._error_responses = error_responses
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, with the faults that apply to it."""
        if self._registry.is_empty or scope["type"] != "http" or scope["path"].startswith(f"{CONTROL_PREFIX}/"):
            await self._app(scope, receive, send)
            return
        request = request_from_scope(scope)
        if self._registry.needs_body(request) and may_be_json(scope):
            body, receive = await _read_and_replay(receive, max_bytes=self._max_body_bytes)
            request = request.with_body(body)
        app = self._app
        for entry in reversed(self._registry.match_request(request)):
            app = self._wrap(app, FaultMatch(entry, request))
        await app(scope, receive, send)

    def _wrap(self, app: App, fault_match: FaultMatch) -> App:
        match fault_match.fault.effect:
            case ApiErrorEffect(when=when) as effect:
                app = replace_response(app, fault_match, when, partial(self._error_responses.api_error, effect))
            case AwsErrorEffect(when=when) as effect:
                log_text = f"responded {effect.status} {effect.code}"
                app = replace_response(
                    app, fault_match, when, partial(self._error_responses.aws_error, effect), log_text=log_text
                )
            case DropConnectionEffect(when=when):
                app = drop_connection(app, fault_match, when)
            case StreamEffect() as effect:
                app = add_hint(apply_stream_fault(app, fault_match, effect), fault_match.hint)
            case TruncateBodyEffect() as effect:
                app = add_hint(truncate_body(app, fault_match, effect), fault_match.hint)
            case TokensPerMinute():
                app = enforce_quota(app, fault_match, error_responses=self._error_responses)
            case None:
                app = add_hint(app, fault_match.hint)
        return add_delay(app, fault_match) if fault_match.fault.delay else app


async def _read_and_replay(receive: Receive, *, max_bytes: int) -> tuple[bytes, Receive]:
    """Read a body; return it and a channel that gives the same messages again. A body that is too large is empty."""
    messages: deque[Message] = deque()
    size, has_more = 0, True
    while has_more and size <= max_bytes:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        has_more = message.get("more_body", False)
    body = b"".join([message.get("body", b"") for message in messages]) if size <= max_bytes else b""

    async def receive_again() -> Message:
        return messages.popleft() if messages else await receive()

    return body, receive_again
