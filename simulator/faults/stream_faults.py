"""Faults in streams of server-sent events: they are cut, end too soon, stall, or have an invalid event."""

from collections.abc import Awaitable, Callable
from typing import Final

from simulator.faults.connection import close_connection, has_connection
from simulator.faults.fault_match import FaultMatch
from simulator.faults.request_fault import StreamEffect, StreamFaultKind
from simulator.http.asgi import App, Message, Receive, Scope, Send

_EVENT_SEPARATOR: Final = b"\n\n"
_DATA: Final = b"data: "
# Only these take effect at the end of a stream; the others change the next event.
_KINDS_AT_STREAM_END: Final = (StreamFaultKind.CUT, StreamFaultKind.STALL)
_END_OF_BODY: Final[Message] = {"type": "http.response.body", "body": b"", "more_body": False}


def apply_stream_fault(app: App, fault_match: FaultMatch, effect: StreamEffect) -> App:
    """Return the app with a fault in its streams of server-sent events. Other responses are unchanged."""

    async def layer(scope: Scope, receive: Receive, send: Send) -> None:
        async def stall() -> bool:
            if effect.seconds is None and not has_connection(scope):
                return False  # there is no client that could disconnect
            return await fault_match.delay_gate.wait(effect.seconds, receive=receive)

        stream = _EventStreamFilter(fault_match, effect, send=send, stall=stall)
        await app(scope, receive, stream.receive)
        if stream.closes_connection:
            await close_connection(scope, receive)

    return layer


class _EventStreamFilter:
    """Filters what the app sends to the client. The app itself always runs to its end."""

    def __init__(
        self, fault_match: FaultMatch, effect: StreamEffect, *, send: Send, stall: Callable[[], Awaitable[bool]]
    ) -> None:
        self.closes_connection = False
        self._fault_match = fault_match
        self._effect = effect
        self._send = send
        self._stall = stall
        self._is_unchanged = True  # messages are sent as they are
        self._is_over = False  # nothing more is sent
        self._remaining = effect.after  # events until the fault
        self._partial_event = b""  # the beginning of an event whose end has not arrived

    async def receive(self, message: Message) -> None:
        """Handle a message that the app sends."""
        if message["type"] == "http.response.start":
            self._is_unchanged = not _is_event_stream(message)
            await self._send(message)
        elif self._is_unchanged:
            await self._send(message)
        elif not self._is_over:
            await self._handle_events(message.get("body", b""), has_more=message.get("more_body", False))

    async def _handle_events(self, body: bytes, *, has_more: bool) -> None:
        *events, self._partial_event = (self._partial_event + body).split(_EVENT_SEPARATOR)
        events_before, later_events = events[: self._remaining], events[self._remaining :]
        self._remaining -= len(events_before)
        await self._send_events(events_before)
        at_end = not has_more and not self._remaining and self._effect.kind in _KINDS_AT_STREAM_END
        if later_events or at_end:
            self._fault_match.record_applied(f"the stream: {self._effect.kind} {self._effect.after} events")
            await self._apply_effect(later_events, has_more=has_more)
        elif not has_more:
            await self._send_remainder([], has_more=False)

    async def _apply_effect(self, events: list[bytes], *, has_more: bool) -> None:
        match self._effect.kind:
            case StreamFaultKind.CUT:
                self.closes_connection = self._is_over = True
            case StreamFaultKind.END:
                self._is_over = True
                await self._send(_END_OF_BODY)
            case StreamFaultKind.STALL:
                if await self._stall():
                    await self._send_remainder(events, has_more=has_more)
                else:
                    self.closes_connection = self._is_over = True
            case StreamFaultKind.BREAK:
                await self._send_remainder([_truncate_data(events[0]), *events[1:]], has_more=has_more)

    async def _send_events(self, events: list[bytes]) -> None:
        if events:
            await self._send({"type": "http.response.body", "body": _join_events(events), "more_body": True})

    async def _send_remainder(self, events: list[bytes], *, has_more: bool) -> None:
        """Send these events and the partial one. From now on messages are unchanged."""
        self._is_unchanged = True
        await self._send(
            {"type": "http.response.body", "body": _join_events(events) + self._partial_event, "more_body": has_more}
        )


def _is_event_stream(start: Message) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in start["headers"])


def _join_events(events: list[bytes]) -> bytes:
    return b"".join(event + _EVENT_SEPARATOR for event in events)


def _truncate_data(event: bytes) -> bytes:
    """Return an event with the first half of its data: an object without an end, which is not valid JSON."""
    head, data = event.split(_DATA, 1)
    return head + _DATA + data[: len(data) // 2]
