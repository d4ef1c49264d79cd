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

from simulator.aws.moto_state import OperationTime
from simulator.aws.request import AwsRequest
from simulator.store.aws_requests import AwsRequestStore, StoredAwsRequest
from simulator.store.blobs import BlobStore, StagedBlob

MAX_INLINE_BODY_BYTES: Final = 65_536
"""Bytes up to which a body is held in memory and stands in the journal itself."""

RequestBody: TypeAlias = bytes | StagedBlob


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A request that changed something, or may have: the `ordinal`-th of its account, when it came, and its answer.

    `seed` is the account's.
    """

    ordinal: int
    seed: int
    time: OperationTime
    request: AwsRequest
    status: int


class Journal:
    """All entries of one account, oldest first; nobody else may have the folder of bodies."""

    def __init__(self, *, requests: AwsRequestStore, bodies: BlobStore) -> None:
        self._requests = requests
        self._bodies = bodies
        bodies.remove_unreferenced(
            requests.body_sha256s()
        )  # those of requests that were cut off before they were written down

    @property
    def seed(self) -> int | None:
        """The seed that the account began with; None when it has not begun."""
        seed = self._requests.initial_seed()
        return None if seed is None else int(seed)

    def find_corruption(self) -> str | None:
        """Return the name of a body whose file is not whole, and what is wrong with it; None when all are."""
        faults = ((name, self._bodies.find_corruption(name)) for name in sorted(self._requests.body_sha256s()))
        return next((f"{name} {fault}" for name, fault in faults if fault), None)

    def receive_body(self, body: BinaryIO) -> RequestBody:
        """Put a body where it will be found again, once it is kept. The body is left at its beginning.

        Raises:
            StoreFullError: the disk is full.
        """
        small = body.read(MAX_INLINE_BODY_BYTES + 1)
        body.seek(0)
        if len(small) <= MAX_INLINE_BODY_BYTES:
            return small
        incoming = self._bodies.stage(body)
        body.seek(0)
        return incoming

    def append(self, entry: JournalEntry, body: RequestBody | None) -> None:
        """Write an entry down, without a body if there is to be none. Neither a kill nor a power cut can undo it then.

        Raises:
            StoreFullError: the disk is full; the entry is not kept.
        """
        incoming = body if isinstance(body, StagedBlob) else None
        small = body if isinstance(body, bytes) else None
        with self._bodies.commit(incoming) if incoming else nullcontext():
            self._requests.append(
                StoredAwsRequest(
                    ordinal=entry.ordinal,
                    seed=str(entry.seed),
                    simulated_us=entry.time.simulated_us,
                    caller_seconds=entry.time.caller_seconds,
                    method=entry.request.method,
                    target=entry.request.target,
                    headers=json.dumps(entry.request.headers),
                    body=small,
                    sha256=incoming.sha256 if incoming else None,
                    status=entry.status,
                )
            )

    def discard_body(self, body: StagedBlob) -> None:
        """Let go of a body that was received and is not to be kept."""
        self._bodies.discard(body)

    def entries(self) -> Iterator[tuple[JournalEntry, BinaryIO | None]]:
        """Give each entry with its body, if that was kept; it is closed when the next is asked for."""
        for stored in self._requests.iterate():
            entry = JournalEntry(
                ordinal=stored.ordinal,
                seed=int(stored.seed),
                time=OperationTime(simulated_us=stored.simulated_us, caller_seconds=stored.caller_seconds),
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
            with self._bodies.open(stored.sha256) as body:
                yield body
