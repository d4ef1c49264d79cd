"""C1: the client treats a status that is not terminal as the job's end."""

from collections.abc import Iterator
from typing import Final

from simulator.verdict.case import Case, CaseList, Severity
from simulator.verdict.checker import VerdictContext
from simulator.verdict.exchange import Exchange
from simulator.verdict.job_observations import JobObservation, JobObservations
from simulator.verdict.lru_map import LruMap
from simulator.verdict.rule import Rule

PREMATURE_END: Final = Rule(
    id="C1",
    name="took for an end what is none",
    question="Does the client wait until its job is `succeeded`, `failed` or `cancelled`, and treat no other status "
    "as the end?",
    detection="Fail: the last status that the client received of its job is not terminal (`validating_files`, "
    "`queued`, `running` or an unknown one), and the client then calls a model whose name is null, empty or `None`. "
    "The tuned model has no name until the job succeeds. Warning: the client exits with 0, and no client ever received "
    "the job's end. In addition, the exiting client has polled the job (two reads on one connection, or five reads in "
    "total), or has created the job and listed its checkpoints after its last read. Note: the client created a job, "
    "and no client ever received its end.",
    impact="At Bedrock a job starts with the status `validating_files` and then runs for hours. A loop that waits only "
    "while the status is `queued` or `running` ends immediately. A client that continues too early has no model, or "
    "uses an early checkpoint as if it were the last one. The job continues without the client, and is billed.",
    remedy="Loop until the status is terminal: `while job.status not in ('succeeded', 'failed', 'cancelled')`.",
    exceptions="A client that creates a job and never reads it. Up to four reads on separate connections, such as "
    "commands that a person types. A client that is interrupted or cancels the job. A job, if another client received "
    "its end.",
)

_MAX_REPORTED: Final = 1_024


class PrematureEndChecker:
    """Compares what clients know of their jobs with the models that they call and with how they exit."""

    rule = PREMATURE_END

    def __init__(self, observations: JobObservations) -> None:
        self._observations = observations
        self._cases = CaseList()
        self._reported_jobs: LruMap[tuple[str, str], bool] = LruMap(_MAX_REPORTED)  # client and job of the cases so far

    def observe(self, exchange: Exchange) -> None:
        """Check whether the client calls the model of a job that has not ended."""
        if not exchange.request.has_no_model:
            return
        job = self._observations.latest(exchange.client)
        if job and not job.end_status:
            self._reported_jobs[job.client, job.job_id] = True
            self._cases.add(
                Case(
                    severity=Severity.FAIL,
                    client=exchange.client,
                    what=f"received job {job.job_id} as `{job.status}`, and then called a model without a name",
                    requests=(job.evidence, exchange.evidence("the model's name is missing, or a null as text")),
                )
            )

    def cases(self, context: VerdictContext) -> CaseList:
        """Return the cases so far and, in a final verdict, the jobs whose end no client received."""
        return self._cases.with_cases(self._abandoned_jobs(context) if context.is_final else ())

    def _abandoned_jobs(self, context: VerdictContext) -> Iterator[Case]:
        for job in self._observations.values():
            is_end_known = job.end_status or self._observations.is_end_reported(job.job_id)
            if is_end_known or (job.client, job.job_id) in self._reported_jobs:
                continue
            what = f"last received job {job.job_id} as `{job.status}`, and no client received its end"
            if context.exited_successfully and (job.was_polled or job.checkpoints_exchange):
                # C5 reports a polled job that failed.
                if not (job.was_polled and context.server_state.job_status(job.job_id) == "failed"):
                    yield _case(Severity.WARN, job, f"{what}; the client exited with 0")
            elif job.created_on_connection is not None and context.exit_code in {None, 0}:
                yield _case(Severity.NOTE, job, what)


def _case(severity: Severity, job: JobObservation, what: str) -> Case:
    listing = (job.checkpoints_exchange.evidence(),) if job.checkpoints_exchange else ()
    return Case(severity=severity, client=job.client, what=what, requests=(job.evidence, *listing))
