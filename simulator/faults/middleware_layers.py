"""The middleware layers of request faults. Each function wraps an app and adds one fault to it."""

from typing import Protocol

from starlette.responses import Response

from simulator.faults.connection import close_connection
from simulator.faults.fault_match import FaultMatch
from simulator.faults.request import IncomingRequest
from simulator.faults.request_fault import TruncateBodyEffect, When
from simulator.http.asgi import App, Message, Receive, Scope, Send

_HINT = b"x-simulator-hint"


def add_delay(app: App, fault_match: FaultMatch) -> App:
    """Return the app with a delay before each request. Other requests do not wait.

    The delay ends early when the fault is removed. When the server stops, the connection is closed.
    """

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        fault_match.record_applied(f"delayed by {fault_match.fault.delay:g} s")
        if await fault_match.delay_gate.wait(fault_match.fault.delay):
            await app(scope, receive, send)
        else:
            await close_connection(scope, receive)

    return layer


class ResponseFactory(Protocol):
    """Makes the response that a fault sends instead of the app's response."""

    def __call__(self, request: IncomingRequest, scope: Scope, *, hint: str) -> Response:
        """Return the response. `hint` names the fault."""


def replace_response(
    app: App, fault_match: FaultMatch, when: When, make_response: ResponseFactory, *, log_text: str | None = None
) -> App:
    """Return an app that responds instead of `app`. With `When.AFTER`, `app` handles the request first.

    `log_text` is logged. It is None for an API error, because the error handling logs those.
    """

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        if when is When.AFTER:
            await app(scope, receive, _discard)
        fault_match.record_applied(log_text)
        await make_response(fault_match.request, scope, hint=fault_match.hint)(scope, receive, send)

    return layer


def drop_connection(app: App, fault_match: FaultMatch, when: When) -> App:
    """Return an app that closes the connection without a response, before or after `app` has run."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  ASGI's signature
        if when is When.AFTER:
            await app(scope, receive, _discard)
        fault_match.record_applied(f"connection dropped {when} the request was handled")
        await close_connection(scope, receive)

    return layer


def truncate_body(app: App, fault_match: FaultMatch, effect: TruncateBodyEffect) -> App:
    """Return an app that closes the connection after some bytes of a response body.

    Shorter bodies are unchanged.
    """

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        remaining, is_truncated = effect.after, False

        async def send_truncated(message: Message) -> None:
            nonlocal remaining, is_truncated
            body = message.get("body", b"")
            if is_truncated:
                return
            if len(body) > remaining:
                fault_match.record_applied(f"the body was cut after {effect.after} bytes")
                is_truncated = True
                message = {"type": "http.response.body", "body": body[:remaining], "more_body": True}
            remaining -= len(body)
            await send(message)

        await app(scope, receive, send_truncated)
        if is_truncated:
            await close_connection(scope, receive)

    return layer


def add_hint(app: App, hint: str) -> App:
    """Return the app with a hint in the response's header, after the app's own hints."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_hint(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                hints = [value for name, value in headers if name == _HINT]
                other_headers = [(name, value) for name, value in headers if name != _HINT]
                message["headers"] = [*other_headers, (_HINT, b"; ".join([*hints, hint.encode("latin-1", "replace")]))]
            await send(message)

        await app(scope, receive, send_with_hint)

    return layer


async def _discard(_message: Message) -> None:
    """Discard a message of a response."""
