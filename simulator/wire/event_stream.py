"""Server-sent events as they leave: batches of bytes that are made while they are sent."""

import asyncio
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from simulator.training.token_counts import CHARACTERS_PER_TOKEN

# One event a token, as usage counts them.
TOKEN_PATTERN: Final = re.compile(f".{{1,{CHARACTERS_PER_TOKEN}}}", re.DOTALL)

# So many events go out at once: a message to the server costs more than the making of an event.
EVENTS_PER_BATCH: Final = 128


def batch_events(events: Iterable[str], *, batch_size: int = EVENTS_PER_BATCH) -> Iterator[bytes]:
    """Yield server-sent events, in ASCII already, so many at a time."""
    going_on = iter(events)
    while batch := "".join(islice(going_on, batch_size)):
        yield batch.encode("ascii")


class EventStream(Response):
    """A stream that ends by itself and soon.

    It does not listen for the client going away, as Starlette's own does with a task a stream, which costs as much as
    a hundred events: the server drops what comes after that, and waits for a client that reads slowly. One that
    `gives_way` lets other requests in between two batches.
    """

    media_type = "text/event-stream"

    def __init__(
        self, batches: Iterable[bytes], *, headers: Mapping[str, str], yields_between_batches: bool = False
    ) -> None:
        self._batches = batches
        self._gives_way = yields_between_batches
        self.status_code = 200
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        """Send the batches."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            for batch in self._batches:
                await send({"type": "http.response.body", "body": batch, "more_body": True})
                if self._gives_way:
                    await asyncio.sleep(0)
        finally:
            if isinstance(self._batches, Generator):  # a stream that broke off leaves nothing open
                self._batches.close()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
