"""The requests that made the AWS account what it is, in order. What they mean is their writer's business."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from simulator.store.database import Database, record_simulated_time

_BATCH: Final = 64  # how many are in memory at once: a small body may still have 64 kB
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAwsRequest:
    """A request as it came, when that was, and how it was answered.

    Ids and secrets are derived from `seed`. `simulated_us` is the simulated time in microseconds since the Unix epoch,
    `caller_seconds` the callers' time in seconds. `headers` is text. The body is in `body`, or in the file named by
    `sha256`, or not stored.
    """

    ordinal: int
    seed: str
    simulated_us: int
    caller_seconds: float
    method: str
    target: str
    headers: str
    body: bytes | None
    sha256: str | None
    status: int


class AwsRequestStore:
    """All of them: numbered 0, 1, 2, …, never changed and never removed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, request: StoredAwsRequest) -> None:
        """Keep the next one."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO aws_requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    request.ordinal,
                    request.seed,
                    request.simulated_us,
                    request.caller_seconds,
                    request.method,
                    request.target,
                    request.headers,
                    request.body,
                    request.sha256,
                    request.status,
                ),
            )
            record_simulated_time(connection, request.simulated_us // _MICROSECONDS)

    def iterate(self) -> Iterator[StoredAwsRequest]:
        """Give each, oldest first, a few in memory at once."""
        following = 0
        while rows := self._database.rows(
            "SELECT * FROM aws_requests WHERE ordinal >= ? ORDER BY ordinal LIMIT ?", following, _BATCH
        ):
            yield from map(_request, rows)
            following = rows[-1][0] + 1

    def initial_seed(self) -> str | None:
        """Return the seed of the first; None when there is none."""
        row = self._database.row("SELECT seed FROM aws_requests ORDER BY ordinal LIMIT 1")
        return None if row is None else str(row[0])

    def body_sha256s(self) -> frozenset[str]:
        """Return the SHA-256 of all bodies that are in files."""
        sql = "SELECT DISTINCT sha256 FROM aws_requests WHERE sha256 IS NOT NULL"
        return frozenset(sha256 for (sha256,) in self._database.rows(sql))


def _request(row: tuple[Any, ...]) -> StoredAwsRequest:
    ordinal, seed, at, callers, method, target, headers, body, sha256, status = row
    return StoredAwsRequest(
        ordinal=ordinal,
        seed=seed,
        simulated_us=at,
        caller_seconds=callers,
        method=method,
        target=target,
        headers=headers,
        body=body,
        sha256=sha256,
        status=status,
    )
