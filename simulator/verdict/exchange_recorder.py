"""One exchange while it lasts: it passes on what is said, and keeps what a rule may ask about."""

import asyncio
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Final

from simulator.http.asgi import Message, Receive, Scope, Send, find_header
from simulator.verdict import exchange_parser as reading
from simulator.verdict.auditor import Auditor
from simulator.verdict.client_identity import ClientIdentity
from simulator.verdict.exchange import EMPTY_ANSWER, Exchange, Operation, Outcome, ParsedRequest
from simulator.verdict.receive_channel import ReceiveChannel

_READ_ALONG: Final = 64 * 1024  # bytes of a request's body: a job's order and most chats, but no upload
_KEPT: Final = 8 * 1024 * 1024  # bytes of an answer: a thousand jobs
_SLOW: Final = 0.05  # seconds: the caller of a later answer may be gone, and a server loses it without a word
_WITHOUT_BODY: Final = frozenset({"DELETE", "GET", "HEAD"})
_OK: Final = 200
_REFUSED: Final = 400


class ExchangeRecorder:
    """What was asked and what has been answered so far; the judge is told of it once its fate is settled."""

    __slots__ = (
        *("_answer", "_caller", "_is_first", "_judge", "_line", "_moved", "_operation", "_order", "_reads_along"),
        "_receive",
        *(
            "_retry_after",
            "_scope",
            "_send",
            "_sent",
            "_settled",
            "_silence",
            "_status",
            "_tells",
            "_wall",
            "started_at",
        ),
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        client: ClientIdentity,
        is_first: bool,
        auditor: Auditor,
        wall_clock: Callable[[], float],
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._caller, self._is_first = client, is_first
        self._judge, self._wall = auditor, wall_clock
        self._line: ReceiveChannel | None = None
        self._operation, _ = reading.find_operation(scope["method"], scope["path"])
        self._sent = b""  # the request's body, as far as it is read along
        self._reads_along = self._operation not in {Operation.UPLOAD_FILE, Operation.CREATE_JOB}
        self._order: bytes | None = None
        self._status: int | None = None
        self._retry_after: float | None = None
        self._answer = b""
        self._tells = self._operation in reading.PARSED_OPERATIONS
        self.started_at = self._moved = auditor.now()
        self._silence = 0.0
        self._settled = False
        auditor.start_exchange(self)

    @property
    def channel(self) -> ReceiveChannel:
        """The line to the caller."""
        if self._line is None:
            self._line = ReceiveChannel(self._receive, on_disconnect=self._on_disconnect)
        return self._line

    async def start(self) -> None:
        """Read a job's order, which must be known even where the app never comes to ask for it."""
        if self._operation is Operation.CREATE_JOB:
            self._order = await self.channel.read_ahead(max_bytes=_READ_ALONG)
            self._moved = self._judge.now()

    async def receive(self) -> Message:
        """Return the next message of the caller's for the app."""
        was_whole = self.channel.is_body_complete
        if not was_whole:
            self._end_silence()
        message = await self.channel.receive()
        if not was_whole:
            self._moved = self._judge.now()  # until here it was the caller who kept us waiting
        if self._reads_along and message["type"] == "http.request":
            self._sent += message.get("body", b"")
            self._reads_along = len(self._sent) <= _READ_ALONG
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        if message["type"] == "http.response.start":
            if self._judge.now() - self.started_at > _SLOW:
                self.channel.listen_for_disconnect()
                await asyncio.sleep(0)  # the listener's turn: it hears at once who has hung up before
            self._end_silence()
            self._status = status = message["status"]
            self._retry_after = _seconds(message, self._wall) if status >= _REFUSED else None
            self._tells = self._tells and status == _OK
            await self._send(message)
            self._moved = self._judge.now()  # a slow reader keeps us waiting, not we the reader
            return
        self._end_silence()
        body = message.get("body", b"")
        if self._tells and len(self._answer) + len(body) <= _KEPT:
            self._answer += body
        await self._send(message)
        if message.get("more_body", False):
            self._moved = self._judge.now()  # as above
        else:
            self.finish(Outcome.ANSWERED)

    def finish(self, outcome: Outcome | None = None) -> None:
        """Settle the exchange's fate, unless it is; without an `outcome` the connection ended before its time."""
        if not self._settled:
            self._settled = True
            if self._line:
                self._line.close()
            outcome = outcome or (Outcome.NO_ANSWER if self._status is None else Outcome.CUT_OFF)
            self._judge.finish_exchange(self, self._exchange(outcome))

    def _on_disconnect(self, was_observed: bool) -> None:
        if not was_observed:
            self._moved = self._judge.now()  # for how long it waited is not known
        self.finish(Outcome.DISCONNECTED)

    def snapshot(self) -> Exchange:
        """Return the exchange as it is now, under way."""
        return self._exchange(Outcome.IN_PROGRESS)

    def _end_silence(self) -> None:
        now = self._judge.now()
        self._silence = max(self._silence, now - self._moved)
        self._moved = now

    def _exchange(self, outcome: Outcome) -> Exchange:
        now = self._judge.now()
        is_whole = outcome is Outcome.ANSWERED
        is_silent = not is_whole and not (self._line and self._line.is_waiting_for_body)
        host, port = self._scope.get("client") or ("", 0)
        return Exchange(
            client=self._caller.name,
            key_digest=self._caller.key_digest,
            is_named=self._caller.is_named,
            connection=f"{host}:{port}",
            is_first=self._is_first,
            request=self._parsed_request(),
            started_at=self.started_at,
            ended_at=now,
            longest_silence=max(self._silence, now - self._moved) if is_silent else self._silence,
            outcome=outcome,
            status=self._status,
            retry_after=self._retry_after,
            answer=reading.parse_answer(self._operation, self._answer) if is_whole and self._tells else EMPTY_ANSWER,
        )

    def _parsed_request(self) -> ParsedRequest:
        scope = self._scope
        return reading.parse_request(scope["method"], scope["path"], scope["query_string"], self._body())

    def _body(self) -> bytes | None:
        """Return what stands for the request's body; None where nothing does."""
        match self._operation:
            case Operation.CREATE_JOB:
                return self._order
            case Operation.UPLOAD_FILE:
                # Two forms that bring one file differ in their boundaries, and not in their size.
                return find_header(self._scope, b"content-length").encode("latin-1") or None
            case _ if self._scope["method"] in _WITHOUT_BODY:
                return b""
        return self._sent if self._reads_along and self._line and self._line.is_body_complete else None


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
