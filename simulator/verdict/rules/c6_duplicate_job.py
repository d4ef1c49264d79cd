"""C6: a job made again after an answer that was lost, without a look whether the first was made."""

from dataclasses import dataclass, field
from typing import Final

from simulator.verdict.exchange import Exchange, JobView, Operation
from simulator.verdict.job_observations import JobObservations
from simulator.verdict.lru_map import LruMap
from simulator.verdict.rule import Case, CaseList, Rule, ServerState, Severity, VerdictContext

DUPLICATE_JOB: Final = Rule(
    id="C6",
    name="created twice after a lost answer",
    question="When the answer to a job's creation is lost, does the client look for the job before it tries again?",
    detection="A job was asked for again (the same body but for its labels, metadata and suffix) after an answer that never "
    "came, was cut off, or was not waited for, and no list of jobs was asked for in between: a fail. A warning after "
    "an answer of 408 or of 500 and more, which leaves open whether the job was made; where the job was of the same "
    "bytes in a file of another id, which another program may have sent; where a list was asked for and not given; and "
    "where a list was read that showed a job, new to the client, with its training file and metadata.",
    impact="The job may have been made and be at work. The API has no idempotency key, so the second request makes a "
    "second job, and both are billed. The OpenAI SDK tries a request three times by itself, this one too.",
    remedy="Create with `client.with_options(max_retries=0)`. When no answer comes, page through "
    "`client.fine_tuning.jobs.list()` for a job with your training file (upload it for this job alone, or tag it in "
    "`metadata`), and create again only where there is none.",
    exceptions="Another try after a 429, which was refused at the door; uploads that are made again, which cost nothing "
    "but space; jobs that differ in anything but their labels; two that are asked for at once.",
)

_ORDERS: Final = 1_024
_LISTED: Final = 1_024  # jobs

_JobKey = tuple[bytes, tuple[tuple[str, str], ...]]
"""What makes two orders the same: all but labels, and the contents of the files."""


@dataclass(slots=True, kw_only=True)
class _LostCreation:
    """An order whose answer was lost.

    `is_list_requested`: a list of jobs was asked for since. `is_list_received`: it was given. `matching_job_id`: one of its jobs has the order's label.
    """

    exchange: Exchange
    is_list_requested: bool = False
    is_list_received: bool = False
    matching_job_id: str | None = None


@dataclass(slots=True, kw_only=True)
class _Client:
    """What one client asked to be made, and the jobs that lists have shown it."""

    lost: LruMap[_JobKey, _LostCreation] = field(default_factory=lambda: LruMap(_ORDERS))
    listed: LruMap[str, bool] = field(default_factory=lambda: LruMap(_LISTED))


class DuplicateJobChecker:
    """Remembers the orders whose answers were lost until somebody looks for their jobs."""

    rule = DUPLICATE_JOB

    def __init__(self, observations: JobObservations, server_state: ServerState) -> None:
        self._sights = observations
        self._truth = server_state
        self._clients: LruMap[str, _Client] = LruMap(_ORDERS)
        self._found = CaseList()

    def observe(self, exchange: Exchange) -> None:
        """Take in an order, or a list of jobs."""
        if exchange.operation is Operation.CREATE_JOB and exchange.request.job_spec_digest:
            self._observe_creation(
                self._clients.get_or_create(exchange.client, _Client), exchange, exchange.request.job_spec_digest
            )
        elif exchange.operation is Operation.LIST_JOBS:
            self._observe_listing(self._clients.get_or_create(exchange.client, _Client), exchange)

    def _observe_creation(self, client: _Client, exchange: Exchange, digest: bytes) -> None:
        if not (exchange.is_effect_unknown or client.lost):
            return
        # Read at once: whoever sends its file again may take the first one back.
        files = tuple((place, self._truth.file_digest(file) or file) for place, file in exchange.request.job_files)
        order = digest, files
        lost = client.lost.get(order)
        if lost and exchange.started_at >= lost.exchange.ended_at:
            self._add_case(lost, exchange)
            client.lost.pop(order)
        if exchange.is_effect_unknown:
            client.lost[order] = _LostCreation(exchange=exchange)

    def _observe_listing(self, client: _Client, exchange: Exchange) -> None:
        for lost in client.lost.values():
            if exchange.started_at < lost.exchange.ended_at:
                continue
            lost.is_list_requested = True
            lost.is_list_received = lost.is_list_received or exchange.is_successful
            label = lost.exchange.request.job_label
            made = (
                sight.job_id
                for sight in exchange.answer.jobs
                if sight.label == label and not self._knows(client, exchange, sight)
            )
            lost.matching_job_id = lost.matching_job_id or next(made, None)
        for sight in exchange.answer.jobs:
            client.listed[sight.job_id] = True

    def _knows(self, client: _Client, exchange: Exchange, sight: JobView) -> bool:
        return sight.job_id in client.listed or self._sights.has_seen(exchange.client, sight.job_id)

    def _add_case(self, lost: _LostCreation, again: Exchange) -> None:
        first = lost.exchange
        if lost.matching_job_id:
            severity, what = Severity.WARN, f"made a job again that the list had shown: {lost.matching_job_id}"
        elif lost.is_list_received:
            return
        elif lost.is_list_requested:
            severity, what = Severity.WARN, "asked for the same job again though no look told whether it had been made"
        else:
            is_sure = not first.is_answered and first.request.job_files == again.request.job_files
            severity = Severity.FAIL if is_sure else Severity.WARN
            what = "asked for the same job again without a look whether it had been made"
        self._found.add(
            Case(severity=severity, client=again.client, what=what, requests=(first.evidence(), again.evidence()))
        )

    def cases(self, _context: VerdictContext) -> CaseList:
        """Return the orders that were made again."""
        return self._found
