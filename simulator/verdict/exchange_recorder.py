"""Records the request and the answer of one exchange, and passes both on unchanged."""

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

_MAX_REQUEST_BYTES: Final = 64 * 1024  # larger request bodies are not recorded; a job and most chats fit
_MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024  # larger answers are not recorded; a list of a thousand jobs fits
# The server does not report that a client disconnects before the answer. If the answer takes longer than this, check.
_FAST_ANSWER_SECONDS: Final = 0.05
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
        "_is_first_of_connection",
        "_is_recording_answer",
        "_is_recording_request",
        "_job_body",
        "_last_activity",
        "_longest_wait",
        "_operation",
        "_receive",
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
        self._client, self._is_first_of_connection = client, is_first
        self._auditor, self._wall_clock = auditor, wall_clock
        self._channel: ReceiveChannel | None = None
        self._operation, _ = find_operation(scope["method"], scope["path"])
        self._request_body = b""  # the recorded part
        self._is_recording_request = self._operation not in {Operation.UPLOAD_FILE, Operation.CREATE_JOB}
        self._job_body: bytes | None = None
        self._status: int | None = None
        self._retry_after: float | None = None
        self._answer_body = b""
        self._is_recording_answer = self._operation in PARSED_OPERATIONS
        self.started_at = self._last_activity = auditor.now()
        self._longest_wait = 0.0
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
            self._end_wait()
        message = await self.channel.receive()
        if not was_complete:
            self._last_activity = self._auditor.now()  # the server waited for the client
        if self._is_recording_request and message["type"] == "http.request":
            self._request_body += message.get("body", b"")
            self._is_recording_request = len(self._request_body) <= _MAX_REQUEST_BYTES
        return message

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        if message["type"] == "http.response.start":
            await self._send_start(message)
            return
        self._end_wait()
        body = message.get("body", b"")
        if self._is_recording_answer and len(self._answer_body) + len(body) <= _MAX_ANSWER_BYTES:
            self._answer_body += body
        await self._send(message)
        if message.get("more_body", False):
            self._last_activity = self._auditor.now()  # the server waited for a slow client to read
        else:
            self.finish(Outcome.ANSWERED)

    async def _send_start(self, message: Message) -> None:
        if self._auditor.now() - self.started_at > _FAST_ANSWER_SECONDS:
            self.channel.listen_for_disconnect()
            await asyncio.sleep(0)  # lets the listener run and detect a disconnect
        self._end_wait()
        status: int = message["status"]
        self._status = status
        self._retry_after = parse_retry_after(message["headers"], self._wall_clock) if status >= _BAD_REQUEST else None
        self._is_recording_answer = self._is_recording_answer and status == _OK
        await self._send(message)
        self._last_activity = self._auditor.now()  # the server waited for a slow client to read

    def finish(self, outcome: Outcome | None = None) -> None:
        """Report the exchange, once. `outcome` is None if the server closed the connection too early."""
        if not self._is_finished:
            self._is_finished = True
            if self._channel:
                self._channel.close()
            outcome = outcome or (Outcome.NO_ANSWER if self._status is None else Outcome.CUT_OFF)
            self._auditor.finish_exchange(self, self._exchange(outcome))

    def _on_disconnect(self, is_on_time: bool) -> None:
        if not is_on_time:
            self._last_activity = self._auditor.now()  # how long the client waited is unknown
        self.finish(Outcome.DISCONNECTED)

    def snapshot(self) -> Exchange:
        """Return the exchange as it is now, in progress."""
        return self._exchange(Outcome.IN_PROGRESS)

    def _end_wait(self) -> None:
        now = self._auditor.now()
        self._longest_wait = max(self._longest_wait, now - self._last_activity)
        self._last_activity = now

    def _exchange(self, outcome: Outcome) -> Exchange:
        now = self._auditor.now()
        is_complete = outcome is Outcome.ANSWERED
        is_waiting = not is_complete and not (self._channel and self._channel.is_waiting_for_body)
        longest_wait = max(self._longest_wait, now - self._last_activity) if is_waiting else self._longest_wait
        has_parsed_answer = is_complete and self._is_recording_answer
        host, port = self._scope.get("client") or ("", 0)
        return Exchange(
            client=self._client.name,
            key_digest=self._client.key_digest,
            is_named=self._client.is_named,
            connection=f"{host}:{port}",
            is_first=self._is_first_of_connection,
            request=self._parse_request(),
            started_at=self.started_at,
            ended_at=now,
            longest_silence=longest_wait,
            outcome=outcome,
            status=self._status,
            retry_after=self._retry_after,
            answer=parse_answer(self._operation, self._answer_body) if has_parsed_answer else EMPTY_ANSWER,
        )

    def _parse_request(self) -> ParsedRequest:
        scope = self._scope
        return parse_request(scope["method"], scope["path"], scope["query_string"], self._body_for_fingerprint())

    def _body_for_fingerprint(self) -> bytes | None:
        """Return the bytes that stand for the body when requests are compared; None if it was not recorded."""
        match self._operation:
            case Operation.CREATE_JOB:
                return self._job_body
            case Operation.UPLOAD_FILE:
                # Two forms with the same file differ in their boundary, not in their size.
                return find_header(self._scope, b"content-length").encode("latin-1") or None
            case _ if self._scope["method"] in _METHODS_WITHOUT_BODY:
                return b""
        is_recorded = self._is_recording_request and self._channel and self._channel.is_body_complete
        return self._request_body if is_recorded else None
