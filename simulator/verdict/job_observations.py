"""What each client has seen of each job: the ground that several rules stand on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from simulator.verdict.exchange import EMPTY_ANSWER, TERMINAL_STATUSES, Exchange, JobView, Operation, RequestEvidence
from simulator.verdict.lru_map import LruMap

_SIGHTS: Final = 4_096  # of one client and one job
_JOBS: Final = 16_384
_CLIENTS: Final = 1_024

# A program that pauses for long opens a connection for each look. A person who looks now and then does so as well.
_LOOKS_ON_ONE, _LOOKS_ON_MANY = 2, 5


@dataclass(slots=True, kw_only=True)
class JobObservation:
    """What one client knows of one job, and how it came by it.

    Attributes:
        status: the last that it was shown; `status_exchange` is the request that showed it.
        end_status: the end that it was told of, by the job or by an event; `end_seen_at` is when.
        reads: how often it retrieved the job; `reads_on_one_connection` as many on one connection, one after the other.
        reads_after_end: looks since the end was told; `reads_after_end_on_one_connection` as many on one connection.
        created_on_connection: the connection on which it made the job, if it did.
        checkpoints_exchange: the request by which it first listed checkpoints, where no look came after it.
    """

    client: str
    job_id: str
    status: str
    status_exchange: Exchange
    end_status: str | None = None
    end_seen_at: float = 0.0
    reads: int = 0
    reads_on_one_connection: int = 0
    reads_after_end: int = 0
    reads_after_end_on_one_connection: int = 0
    created_on_connection: str | None = None
    has_listed_checkpoints: bool = False
    checkpoints_exchange: Exchange | None = None
    _connection: str = ""
    _consecutive_reads: int = 0
    _consecutive_reads_after_end: int = 0

    @property
    def was_polled(self) -> bool:
        """Whether it looked again and again, as one does who waits for the end."""
        return self.reads_on_one_connection >= _LOOKS_ON_ONE or self.reads >= _LOOKS_ON_MANY

    @property
    def evidence(self) -> RequestEvidence:
        """The request that showed the last status, as a report shows it."""
        return self.status_exchange.evidence(self.status)

    def record_read(self, exchange: Exchange) -> None:
        """Count a look."""
        is_same = exchange.connection == self._connection
        self._connection = exchange.connection
        self._consecutive_reads = self._consecutive_reads + 1 if is_same else 1
        self.reads += 1
        self.reads_on_one_connection = max(self.reads_on_one_connection, self._consecutive_reads)
        self.checkpoints_exchange = None
        # One that was under way when the end was told knew nothing of it.
        if self.end_status and exchange.started_at >= self.end_seen_at:
            self._consecutive_reads_after_end = self._consecutive_reads_after_end + 1 if is_same else 1
            self.reads_after_end += 1
            self.reads_after_end_on_one_connection = max(
                self.reads_after_end_on_one_connection, self._consecutive_reads_after_end
            )

    def record_status(self, exchange: Exchange, status: str) -> None:
        """Note the status that was shown."""
        self.status, self.status_exchange = status, exchange
        if status in TERMINAL_STATUSES:
            self.record_end(exchange, status)

    def record_end(self, exchange: Exchange, end_status: str) -> None:
        """Note the end that was told."""
        if self.end_status is None:
            self.end_status, self.end_seen_at = end_status, exchange.ended_at


class JobObservations:
    """Folds what every answer showed. Of the jobs on a list only those are noted that the client knows already."""

    def __init__(self) -> None:
        self._observations: LruMap[tuple[str, str], JobObservation] = LruMap(_SIGHTS)
        self._reported_ends: LruMap[str, str] = LruMap(_JOBS)  # the end of a job that somebody was told
        self._latest: LruMap[str, JobObservation] = LruMap(_CLIENTS)

    def observe(self, exchange: Exchange) -> None:
        """Take in one exchange."""
        shown = replace(exchange, answer=EMPTY_ANSWER) if len(exchange.answer.jobs) > 1 else exchange  # to be kept
        for sight in exchange.answer.jobs:
            if sight.status in TERMINAL_STATUSES:
                self._reported_ends[sight.job_id] = sight.status
            if exchange.operation is Operation.LIST_JOBS:
                known = self._observations.get((exchange.client, sight.job_id))
            else:
                known = self._observe_job(exchange, sight)
            if known and known.end_status is None:  # a list may lag behind
                known.record_status(shown, sight.status)
        if exchange.answer.page and exchange.request.job_id:
            self._observe_listing(exchange, exchange.request.job_id)

    def _observe_job(self, exchange: Exchange, sight: JobView) -> JobObservation:
        known = self._observations.get_or_create(
            (exchange.client, sight.job_id),
            lambda: JobObservation(
                client=exchange.client, job_id=sight.job_id, status=sight.status, status_exchange=exchange
            ),
        )
        if exchange.operation is Operation.RETRIEVE_JOB:
            known.record_read(exchange)
        elif exchange.operation is Operation.CREATE_JOB:
            known.created_on_connection = exchange.connection
        self._latest[exchange.client] = known
        return known

    def _observe_listing(self, exchange: Exchange, job: str) -> None:
        if exchange.answer.end_status:
            self._reported_ends[job] = exchange.answer.end_status
        known = self._observations.get((exchange.client, job))
        if known is None:
            return
        if exchange.answer.end_status:
            known.record_end(exchange, exchange.answer.end_status)
        if exchange.operation is Operation.LIST_CHECKPOINTS and not known.has_listed_checkpoints:
            known.has_listed_checkpoints = True
            known.checkpoints_exchange = exchange if exchange.connection == known.created_on_connection else None

    def values(self) -> Iterator[JobObservation]:
        """Yield what is known of each client and job."""
        return self._observations.values()

    def has_seen(self, client: str, job_id: str) -> bool:
        """Whether a client was shown a job, by more than a list."""
        return (client, job_id) in self._observations

    def latest(self, client: str) -> JobObservation | None:
        """Return what a client knows of the job that it was shown last."""
        return self._latest.get(client)

    def is_end_reported(self, job_id: str) -> bool:
        """Whether any client was."""
        return job_id in self._reported_ends
