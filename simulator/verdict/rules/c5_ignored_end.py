"""C5: the client ignores that its job has failed, was cancelled, or has ended at all."""

from collections.abc import Iterator
from typing import Final

from simulator.verdict.case import Case, CaseList, Severity
from simulator.verdict.checker import VerdictContext
from simulator.verdict.exchange import Exchange
from simulator.verdict.job_observations import JobObservations
from simulator.verdict.rule import Rule

# Reads on one connection come from a loop. Reads on several may come from people, or from a page that is reloaded.
MAX_READS_ON_ONE_CONNECTION: Final = 10
MAX_READS_ON_SEVERAL_CONNECTIONS: Final = 60

IGNORED_END: Final = Rule(
    id="C5",
    name="never read `failed`",
    question="Does the client notice when its job is `failed` or `cancelled`, and stop when the job has ended?",
    detection="Fail, in each of three cases. The client received a terminal status and then retrieved the job "
    f"{MAX_READS_ON_ONE_CONNECTION} more times on one connection, or {MAX_READS_ON_SEVERAL_CONNECTIONS} more times on "
    "several. The client received `failed` or `cancelled`, and then called a model whose name is null, empty or "
    "`None`. The client polled a job that failed, never received the failure from the job or from an event, and "
    "exited with 0.",
    impact="At Bedrock jobs fail for reasons that a client cannot foresee: a grader that throws, a role that has "
    "changed. A loop that handles only `succeeded` then never ends. A client that does not read the status continues "
    "without a model, and its next call fails instead.",
    remedy="Stop at all three terminal statuses. On `failed`, raise with `job.error.code` and `job.error.message`.",
    exceptions="Occasional reads of an ended job. Several threads or programs that each read it once more.",
)


class IgnoredEndChecker:
    """Compares what clients know of their jobs' ends with what they do next."""

    rule = IGNORED_END

    def __init__(self, observations: JobObservations) -> None:
        self._observations = observations
        self._cases = CaseList()

    def observe(self, exchange: Exchange) -> None:
        """Check whether the client calls the model of a job that has none."""
        if not exchange.request.has_no_model:
            return
        job = self._observations.latest(exchange.client)
        if job and job.end_status in {"failed", "cancelled"}:
            self._cases.add(
                Case(
                    severity=Severity.FAIL,
                    client=exchange.client,
                    what=f"received job {job.job_id} as `{job.end_status}`, and then called a model without a name",
                    requests=(job.evidence, exchange.evidence("the model's name is missing, or a null as text")),
                )
            )

    def cases(self, context: VerdictContext) -> CaseList:
        """Return the cases so far, the jobs that were read after their end, and the failures that the client missed."""
        return self._cases.with_cases([*self._reads_after_end(), *self._missed_failures(context)])

    def _reads_after_end(self) -> Iterator[Case]:
        for job in self._observations.values():
            if (
                job.reads_after_end_on_one_connection >= MAX_READS_ON_ONE_CONNECTION
                or job.reads_after_end >= MAX_READS_ON_SEVERAL_CONNECTIONS
            ):
                what = (
                    f"received job {job.job_id} as `{job.end_status}`, and read it {job.reads_after_end:,} more times"
                )
                yield Case(severity=Severity.FAIL, client=job.client, what=what, requests=(job.evidence,))

    def _missed_failures(self, context: VerdictContext) -> Iterator[Case]:
        if not context.exited_successfully:
            return
        for job in self._observations.values():
            is_end_known = job.end_status or self._observations.is_end_reported(job.job_id)
            if job.was_polled and not is_end_known and context.server_state.job_status(job.job_id) == "failed":
                what = f"job {job.job_id} failed; the client last received it as `{job.status}`, and exited with 0"
                yield Case(severity=Severity.FAIL, client=job.client, what=what, requests=(job.evidence,))
