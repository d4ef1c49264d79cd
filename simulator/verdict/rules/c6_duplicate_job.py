"""C6: the client creates a job again after a lost answer, without checking whether the job exists."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from simulator.verdict.case import Case, CaseList, Severity
from simulator.verdict.checker import ServerState, VerdictContext
from simulator.verdict.exchange import Exchange, JobView, Operation
from simulator.verdict.job_observations import JobObservations
from simulator.verdict.lru_map import LruMap
from simulator.verdict.rule import Rule

DUPLICATE_JOB: Final = Rule(
    id="C6",
    name="created twice after a lost answer",
    question="When the answer to a job's creation is lost, does the client search for the job before it tries again?",
    detection="Fail: the client requests the same job again (the same body except for metadata and suffix) although "
    "the first answer is lost, and requests no list of jobs in between. An answer is lost if it never came, was cut "
    "off, or came after the client stopped waiting. Warning, in each of four cases: the first answer is a 408, or a "
    "500 or above, so that the job may or may not exist; the second job uses a file with another id and the same "
    "bytes, so that the second request may come from another program; a list of jobs was requested but not received; "
    "the list has a job that the client did not know, with the same training file and metadata.",
    impact="The first job may have been created and may be running. The API has no idempotency key, so the second "
    "request creates a second job, and both are billed. By default the OpenAI SDK itself sends every request, also "
    "this one, up to three times.",
    remedy="Create with `client.with_options(max_retries=0)`. If no answer comes, page through "
    "`client.fine_tuning.jobs.list()` and search for a job with your training file. Upload that file for this job "
    "only, or tag the job in `metadata`. Create again only if there is none.",
    exceptions="Another try after a 429, which rejects the request before it has an effect. Uploads that are "
    "repeated, which cost only space. Jobs that differ in more than metadata and suffix. Two jobs that are requested "
    "at the same time.",
)

_MAX_CREATIONS: Final = 1_024
_MAX_LISTED_JOBS: Final = 1_024

_JobKey: TypeAlias = tuple[bytes, tuple[tuple[str, str], ...]]
"""Equal for two creations of the same job: the digest without labels, and the digests of the files."""


@dataclass(slots=True, kw_only=True)
class _LostCreation:
    """A job creation whose answer was lost.

    Attributes:
        exchange: the creation.
        is_list_requested: the client has requested a list of jobs since.
        is_list_received: it has received one.
        matching_job_id: a job in such a list that has the creation's label.
    """

    exchange: Exchange
    is_list_requested: bool = False
    is_list_received: bool = False
    matching_job_id: str | None = None


@dataclass(slots=True, kw_only=True)
class _Client:
    """The lost creations of one client, and the jobs that it received in lists."""

    lost_creations: LruMap[_JobKey, _LostCreation] = field(default_factory=lambda: LruMap(_MAX_CREATIONS))
    listed_job_ids: LruMap[str, bool] = field(default_factory=lambda: LruMap(_MAX_LISTED_JOBS))


class DuplicateJobChecker:
    """Remembers the creations whose answers were lost until the client lists the jobs."""

    rule = DUPLICATE_JOB

    def __init__(self, observations: JobObservations, server_state: ServerState) -> None:
        self._observations = observations
        self._server_state = server_state
        self._clients: LruMap[str, _Client] = LruMap(_MAX_CREATIONS)
        self._cases = CaseList()

    def observe(self, exchange: Exchange) -> None:
        """Process a job creation or a list of jobs."""
        if exchange.operation is Operation.CREATE_JOB and exchange.request.job_spec_digest:
            client = self._clients.get_or_create(exchange.client, _Client)
            self._observe_creation(client, exchange, exchange.request.job_spec_digest)
        elif exchange.operation is Operation.LIST_JOBS:
            self._observe_listing(self._clients.get_or_create(exchange.client, _Client), exchange)

    def _observe_creation(self, client: _Client, exchange: Exchange, spec_digest: bytes) -> None:
        if not (exchange.is_effect_unknown or client.lost_creations):
            return
        # Read the digests now: a client that uploads its file again may delete the first one.
        files = tuple(
            (name, self._server_state.file_digest(file_id) or file_id) for name, file_id in exchange.request.job_files
        )
        key = spec_digest, files
        lost_creation = client.lost_creations.get(key)
        if lost_creation and exchange.started_at >= lost_creation.exchange.ended_at:
            self._add_case(lost_creation, exchange)
            client.lost_creations.pop(key)
        if exchange.is_effect_unknown:
            client.lost_creations[key] = _LostCreation(exchange=exchange)

    def _observe_listing(self, client: _Client, exchange: Exchange) -> None:
        for lost_creation in client.lost_creations.values():
            if exchange.started_at < lost_creation.exchange.ended_at:
                continue
            lost_creation.is_list_requested = True
            lost_creation.is_list_received = lost_creation.is_list_received or exchange.is_successful
            label = lost_creation.exchange.request.job_label
            matching_ids = (
                job.job_id
                for job in exchange.answer.jobs
                if job.label == label and not self._is_known(client, exchange, job)
            )
            lost_creation.matching_job_id = lost_creation.matching_job_id or next(matching_ids, None)
        for job in exchange.answer.jobs:
            client.listed_job_ids[job.job_id] = True

    def _is_known(self, client: _Client, exchange: Exchange, job: JobView) -> bool:
        return job.job_id in client.listed_job_ids or self._observations.has_received(exchange.client, job.job_id)

    def _add_case(self, lost_creation: _LostCreation, second: Exchange) -> None:
        first = lost_creation.exchange
        if lost_creation.matching_job_id:
            severity, what = Severity.WARN, f"created a job again that was in the list: {lost_creation.matching_job_id}"
        elif lost_creation.is_list_received:
            return
        elif lost_creation.is_list_requested:
            severity, what = Severity.WARN, "created the same job again, although the list of jobs never arrived"
        else:
            is_certain = not first.is_answered and first.request.job_files == second.request.job_files
            severity = Severity.FAIL if is_certain else Severity.WARN
            what = "created the same job again without checking whether it exists"
        requests = (first.evidence(), second.evidence())
        self._cases.add(Case(severity=severity, client=second.client, what=what, requests=requests))

    def cases(self, _context: VerdictContext) -> CaseList:
        """Return the jobs that were created again."""
        return self._cases
