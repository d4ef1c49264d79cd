"""What faults lay around an app: a delay, an answer in its place, a connection that closes, a word in a header."""

from typing import Protocol

from starlette.responses import Response

from simulator.faults.connection import close_connection
from simulator.faults.fault_match import FaultMatch
from simulator.faults.request import IncomingRequest
from simulator.faults.request_fault import When
from simulator.http.asgi import App, Message, Receive, Scope, Send

_HINT = b"x-simulator-hint"


def add_delay(app: App, fault_match: FaultMatch) -> App:
    """Return the app with a wait before it begins. Nobody else waits; a fault that is taken back ends it.

    A server that stops answers nobody who still waits.
    """

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        fault_match.record_applied(f"delayed by {fault_match.fault.delay:g} s")
        if await fault_match.delay_gate.wait(fault_match.fault.delay):
            await app(scope, receive, send)
        else:
            await close_connection(scope, receive)

    return layer


class ResponseFactory(Protocol):
    """Makes the answer of a fault to a request."""

    def __call__(self, request: IncomingRequest, scope: Scope, *, hint: str) -> Response:
        """`hint` says which fault it is."""


def replace_response(
    app: App, fault_match: FaultMatch, when: When, make_response: ResponseFactory, *, log_text: str | None = None
) -> App:
    """Return what answers in the app's place: `after`, once the app has done its work.

    `log_text` is for the log, of an answer that does not tell of itself.
    """

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        if when is When.AFTER:
            await app(scope, receive, _discard)
        fault_match.record_applied(log_text)
        await make_response(fault_match.request, scope, hint=fault_match.hint)(scope, receive, send)

    return layer


def drop_connection(app: App, fault_match: FaultMatch, when: When) -> App:
    """Return what closes the connection with no byte of an answer: `after`, once the app has done its work."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  ASGI's signature
        if when is When.AFTER:
            await app(scope, receive, _discard)
        fault_match.record_applied(f"dropped {when} the work")
        await close_connection(scope, receive)

    return layer


def add_hint(app: App, hint: str) -> App:
    """Return the app with a hint on its answer, behind any that it gives itself."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        async def hinted(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                said = [value for name, value in headers if name == _HINT]
                others = [(name, value) for name, value in headers if name != _HINT]
                message["headers"] = [*others, (_HINT, b"; ".join([*said, hint.encode("latin-1", "replace")]))]
            await send(message)

        await app(scope, receive, hinted)

    return layer


async def _discard(_message: Message) -> None:
    """Lose an answer."""
