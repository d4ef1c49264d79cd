"""The journal of an AWS account: the requests that changed it, stored so that a replay rebuilds the account.

A small body is stored in the journal itself, a large one in a file named by its SHA-256. The entry of a rejected
request that changed nothing may have no body; it keeps its place in the order.
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
"""The largest body that is held in memory and stored in the journal itself."""

RequestBody: TypeAlias = bytes | StagedBlob


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """A request that changed the account or may have: its number, its time and the status of its response.

    `seed` is the account's.
    """

    ordinal: int
    seed: int
    time: OperationTime
    request: AwsRequest
    status: int


class Journal:
    """All entries of one account, oldest first. Only the journal may write to the folder of bodies."""

    def __init__(self, *, requests: AwsRequestStore, bodies: BlobStore) -> None:
        self._requests = requests
        self._bodies = bodies
        # A kill between the file of a body and its entry leaves an unreferenced file.
        bodies.remove_unreferenced(requests.list_body_hashes())

    @property
    def seed(self) -> int | None:
        """The seed that the account began with; None when the journal is empty."""
        seed = self._requests.initial_seed()
        return None if seed is None else int(seed)

    def find_corruption(self) -> str | None:
        """Return the name of a missing or damaged body file and its problem; None when all files are intact."""
        corruptions = ((name, self._bodies.find_corruption(name)) for name in sorted(self._requests.list_body_hashes()))
        return next((f"{name} {problem}" for name, problem in corruptions if problem), None)

    def receive_body(self, body: BinaryIO) -> RequestBody:
        """Store a body until `append` or `discard_body`. The stream is rewound to its start.

        Raises:
            StoreFullError: the disk is full.
        """
        inline_body = body.read(MAX_INLINE_BODY_BYTES + 1)
        body.seek(0)
        if len(inline_body) <= MAX_INLINE_BODY_BYTES:
            return inline_body
        staged_body = self._bodies.stage(body)
        body.seek(0)
        return staged_body

    def append(self, entry: JournalEntry, body: RequestBody | None) -> None:
        """Append an entry, durably; without a body if `body` is None.

        Raises:
            StoreFullError: the disk is full; the entry is not stored.
        """
        staged_body = body if isinstance(body, StagedBlob) else None
        inline_body = body if isinstance(body, bytes) else None
        with self._bodies.commit(staged_body) if staged_body else nullcontext():
            self._requests.append(
                StoredAwsRequest(
                    ordinal=entry.ordinal,
                    seed=str(entry.seed),
                    simulated_us=entry.time.simulated_us,
                    caller_seconds=entry.time.caller_seconds,
                    method=entry.request.method,
                    target=entry.request.target,
                    headers=json.dumps(entry.request.headers),
                    body=inline_body,
                    sha256=staged_body.sha256 if staged_body else None,
                    status=entry.status,
                )
            )

    def discard_body(self, body: StagedBlob) -> None:
        """Remove a received body that no entry needs."""
        self._bodies.discard(body)

    def entries(self) -> Iterator[tuple[JournalEntry, BinaryIO | None]]:
        """Yield each entry with its body, or with None if the body was not stored. The next step closes the body."""
        for stored_request in self._requests.iterate():
            entry = JournalEntry(
                ordinal=stored_request.ordinal,
                seed=int(stored_request.seed),
                time=OperationTime(
                    simulated_us=stored_request.simulated_us, caller_seconds=stored_request.caller_seconds
                ),
                request=AwsRequest(
                    method=stored_request.method,
                    target=stored_request.target,
                    headers=tuple((name, value) for name, value in json.loads(stored_request.headers)),
                ),
                status=stored_request.status,
            )
            with self._open_body(stored_request) as body:
                yield entry, body

    @contextmanager
    def _open_body(self, request: StoredAwsRequest) -> Iterator[BinaryIO | None]:
        if request.sha256 is None:
            yield None if request.body is None else io.BytesIO(request.body)
        else:
            with self._bodies.open(request.sha256) as body:
                yield body
