"""The line to a caller: what an app receives over it, and word at once when the caller hangs up.

ASGI tells of a hang-up to whoever is receiving, and nobody is while an app works or sleeps. Whether a caller waited out
an answer or left it after a second is the difference between a patient client and a careful one.
"""

import asyncio
from collections.abc import Callable

from simulator.http.asgi import Message, Receive


class Line:
    """Receives for an app, and listens by itself once `listen` was called and the app does not.

    A request's body is never read ahead of the app by more than one message, unless `read_ahead` was called.
    """

    __slots__ = ("_asked", "_begun", "_ears", "_heard", "_hung_up", "_listens", "_news", "_receive", "whole")

    def __init__(self, receive: Receive, *, hung_up: Callable[[bool], None]) -> None:
        """`hung_up` is told of a hang-up, and whether it was heard as it happened or may have happened before."""
        self._receive = receive
        self._hung_up = hung_up
        self._listens = False  # from some time on, whenever it may
        self._asked = False  # somebody is receiving, and it is not the listener
        self._begun = False
        self.whole = False  # the body is there, all of it
        self._heard: list[Message] = []  # by the listener, for the app
        self._news: asyncio.Event | None = None  # made with the listener
        self._ears: asyncio.Task[None] | None = None

    @property
    def waits(self) -> bool:
        """Whether it is the caller who keeps the app waiting, with a body that is not all there."""
        return self._asked and not self.whole

    async def receive(self) -> Message:
        """Return the next message for the app."""
        while self._news and self._ears and not self._ears.done() and not self._heard:
            self._news.clear()
            await self._news.wait()
        if self._heard:
            message = self._heard.pop(0)
        else:
            self._asked = True
            try:
                message = await self._next()
            finally:
                self._asked = False
        self._begun = True
        self._listen_if_free()
        return message

    def listen(self) -> None:
        """From now on, hear the caller hang up even where the app does not listen."""
        self._listens = True
        self._listen_if_free()

    async def read_ahead(self, *, most: int) -> bytes | None:
        """Read the body, and return it; the app still gets it. None when it has more than so many bytes.

        It is called before the app has asked for anything.
        """
        body = b""
        self._asked = True
        try:
            while not self.whole and len(body) <= most:
                message = await self._hear()
                if message["type"] == "http.disconnect":
                    break
                body += message.get("body", b"")
        finally:
            self._asked = False
        self._listen_if_free()
        return body if self.whole and len(body) <= most else None

    def close(self) -> None:
        """The exchange is over; whatever becomes of the connection is no matter of it."""
        ears, self._ears, self._listens = self._ears, None, False
        if ears and self._news:
            ears.cancel()
            self._news.set()

    def _listen_if_free(self) -> None:
        # An app in the middle of a body reads on by itself, and two who receive at once would each get a part of it.
        free = not self._asked and (self.whole or not (self._begun or self._heard))
        if self._listens and free and (self._ears is None or self._ears.done()):
            self._news = asyncio.Event()
            self._ears = asyncio.create_task(self._listening(self._news))

    async def _listening(self, news: asyncio.Event) -> None:
        listens = True
        while listens:
            # After the whole body only a hang-up can come; and of a longer one no more than this is read ahead.
            was_whole = self.whole
            message = await self._hear()
            news.set()
            listens = message["type"] != "http.disconnect" and self.whole and not was_whole

    async def _hear(self) -> Message:
        message = await self._next()
        self._heard.append(message)
        return message

    async def _next(self) -> Message:
        waited: list[bool] = []  # it is filled only if what follows lets the loop go on
        asyncio.get_running_loop().call_soon(waited.append, True)
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._hung_up(bool(waited))
        elif not message.get("more_body", False):
            self.whole = True
        return message
