"""What each client knows of each job from the answers that it received. Several rules use it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from simulator.verdict.exchange import EMPTY_ANSWER, TERMINAL_STATUSES, Exchange, JobView, Operation, RequestEvidence
from simulator.verdict.lru_map import LruMap

_MAX_OBSERVATIONS: Final = 4_096
_MAX_ENDED_JOBS: Final = 16_384
_MAX_CLIENTS: Final = 1_024

# A program with long pauses opens a connection for each read, and so does a person who reads now and then. So reads on
# several connections count as polling only if there are more of them.
_POLLING_READS_ON_ONE_CONNECTION, _POLLING_READS = 2, 5


@dataclass(slots=True, kw_only=True)
class JobObservation:
    """What one client knows of one job.

    Attributes:
        status: the latest status that it received; `status_exchange` is the exchange that contained it.
        end_status: the terminal status that it received, from the job or from an event; `end_seen_at` is when.
        reads: how often it retrieved the job; `reads_on_one_connection`: the most in a row on one connection.
        reads_after_end: reads since `end_seen_at`; `reads_after_end_on_one_connection`: the most in a row on one.
        created_on_connection: the connection on which it created the job, if it did.
        checkpoints_exchange: its first list of checkpoints, if it has not retrieved the job since.
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
        """Whether the client read the job often enough to be waiting for its end."""
        return self.reads_on_one_connection >= _POLLING_READS_ON_ONE_CONNECTION or self.reads >= _POLLING_READS

    @property
    def evidence(self) -> RequestEvidence:
        """The exchange with the latest status, as a report prints it."""
        return self.status_exchange.evidence(self.status)

    def record_read(self, exchange: Exchange) -> None:
        """Count a retrieve of the job."""
        is_same_connection = exchange.connection == self._connection
        self._connection = exchange.connection
        self._consecutive_reads = self._consecutive_reads + 1 if is_same_connection else 1
        self.reads += 1
        self.reads_on_one_connection = max(self.reads_on_one_connection, self._consecutive_reads)
        self.checkpoints_exchange = None
        # A read that was in progress when the client received the end does not count.
        if self.end_status and exchange.started_at >= self.end_seen_at:
            self._consecutive_reads_after_end = self._consecutive_reads_after_end + 1 if is_same_connection else 1
            self.reads_after_end += 1
            self.reads_after_end_on_one_connection = max(
                self.reads_after_end_on_one_connection, self._consecutive_reads_after_end
            )

    def record_status(self, exchange: Exchange, status: str) -> None:
        """Note the status that an exchange contained."""
        self.status, self.status_exchange = status, exchange
        if status in TERMINAL_STATUSES:
            self.record_end(exchange, status)

    def record_end(self, exchange: Exchange, end_status: str) -> None:
        """Note the first terminal status that an exchange contained."""
        if self.end_status is None:
            self.end_status, self.end_seen_at = end_status, exchange.ended_at


class JobObservations:
    """Collects the observations from all answers. A list of jobs updates only jobs that the client already knows."""

    def __init__(self) -> None:
        self._observations: LruMap[tuple[str, str], JobObservation] = LruMap(_MAX_OBSERVATIONS)  # by client and job
        self._reported_ends: LruMap[str, str] = LruMap(_MAX_ENDED_JOBS)  # terminal statuses that any client received
        self._latest: LruMap[str, JobObservation] = LruMap(_MAX_CLIENTS)

    def observe(self, exchange: Exchange) -> None:
        """Process one exchange."""
        # A long list is not worth keeping as evidence.
        small_exchange = replace(exchange, answer=EMPTY_ANSWER) if len(exchange.answer.jobs) > 1 else exchange
        for job in exchange.answer.jobs:
            if job.status in TERMINAL_STATUSES:
                self._reported_ends[job.job_id] = job.status
            if exchange.operation is Operation.LIST_JOBS:
                observation = self._observations.get((exchange.client, job.job_id))
            else:
                observation = self._observe_job(exchange, job)
            if observation and observation.end_status is None:  # a list can lag behind the job
                observation.record_status(small_exchange, job.status)
        if exchange.answer.page and exchange.request.job_id:
            self._observe_listing(exchange, exchange.request.job_id)

    def _observe_job(self, exchange: Exchange, job: JobView) -> JobObservation:
        observation = self._observations.get_or_create(
            (exchange.client, job.job_id),
            lambda: JobObservation(
                client=exchange.client, job_id=job.job_id, status=job.status, status_exchange=exchange
            ),
        )
        if exchange.operation is Operation.RETRIEVE_JOB:
            observation.record_read(exchange)
        elif exchange.operation is Operation.CREATE_JOB:
            observation.created_on_connection = exchange.connection
        self._latest[exchange.client] = observation
        return observation

    def _observe_listing(self, exchange: Exchange, job_id: str) -> None:
        """Process a page of a job's events or checkpoints."""
        if exchange.answer.end_status:
            self._reported_ends[job_id] = exchange.answer.end_status
        observation = self._observations.get((exchange.client, job_id))
        if observation is None:
            return
        if exchange.answer.end_status:
            observation.record_end(exchange, exchange.answer.end_status)
        if exchange.operation is Operation.LIST_CHECKPOINTS and not observation.has_listed_checkpoints:
            observation.has_listed_checkpoints = True
            is_creator = exchange.connection == observation.created_on_connection
            observation.checkpoints_exchange = exchange if is_creator else None

    def values(self) -> Iterator[JobObservation]:
        """Yield the observation of each client and job."""
        return self._observations.values()

    def has_received(self, client: str, job_id: str) -> bool:
        """Return whether a client received a job other than in a list."""
        return (client, job_id) in self._observations

    def latest(self, client: str) -> JobObservation | None:
        """Return a client's observation of the job that it received last."""
        return self._latest.get(client)

    def is_end_reported(self, job_id: str) -> bool:
        """Return whether any client received the job's end."""
        return job_id in self._reported_ends
