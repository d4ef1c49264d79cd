"""Stores the requests that changed the AWS account, in order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from simulator.store.database import Database, record_simulated_time

_BATCH_SIZE: Final = 64  # rows in memory at once; an inline body may have 64 kB
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAwsRequest:
    """A request with its times and the status of its response.

    Ids and secrets are derived from `seed`. `simulated_us` is the simulated time in microseconds since the Unix epoch.
    `caller_seconds` is the time of the clock that callers use, in seconds since the Unix epoch. `headers` is text. The
    body is in `body`, or in the file named by `sha256`, or not stored.
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
    """All requests, numbered 0, 1, 2, …; append-only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, request: StoredAwsRequest) -> None:
        """Append the next request."""
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
        """Yield all requests, oldest first; only a batch is in memory at once."""
        next_ordinal = 0
        while rows := self._database.rows(
            "SELECT * FROM aws_requests WHERE ordinal >= ? ORDER BY ordinal LIMIT ?", next_ordinal, _BATCH_SIZE
        ):
            yield from map(_parse_row, rows)
            next_ordinal = rows[-1][0] + 1

    def initial_seed(self) -> str | None:
        """Return the seed of the first request; None if no request is stored."""
        row = self._database.row("SELECT seed FROM aws_requests ORDER BY ordinal LIMIT 1")
        return None if row is None else str(row[0])

    def list_body_hashes(self) -> frozenset[str]:
        """Return the SHA-256 of all bodies that are stored in files."""
        sql = "SELECT DISTINCT sha256 FROM aws_requests WHERE sha256 IS NOT NULL"
        return frozenset(sha256 for (sha256,) in self._database.rows(sql))


def _parse_row(row: tuple[Any, ...]) -> StoredAwsRequest:
    ordinal, seed, simulated_us, caller_seconds, method, target, headers, body, sha256, status = row
    return StoredAwsRequest(
        ordinal=ordinal,
        seed=seed,
        simulated_us=simulated_us,
        caller_seconds=caller_seconds,
        method=method,
        target=target,
        headers=headers,
        body=body,
        sha256=sha256,
        status=status,
    )
