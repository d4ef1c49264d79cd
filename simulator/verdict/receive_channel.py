"""The line to a caller: what an app receives over it, and word at once when the caller hangs up.

ASGI tells of a hang-up to whoever is receiving, and nobody is while an app works or sleeps. Whether a caller waited out
an answer or left it after a second is the difference between a patient client and a careful one.
"""

import asyncio
from collections.abc import Callable

from simulator.http.asgi import Message, Receive


class ReceiveChannel:
    """Receives for an app, and listens by itself once `listen_for_disconnect` was called and the app does not.

    A request's body is never read ahead of the app by more than one message, unless `read_ahead` was called.
    """

    __slots__ = (
        "_buffered",
        "_has_started",
        "_hung_up",
        "_is_listening",
        "_is_receiving",
        "_listener",
        "_news_event",
        "_receive",
        "is_body_complete",
    )

    def __init__(self, receive: Receive, *, on_disconnect: Callable[[bool], None]) -> None:
        """`on_disconnect` is told of a hang-up, and whether it was heard as it happened or may have happened before."""
        self._receive = receive
        self._hung_up = on_disconnect
        self._is_listening = False  # from some time on, whenever it may
        self._is_receiving = False  # somebody is receiving, and it is not the listener
        self._has_started = False
        self.is_body_complete = False  # the body is there, all of it
        self._buffered: list[Message] = []  # by the listener, for the app
        self._news_event: asyncio.Event | None = None  # made with the listener
        self._listener: asyncio.Task[None] | None = None

    @property
    def is_waiting_for_body(self) -> bool:
        """Whether it is the caller who keeps the app waiting, with a body that is not all there."""
        return self._is_receiving and not self.is_body_complete

    async def receive(self) -> Message:
        """Return the next message for the app."""
        while self._news_event and self._listener and not self._listener.done() and not self._buffered:
            self._news_event.clear()
            await self._news_event.wait()
        if self._buffered:
            message = self._buffered.pop(0)
        else:
            self._is_receiving = True
            try:
                message = await self._next()
            finally:
                self._is_receiving = False
        self._has_started = True
        self._listen_if_free()
        return message

    def listen_for_disconnect(self) -> None:
        """From now on, hear the caller hang up even where the app does not listen."""
        self._is_listening = True
        self._listen_if_free()

    async def read_ahead(self, *, max_bytes: int) -> bytes | None:
        """Read the body, and return it; the app still gets it. None when it has more than so many bytes.

        It is called before the app has asked for anything.
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
        """The exchange is over; whatever becomes of the connection is no matter of it."""
        ears, self._listener, self._is_listening = self._listener, None, False
        if ears and self._news_event:
            ears.cancel()
            self._news_event.set()

    def _listen_if_free(self) -> None:
        # An app in the middle of a body reads on by itself, and two who receive at once would each get a part of it.
        free = not self._is_receiving and (self.is_body_complete or not (self._has_started or self._buffered))
        if self._is_listening and free and (self._listener is None or self._listener.done()):
            self._news_event = asyncio.Event()
            self._listener = asyncio.create_task(self._listening(self._news_event))

    async def _listening(self, news: asyncio.Event) -> None:
        listens = True
        while listens:
            # After the whole body only a hang-up can come; and of a longer one no more than this is read ahead.
            was_whole = self.is_body_complete
            message = await self._buffer_next()
            news.set()
            listens = message["type"] != "http.disconnect" and self.is_body_complete and not was_whole

    async def _buffer_next(self) -> Message:
        message = await self._next()
        self._buffered.append(message)
        return message

    async def _next(self) -> Message:
        waited: list[bool] = []  # it is filled only if what follows lets the loop go on
        asyncio.get_running_loop().call_soon(waited.append, True)
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._hung_up(bool(waited))
        elif not message.get("more_body", False):
            self.is_body_complete = True
        return message
