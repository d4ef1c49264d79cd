"""Server-sent events, rendered in batches while they are sent."""

import asyncio
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from simulator.training.token_counts import CHARACTERS_PER_TOKEN

# One event for each token, as usage counts tokens.
TOKEN_PATTERN: Final = re.compile(f".{{1,{CHARACTERS_PER_TOKEN}}}", re.DOTALL)

# Events in one message: sending a message costs more than rendering an event.
EVENTS_PER_BATCH: Final = 128


def batch_events(events: Iterable[str], *, batch_size: int = EVENTS_PER_BATCH) -> Iterator[bytes]:
    """Yield batches of events. The events are ASCII."""
    remaining = iter(events)
    while batch := "".join(islice(remaining, batch_size)):
        yield batch.encode("ascii")


class EventStream(Response):
    """A stream that ends soon.

    Starlette's own listens for a disconnect with a task for each stream, which costs as much as a hundred events. This
    one does not: the server drops what it sends after a disconnect, and waits for a client that reads slowly. With
    `yields_between_batches` other requests can run between two batches.
    """

    media_type = "text/event-stream"

    def __init__(
        self, batches: Iterable[bytes], *, headers: Mapping[str, str], yields_between_batches: bool = False
    ) -> None:
        self._batches = batches
        self._yields_between_batches = yields_between_batches
        self.status_code = 200
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  ASGI's signature
        """Send the batches."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            for batch in self._batches:
                await send({"type": "http.response.body", "body": batch, "more_body": True})
                if self._yields_between_batches:
                    await asyncio.sleep(0)
        finally:
            if isinstance(self._batches, Generator):  # also when the stream breaks off
                self._batches.close()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
