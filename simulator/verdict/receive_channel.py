"""The channel from a client: passes messages to the app, and detects a disconnect when it happens.

ASGI reports a disconnect only to a caller of `receive`. An app that computes or sleeps does not call it. Without this
channel the verdict would not know how long the client really waited.
"""

import asyncio
from collections.abc import Callable

from simulator.http.asgi import Message, Receive


class ReceiveChannel:
    """Receives for an app. After `listen_for_disconnect` it also receives by itself while the app does not.

    It reads at most one message of the body ahead of the app, unless `read_ahead` is called.
    """

    __slots__ = (
        "_app_has_received",
        "_buffered_messages",
        "_is_listening",
        "_is_receiving",
        "_listener",
        "_message_arrived",
        "_on_disconnect",
        "_receive",
        "is_body_complete",
    )

    def __init__(self, receive: Receive, *, on_disconnect: Callable[[bool], None]) -> None:
        """`on_disconnect` gets True if the disconnect was detected when it happened, False if it may be older."""
        self._receive = receive
        self._on_disconnect = on_disconnect
        self._is_listening = False  # listen whenever the app does not receive
        self._is_receiving = False  # a receive other than the listener's is in progress
        self._app_has_received = False
        self.is_body_complete = False
        self._buffered_messages: list[Message] = []  # received by the listener, for the app
        self._message_arrived: asyncio.Event | None = None  # created with the listener
        self._listener: asyncio.Task[None] | None = None

    @property
    def is_waiting_for_body(self) -> bool:
        """Whether the app waits for the client to send the rest of the body."""
        return self._is_receiving and not self.is_body_complete

    async def receive(self) -> Message:
        """Return the next message for the app."""
        while self._message_arrived and self._listener and not self._listener.done() and not self._buffered_messages:
            self._message_arrived.clear()
            await self._message_arrived.wait()
        if self._buffered_messages:
            message = self._buffered_messages.pop(0)
        else:
            self._is_receiving = True
            try:
                message = await self._receive_next()
            finally:
                self._is_receiving = False
        self._app_has_received = True
        self._listen_if_free()
        return message

    def listen_for_disconnect(self) -> None:
        """From now on, detect a disconnect even while the app does not receive."""
        self._is_listening = True
        self._listen_if_free()

    async def read_ahead(self, *, max_bytes: int) -> bytes | None:
        """Read the body and return it; None if it is longer than `max_bytes` or incomplete. The app still gets it.

        Call it before the app receives its first message.
        """
        body = b""
        self._is_receiving = True
        try:
            while not self.is_body_complete and len(body) <= max_bytes:
                message = await self._buffer_next()
                if message["type"] == "http.disconnect":
                    break
                body += message.get("body", b"")
        finally:
            self._is_receiving = False
        self._listen_if_free()
        return body if self.is_body_complete and len(body) <= max_bytes else None

    def close(self) -> None:
        """Stop listening: the exchange is over, and a later disconnect does not belong to it."""
        listener, self._listener, self._is_listening = self._listener, None, False
        if listener and self._message_arrived:
            listener.cancel()
            self._message_arrived.set()

    def _listen_if_free(self) -> None:
        # Two concurrent receives would each get a part of the body. An app that has started to read it reads the rest.
        body_is_unread_or_complete = self.is_body_complete or not (self._app_has_received or self._buffered_messages)
        is_free = not self._is_receiving and body_is_unread_or_complete
        if self._is_listening and is_free and (self._listener is None or self._listener.done()):
            self._message_arrived = asyncio.Event()
            self._listener = asyncio.create_task(self._listen(self._message_arrived))

    async def _listen(self, message_arrived: asyncio.Event) -> None:
        listens = True
        while listens:
            # After a complete body only a disconnect can follow. If the body continues, one message is read ahead.
            was_complete = self.is_body_complete
            message = await self._buffer_next()
            message_arrived.set()
            listens = message["type"] != "http.disconnect" and self.is_body_complete and not was_complete

    async def _buffer_next(self) -> Message:
        message = await self._receive_next()
        self._buffered_messages.append(message)
        return message

    async def _receive_next(self) -> Message:
        loop_runs: list[bool] = []  # filled only if the receive below lets the event loop run
        asyncio.get_running_loop().call_soon(loop_runs.append, True)
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._on_disconnect(bool(loop_runs))
        elif not message.get("more_body", False):
            self.is_body_complete = True
        return message
