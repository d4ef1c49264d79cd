"""Records one exchange while it passes requests and answers through."""

import asyncio
from collections.abc import Callable
from typing import Final

from simulator.http.asgi import Message, Receive, Scope, Send, find_header
from simulator.verdict.answer_parser import PARSED_OPERATIONS, parse_answer
from simulator.verdict.auditor import Auditor
from simulator.verdict.client_identity import ClientIdentity
from simulator.verdict.exchange import EMPTY_ANSWER, Exchange, Operation, Outcome, ParsedRequest
from simulator.verdict.receive_channel import ReceiveChannel
from simulator.verdict.request_parser import find_operation, parse_request
from simulator.verdict.retry_after import parse_retry_after

_MAX_REQUEST_BYTES: Final = 64 * 1024  # of a recorded request body: enough for a job and most chats
_MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024  # of a recorded answer: a thousand jobs
_FAST_ANSWER_SECONDS: Final = 0.05  # during a slower answer the client may disconnect, which the server does not report
_METHODS_WITHOUT_BODY: Final = frozenset({"DELETE", "GET", "HEAD"})
_OK: Final = 200
_BAD_REQUEST: Final = 400


class ExchangeRecorder:
    """The request and the answer of one exchange so far. It reports to the auditor once the outcome is known."""

    __slots__ = (
        "_answer_body",
        "_auditor",
        "_channel",
        "_client",
        "_is_finished",
        "_is_first",
        "_job_body",
        "_last_activity",
        "_longest_silence",
        "_operation",
        "_receive",
        "_records_answer",
        "_records_request",
        "_request_body",
        "_retry_after",
        "_scope",
        "_send",
        "_status",
        "_wall_clock",
        "started_at",
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
        self._client, self._is_first = client, is_first
        self._auditor, self._wall_clock = auditor, wall_clock
        self._channel: ReceiveChannel | None = None
        self._operation, _ = find_operation(scope["method"], scope["path"])
        self._request_body = b""  # as far as it is recorded
        self._records_request = self._operation not in {Operation.UPLOAD_FILE, Operation.CREATE_JOB}
        self._job_body: bytes | None = None
        self._status: int | None = None
        self._retry_after: float | None = None
        self._answer_body = b""
        self._records_answer = self._operation in PARSED_OPERATIONS
        self.started_at = self._last_activity = auditor.now()
        self._longest_silence = 0.0
        self._is_finished = False
        auditor.start_exchange(self)

    @property
    def channel(self) -> ReceiveChannel:
        """The channel from the client, created on first use."""
        if self._channel is None:
            self._channel = ReceiveChannel(self._receive, on_disconnect=self._on_disconnect)
        return self._channel

    async def start(self) -> None:
        """Read the body of a job creation, which must be known even if the app never reads it."""
        if self._operation is Operation.CREATE_JOB:
            self._job_body = await self.channel.read_ahead(max_bytes=_MAX_REQUEST_BYTES)
            self._last_activity = self._auditor.now()

    async def receive(self) -> Message:
        """Return the client's next message for the app."""
        was_complete = self.channel.is_body_complete
        if not was_complete:
            self._end_silence()
        message = await self.channel.receive()
        if not was_complete:
            self._last_activity = self._auditor.now()  # the server waited for the client, not the client for the server
        if self._records_request and message["type"] == "http.request":
            self._request_body += message.get("body", b"")
            self._records_request = len(self._request_body) <= _MAX_REQUEST_BYTES
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        if message["type"] == "http.response.start":
            await self._send_start(message)
            return
        self._end_silence()
        body = message.get("body", b"")
        if self._records_answer and len(self._answer_body) + len(body) <= _MAX_ANSWER_BYTES:
            self._answer_body += body
        await self._send(message)
        if message.get("more_body", False):
            self._last_activity = self._auditor.now()  # a slow client keeps the server waiting: no silence
        else:
            self.finish(Outcome.ANSWERED)

    async def _send_start(self, message: Message) -> None:
        if self._auditor.now() - self.started_at > _FAST_ANSWER_SECONDS:
            self.channel.listen_for_disconnect()
            await asyncio.sleep(0)  # lets the listener run: it detects a client that disconnected before
        self._end_silence()
        status: int = message["status"]
        self._status = status
        self._retry_after = parse_retry_after(message["headers"], self._wall_clock) if status >= _BAD_REQUEST else None
        self._records_answer = self._records_answer and status == _OK
        await self._send(message)
        self._last_activity = self._auditor.now()  # a slow client keeps the server waiting: no silence

    def finish(self, outcome: Outcome | None = None) -> None:
        """Report the exchange, once. Without an `outcome` the server closed the connection too early."""
        if not self._is_finished:
            self._is_finished = True
            if self._channel:
                self._channel.close()
            outcome = outcome or (Outcome.NO_ANSWER if self._status is None else Outcome.CUT_OFF)
            self._auditor.finish_exchange(self, self._exchange(outcome))

    def _on_disconnect(self, was_observed: bool) -> None:
        if not was_observed:
            self._last_activity = self._auditor.now()  # how long the client waited is unknown
        self.finish(Outcome.DISCONNECTED)

    def snapshot(self) -> Exchange:
        """Return the exchange as it is now, in progress."""
        return self._exchange(Outcome.IN_PROGRESS)

    def _end_silence(self) -> None:
        now = self._auditor.now()
        self._longest_silence = max(self._longest_silence, now - self._last_activity)
        self._last_activity = now

    def _exchange(self, outcome: Outcome) -> Exchange:
        now = self._auditor.now()
        is_complete = outcome is Outcome.ANSWERED
        is_silent = not is_complete and not (self._channel and self._channel.is_waiting_for_body)
        silence = max(self._longest_silence, now - self._last_activity) if is_silent else self._longest_silence
        has_parsed_answer = is_complete and self._records_answer
        host, port = self._scope.get("client") or ("", 0)
        return Exchange(
            client=self._client.name,
            key_digest=self._client.key_digest,
            is_named=self._client.is_named,
            connection=f"{host}:{port}",
            is_first=self._is_first,
            request=self._parsed_request(),
            started_at=self.started_at,
            ended_at=now,
            longest_silence=silence,
            outcome=outcome,
            status=self._status,
            retry_after=self._retry_after,
            answer=parse_answer(self._operation, self._answer_body) if has_parsed_answer else EMPTY_ANSWER,
        )

    def _parsed_request(self) -> ParsedRequest:
        scope = self._scope
        return parse_request(scope["method"], scope["path"], scope["query_string"], self._fingerprint_body())

    def _fingerprint_body(self) -> bytes | None:
        """Return the request's body or its replacement in the fingerprint; None if the body was not recorded."""
        match self._operation:
            case Operation.CREATE_JOB:
                return self._job_body
            case Operation.UPLOAD_FILE:
                # Two forms with the same file differ in their boundary, not in their size.
                return find_header(self._scope, b"content-length").encode("latin-1") or None
            case _ if self._scope["method"] in _METHODS_WITHOUT_BODY:
                return b""
        is_recorded = self._records_request and self._channel and self._channel.is_body_complete
        return self._request_body if is_recorded else None
