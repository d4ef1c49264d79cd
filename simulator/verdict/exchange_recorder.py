"""One exchange while it lasts: it passes on what is said, and keeps what a rule may ask about."""

import asyncio
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Final

from simulator.http.asgi import Message, Receive, Scope, Send, header
from simulator.verdict import exchange_parser as reading
from simulator.verdict.auditor import Judge
from simulator.verdict.client_identity import Caller
from simulator.verdict.exchange import NOTHING, Asked, Exchange, Operation, Outcome
from simulator.verdict.receive_channel import Line

_READ_ALONG: Final = 64 * 1024  # bytes of a request's body: a job's order and most chats, but no upload
_KEPT: Final = 8 * 1024 * 1024  # bytes of an answer: a thousand jobs
_SLOW: Final = 0.05  # seconds: the caller of a later answer may be gone, and a server loses it without a word
_WITHOUT_BODY: Final = frozenset({"DELETE", "GET", "HEAD"})
_OK: Final = 200
_REFUSED: Final = 400


class Conversation:
    """What was asked and what has been answered so far; the judge is told of it once its fate is settled."""

    __slots__ = (
        *("_answer", "_caller", "_is_first", "_judge", "_line", "_moved", "_operation", "_order", "_reads_along"),
        "_receive",
        *("_retry_after", "_scope", "_send", "_sent", "_settled", "_silence", "_status", "_tells", "_wall", "began"),
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        caller: Caller,
        is_first: bool,
        judge: Judge,
        wall: Callable[[], float],
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._caller, self._is_first = caller, is_first
        self._judge, self._wall = judge, wall
        self._line: Line | None = None
        self._operation, _ = reading.operation_of(scope["method"], scope["path"])
        self._sent = b""  # the request's body, as far as it is read along
        self._reads_along = self._operation not in {Operation.UPLOAD, Operation.CREATE_JOB}
        self._order: bytes | None = None
        self._status: int | None = None
        self._retry_after: float | None = None
        self._answer = b""
        self._tells = self._operation in reading.TELLING
        self.began = self._moved = judge.now()
        self._silence = 0.0
        self._settled = False
        judge.begun(self)

    @property
    def line(self) -> Line:
        """The line to the caller."""
        if self._line is None:
            self._line = Line(self._receive, hung_up=self._hang_up)
        return self._line

    async def begin(self) -> None:
        """Read a job's order, which must be known even where the app never comes to ask for it."""
        if self._operation is Operation.CREATE_JOB:
            self._order = await self.line.read_ahead(most=_READ_ALONG)
            self._moved = self._judge.now()

    async def receive(self) -> Message:
        """Return the next message of the caller's for the app."""
        was_whole = self.line.whole
        if not was_whole:
            self._break_silence()
        message = await self.line.receive()
        if not was_whole:
            self._moved = self._judge.now()  # until here it was the caller who kept us waiting
        if self._reads_along and message["type"] == "http.request":
            self._sent += message.get("body", b"")
            self._reads_along = len(self._sent) <= _READ_ALONG
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        if message["type"] == "http.response.start":
            if self._judge.now() - self.began > _SLOW:
                self.line.listen()
                await asyncio.sleep(0)  # the listener's turn: it hears at once who has hung up before
            self._break_silence()
            self._status = status = message["status"]
            self._retry_after = _seconds(message, self._wall) if status >= _REFUSED else None
            self._tells = self._tells and status == _OK
            await self._send(message)
            self._moved = self._judge.now()  # a slow reader keeps us waiting, not we the reader
            return
        self._break_silence()
        body = message.get("body", b"")
        if self._tells and len(self._answer) + len(body) <= _KEPT:
            self._answer += body
        await self._send(message)
        if message.get("more_body", False):
            self._moved = self._judge.now()  # as above
        else:
            self.settle(Outcome.ANSWERED)

    def settle(self, outcome: Outcome | None = None) -> None:
        """Settle the exchange's fate, unless it is; without an `outcome` the connection ended before its time."""
        if not self._settled:
            self._settled = True
            if self._line:
                self._line.close()
            outcome = outcome or (Outcome.LOST if self._status is None else Outcome.CUT)
            self._judge.ended(self, self._exchange(outcome))

    def _hang_up(self, as_it_happened: bool) -> None:
        if not as_it_happened:
            self._moved = self._judge.now()  # for how long it waited is not known
        self.settle(Outcome.HUNG_UP)

    def so_far(self) -> Exchange:
        """Return the exchange as it is now, under way."""
        return self._exchange(Outcome.UNDER_WAY)

    def _break_silence(self) -> None:
        now = self._judge.now()
        self._silence = max(self._silence, now - self._moved)
        self._moved = now

    def _exchange(self, outcome: Outcome) -> Exchange:
        now = self._judge.now()
        is_whole = outcome is Outcome.ANSWERED
        is_silent = not is_whole and not (self._line and self._line.waits)
        host, port = self._scope.get("client") or ("", 0)
        return Exchange(
            client=self._caller.name,
            key=self._caller.key,
            is_named=self._caller.is_named,
            connection=f"{host}:{port}",
            is_first=self._is_first,
            asked=self._asked(),
            began=self.began,
            ended=now,
            silence=max(self._silence, now - self._moved) if is_silent else self._silence,
            outcome=outcome,
            status=self._status,
            retry_after=self._retry_after,
            told=reading.told(self._operation, self._answer) if is_whole and self._tells else NOTHING,
        )

    def _asked(self) -> Asked:
        scope = self._scope
        return reading.asked(scope["method"], scope["path"], scope["query_string"], self._body())

    def _body(self) -> bytes | None:
        """Return what stands for the request's body; None where nothing does."""
        match self._operation:
            case Operation.CREATE_JOB:
                return self._order
            case Operation.UPLOAD:
                # Two forms that bring one file differ in their boundaries, and not in their size.
                return header(self._scope, b"content-length").encode("latin-1") or None
            case _ if self._scope["method"] in _WITHOUT_BODY:
                return b""
        return self._sent if self._reads_along and self._line and self._line.whole else None


def _seconds(start: Message, wall: Callable[[], float]) -> float | None:
    """Return the seconds that a Retry-After asks for (RFC 9110, 10.2.3: a number of them, or a date)."""
    said = next((value.decode("latin-1") for name, value in start["headers"] if name.lower() == b"retry-after"), None)
    if said is None:
        return None
    try:
        seconds = float(said)
    except ValueError:
        seconds = _until(said, wall())
    return seconds if isfinite(seconds) and seconds > 0 else None


def _until(date: str, now: float) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (OverflowError, TypeError, ValueError):
        return 0.0
