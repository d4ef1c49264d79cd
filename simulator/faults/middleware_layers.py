"""What faults lay around an app: a delay, an answer in its place, a connection that closes, a word in a header."""

from typing import Protocol

from starlette.responses import Response

from simulator.faults.connection import hang_up
from simulator.faults.fault_match import Hit
from simulator.faults.request import Asked
from simulator.faults.request_fault import When
from simulator.http.asgi import App, Message, Receive, Scope, Send

_HINT = b"x-simulator-hint"


def delayed(app: App, hit: Hit) -> App:
    """Return the app with a wait before it begins. Nobody else waits; a fault that is taken back ends it.

    A server that stops answers nobody who still waits.
    """

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        hit.applied(f"delayed by {hit.fault.delay:g} s")
        if await hit.hold.wait(hit.fault.delay):
            await app(scope, receive, send)
        else:
            await hang_up(scope, receive)

    return layer


class Answered(Protocol):
    """Makes the answer of a fault to a request."""

    def __call__(self, asked: Asked, scope: Scope, *, hint: str) -> Response:
        """`hint` says which fault it is."""


def answering(app: App, hit: Hit, when: When, answered: Answered, *, told: str | None = None) -> App:
    """Return what answers in the app's place: `after`, once the app has done its work.

    `told` is for the log, of an answer that does not tell of itself.
    """

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        if when is When.AFTER:
            await app(scope, receive, _nowhere)
        hit.applied(told)
        await answered(hit.asked, scope, hint=hit.hint)(scope, receive, send)

    return layer


def dropping(app: App, hit: Hit, when: When) -> App:
    """Return what closes the connection with no byte of an answer: `after`, once the app has done its work."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  ASGI's signature
        if when is When.AFTER:
            await app(scope, receive, _nowhere)
        hit.applied(f"dropped {when} the work")
        await hang_up(scope, receive)

    return layer


def hinting(app: App, hint: str) -> App:
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


async def _nowhere(_message: Message) -> None:
    """Lose an answer."""
