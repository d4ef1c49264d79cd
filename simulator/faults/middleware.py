"""The edge: the ASGI app that all requests pass on their way in, where faults are met. Nothing behind it is told.

The faults that hit a request are laid around the app, the first of them outermost. So delays add up, and what one that
answers by itself keeps from the app it keeps from those behind it as well.
"""

from collections import deque
from functools import partial

from simulator.faults.error_responses import Answers
from simulator.faults.fault_match import Hit
from simulator.faults.middleware_layers import answering, delayed, dropping, hinting
from simulator.faults.quota_layer import rationed
from simulator.faults.registry import Book
from simulator.faults.request import CONTROL, asked_by, may_be_json
from simulator.faults.request_fault import AwsRefusal, CutBody, Drop, Refusal, Stream, TokensPerMinute
from simulator.faults.response_faults import cut, streamed
from simulator.http.asgi import App, Message, Receive, Scope, Send


class Edge:
    """Wraps an app."""

    def __init__(
        self,
        app: App,
        *,
        book: Book,
        answers: Answers,
        max_body_bytes: int,
    ) -> None:
        """Lay the faults of `book` around `app`.

        Args:
            app: Works on requests.
            book: Whose faults are met.
            answers: Makes the errors that faults answer with.
            max_body_bytes: How much of a body is read to see which model it names; a larger one names none.
        """
        self._app = app
        self._book = book
        self._answers = answers
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, with whatever happens to it on the way."""
        if self._book.is_empty or scope["type"] != "http" or scope["path"].startswith(f"{CONTROL}/"):
            await self._app(scope, receive, send)
            return
        asked = asked_by(scope)
        if self._book.reads_body(asked) and may_be_json(scope):
            body, receive = await _read(receive, at_most=self._max_body_bytes)
            asked = asked.having(body)
        app = self._app
        for entry in reversed(self._book.hit_by(asked)):
            app = self._laid_around(app, Hit(entry, asked))
        await app(scope, receive, send)

    def _laid_around(self, app: App, hit: Hit) -> App:
        match hit.fault.effect:
            case Refusal(when=when) as refusal:
                app = answering(app, hit, when, partial(self._answers.refusal, refusal))
            case AwsRefusal(when=when) as refusal:
                words = f"answered {refusal.status} {refusal.code}"
                app = answering(app, hit, when, partial(self._answers.aws_refusal, refusal), told=words)
            case Drop(when=when):
                app = dropping(app, hit, when)
            case Stream() as fault:
                app = hinting(streamed(app, hit, fault), hit.hint)
            case CutBody() as fault:
                app = hinting(cut(app, hit, fault), hit.hint)
            case TokensPerMinute():
                app = rationed(app, hit, answers=self._answers)
            case None:
                app = hinting(app, hit.hint)
        return delayed(app, hit) if hit.fault.delay else app


async def _read(receive: Receive, *, at_most: int) -> tuple[bytes, Receive]:
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
