"""The edge: the ASGI app that all requests pass on their way in, where faults are met. Nothing behind it is told.

The faults that hit a request are laid around the app, the first of them outermost. So delays add up, and what one that
answers by itself keeps from the app it keeps from those behind it as well.
"""

from collections import deque
from functools import partial

from simulator.faults.error_responses import ErrorResponses
from simulator.faults.fault_match import FaultMatch
from simulator.faults.middleware_layers import add_delay, add_hint, drop_connection, replace_response
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
from simulator.faults.response_faults import apply_stream_fault, truncate_body
from simulator.http.asgi import App, Message, Receive, Scope, Send


class FaultMiddleware:
    """Wraps an app."""

    def __init__(
        self,
        app: App,
        *,
        registry: FaultRegistry,
        error_responses: ErrorResponses,
        max_body_bytes: int,
    ) -> None:
        """Lay the faults of `registry` around `app`.

        Args:
            app: Works on requests.
            registry: Whose faults are met.
            error_responses: Makes the errors that faults answer with.
            max_body_bytes: How much of a body is read to see which model it names; a larger one names none.
        """
        self._app = app
        self._registry = registry
        self._error_responses = error_responses
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, with whatever happens to it on the way."""
        if self._registry.is_empty or scope["type"] != "http" or scope["path"].startswith(f"{CONTROL_PREFIX}/"):
            await self._app(scope, receive, send)
            return
        asked = request_from_scope(scope)
        if self._registry.needs_body(asked) and may_be_json(scope):
            body, receive = await _read_and_replay(receive, at_most=self._max_body_bytes)
            asked = asked.with_body(body)
        app = self._app
        for entry in reversed(self._registry.match_request(asked)):
            app = self._wrap(app, FaultMatch(entry, asked))
        await app(scope, receive, send)

    def _wrap(self, app: App, fault_match: FaultMatch) -> App:
        match fault_match.fault.effect:
            case ApiErrorEffect(when=when) as refusal:
                app = replace_response(app, fault_match, when, partial(self._error_responses.api_error, refusal))
            case AwsErrorEffect(when=when) as refusal:
                words = f"answered {refusal.status} {refusal.code}"
                app = replace_response(
                    app, fault_match, when, partial(self._error_responses.aws_error, refusal), log_text=words
                )
            case DropConnectionEffect(when=when):
                app = drop_connection(app, fault_match, when)
            case StreamEffect() as fault:
                app = add_hint(apply_stream_fault(app, fault_match, fault), fault_match.hint)
            case TruncateBodyEffect() as fault:
                app = add_hint(truncate_body(app, fault_match, fault), fault_match.hint)
            case TokensPerMinute():
                app = enforce_quota(app, fault_match, error_responses=self._error_responses)
            case None:
                app = add_hint(app, fault_match.hint)
        return add_delay(app, fault_match) if fault_match.fault.delay else app


async def _read_and_replay(receive: Receive, *, at_most: int) -> tuple[bytes, Receive]:
    """Read a body; return it, and what gives the same messages again. Of one that is too large nothing is returned."""
    messages: deque[Message] = deque()
    size, more = 0, True
    while more and size <= at_most:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"".join([message.get("body", b"") for message in messages]) if size <= at_most else b""

    async def again() -> Message:
        return messages.popleft() if messages else await receive()

    return body, again
