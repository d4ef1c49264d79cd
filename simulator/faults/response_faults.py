"""Answers that go out otherwise than they were made: streams that break, stall or end too soon, bodies cut short."""

from collections.abc import Awaitable, Callable
from typing import Final

from simulator.faults.connection import close_connection, has_connection
from simulator.faults.fault_match import FaultMatch
from simulator.faults.request_fault import StreamEffect, StreamFaultKind, TruncateBodyEffect
from simulator.http.asgi import App, Message, Receive, Scope, Send

_EVENT_SEPARATOR: Final = b"\n\n"
_DATA: Final = b"data: "
# The others change what comes next, and at the end of a stream nothing does.
_KINDS_AT_STREAM_END: Final = (StreamFaultKind.CUT, StreamFaultKind.STALL)
_END_OF_BODY: Final[Message] = {"type": "http.response.body", "body": b"", "more_body": False}


def apply_stream_fault(app: App, fault_match: FaultMatch, effect: StreamEffect) -> App:
    """Return an app whose streams of server-sent events go out as the fault says. Other answers pass."""

    async def tampered(scope: Scope, receive: Receive, send: Send) -> None:
        async def stall() -> bool:
            if effect.seconds is None and not has_connection(scope):
                return False  # nobody could go away
            return await fault_match.delay_gate.wait(effect.seconds, receive=receive)

        tap = _EventStreamFilter(fault_match, effect, send=send, stall=stall)
        await app(scope, receive, tap.receive)
        if tap.closes_connection:
            await close_connection(scope, receive)

    return tampered


def truncate_body(app: App, fault_match: FaultMatch, effect: TruncateBodyEffect) -> App:
    """Return an app whose answers end in a closed connection after so many bytes. Shorter ones pass."""

    async def tampered(scope: Scope, receive: Receive, send: Send) -> None:
        left, hangs_up = effect.after, False

        async def take(message: Message) -> None:
            nonlocal left, hangs_up
            body = message.get("body", b"")
            if hangs_up:
                return
            if len(body) > left:
                fault_match.record_applied(f"the body cut after {effect.after} bytes")
                hangs_up = True
                message = {"type": "http.response.body", "body": body[:left], "more_body": True}
            left -= len(body)
            await send(message)

        await app(scope, receive, take)
        if hangs_up:
            await close_connection(scope, receive)

    return tampered


class _EventStreamFilter:
    """What stands between an app that streams events and the client. The app goes on to its end, whatever happens."""

    def __init__(
        self, hit: FaultMatch, fault: StreamEffect, *, send: Send, stall: Callable[[], Awaitable[bool]]
    ) -> None:
        self.closes_connection = False
        self._hit = hit
        self._fault = fault
        self._send = send
        self._stall = stall
        self._passes = True  # what comes goes out as it is
        self._is_over = False  # nothing goes out any more
        self._left = fault.after  # events until the fault
        self._partial_event = b""  # an event that is not all there yet

    async def receive(self, message: Message) -> None:
        """Take what the app sends."""
        if message["type"] == "http.response.start":
            self._passes = not _is_event_stream(message)
            await self._send(message)
        elif self._passes:
            await self._send(message)
        elif not self._is_over:
            await self._take_events(message.get("body", b""), more=message.get("more_body", False))

    async def _take_events(self, body: bytes, *, more: bool) -> None:
        *events, self._partial_event = (self._partial_event + body).split(_EVENT_SEPARATOR)
        good, rest = events[: self._left], events[self._left :]
        self._left -= len(good)
        await self._send_on(good)
        at_end = not more and not self._left and self._fault.kind in _KINDS_AT_STREAM_END
        if rest or at_end:
            self._hit.record_applied(f"the stream: {self._fault.kind} {self._fault.after} events")
            await self._apply_fault(rest, more=more)
        elif not more:
            await self._pass_on([], more=False)

    async def _apply_fault(self, rest: list[bytes], *, more: bool) -> None:
        match self._fault.kind:
            case StreamFaultKind.CUT:
                self.closes_connection = self._is_over = True
            case StreamFaultKind.END:
                self._is_over = True
                await self._send(_END_OF_BODY)
            case StreamFaultKind.STALL:
                if await self._stall():
                    await self._pass_on(rest, more=more)
                else:
                    self.closes_connection = self._is_over = True
            case StreamFaultKind.BREAK:
                await self._pass_on([_truncate_data(rest[0]), *rest[1:]], more=more)

    async def _send_on(self, events: list[bytes]) -> None:
        if events:
            await self._send({"type": "http.response.body", "body": _join_events(events), "more_body": True})

    async def _pass_on(self, events: list[bytes], *, more: bool) -> None:
        """Send these and what has begun, and from here on whatever comes."""
        self._passes = True
        await self._send(
            {"type": "http.response.body", "body": _join_events(events) + self._partial_event, "more_body": more}
        )


def _is_event_stream(start: Message) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in start["headers"])


def _join_events(events: list[bytes]) -> bytes:
    return b"".join(event + _EVENT_SEPARATOR for event in events)


def _truncate_data(event: bytes) -> bytes:
    """Return an event with the first half of its data, which is never JSON: an object that does not end."""
    head, data = event.split(_DATA, 1)
    return head + _DATA + data[: len(data) // 2]
