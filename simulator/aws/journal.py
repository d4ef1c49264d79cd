"""The requests that made an AWS account what it is, kept so that it can be made again: its journal.

A small body stands in the journal itself, a large one in a file of a folder beside it, named by its SHA-256. Of a
request that was refused and changed nothing there may be no body at all; it counts all the same.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import BinaryIO, Final, TypeAlias

from simulator.aws.moto_state import Moment
from simulator.aws.request import AwsRequest
from simulator.store.aws_requests import AwsRequests, StoredAwsRequest
from simulator.store.blobs import Incoming, Uploads

SMALL_BODY: Final = 65_536
"""Bytes up to which a body is held in memory and stands in the journal itself."""

Body: TypeAlias = bytes | Incoming


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A request that changed something, or may have: the `ordinal`-th of its account, when it came, and its answer.

    `seed` is the account's.
    """

    ordinal: int
    seed: int
    moment: Moment
    request: AwsRequest
    status: int


class Journal:
    """All entries of one account, oldest first; nobody else may have the folder of bodies."""

    def __init__(self, *, requests: AwsRequests, bodies: Uploads) -> None:
        self._requests = requests
        self._bodies = bodies
        bodies.sweep(requests.bodies())  # those of requests that were cut off before they were written down

    @property
    def seed(self) -> int | None:
        """The seed that the account began with; None when it has not begun."""
        seed = self._requests.seed()
        return None if seed is None else int(seed)

    def fault(self) -> str | None:
        """Return the name of a body whose file is not whole, and what is wrong with it; None when all are."""
        faults = ((name, self._bodies.fault(name)) for name in sorted(self._requests.bodies()))
        return next((f"{name} {fault}" for name, fault in faults if fault), None)

    def received(self, body: BinaryIO) -> Body:
        """Put a body where it will be found again, once it is kept. The body is left at its beginning.

        Raises:
            StoreFullError: the disk is full.
        """
        small = body.read(SMALL_BODY + 1)
        body.seek(0)
        if len(small) <= SMALL_BODY:
            return small
        incoming = self._bodies.received(body)
        body.seek(0)
        return incoming

    def keep(self, entry: Entry, body: Body | None) -> None:
        """Write an entry down, without a body if there is to be none. Neither a kill nor a power cut can undo it then.

        Raises:
            StoreFullError: the disk is full; the entry is not kept.
        """
        incoming = body if isinstance(body, Incoming) else None
        small = body if isinstance(body, bytes) else None
        with self._bodies.keeping(incoming) if incoming else nullcontext():
            self._requests.append(
                StoredAwsRequest(
                    ordinal=entry.ordinal,
                    seed=str(entry.seed),
                    at=entry.moment.at,
                    callers=entry.moment.callers,
                    method=entry.request.method,
                    target=entry.request.target,
                    headers=json.dumps(entry.request.headers),
                    body=small,
                    sha256=incoming.sha256 if incoming else None,
                    status=entry.status,
                )
            )

    def dismiss(self, body: Incoming) -> None:
        """Let go of a body that was received and is not to be kept."""
        self._bodies.dismiss(body)

    def entries(self) -> Iterator[tuple[Entry, BinaryIO | None]]:
        """Give each entry with its body, if that was kept; it is closed when the next is asked for."""
        for stored in self._requests.all():
            entry = Entry(
                ordinal=stored.ordinal,
                seed=int(stored.seed),
                moment=Moment(at=stored.at, callers=stored.callers),
                request=AwsRequest(
                    method=stored.method,
                    target=stored.target,
                    headers=tuple((name, value) for name, value in json.loads(stored.headers)),
                ),
                status=stored.status,
            )
            with self._opened(stored) as body:
                yield entry, body

    @contextmanager
    def _opened(self, stored: StoredAwsRequest) -> Iterator[BinaryIO | None]:
        if stored.sha256 is None:
            yield None if stored.body is None else io.BytesIO(stored.body)
        else:
            with self._bodies.reading(stored.sha256) as body:
                yield body
