"""C1: a status that is no end, taken for one."""

from collections.abc import Iterator
from typing import Final

from simulator.verdict.exchange import Exchange
from simulator.verdict.job_observations import JobObservation, JobObservations
from simulator.verdict.lru_map import LruMap
from simulator.verdict.rule import Case, CaseList, Rule, Severity, VerdictContext

PREMATURE_END: Final = Rule(
    id="C1",
    name="took for an end what is none",
    question="Does the client wait until its job is `succeeded`, `failed` or `cancelled`, and take no other status "
    "for an end?",
    detection="The last status that a client saw of its job is no end (`validating_files`, `queued`, `running`, or one that "
    "nobody knows), and it asks a model whose name is null, empty or `None`, as the name of its tuned model still is: "
    "a fail. A warning: it exits with 0 and nobody ever saw the job's end, though it looked at the job again and again "
    "(twice on one connection, or five times), or listed the checkpoints of a job of its own after its last look. A "
    "note: it made a job, and nobody ever saw its end.",
    impact="A job at Bedrock begins as `validating_files`, which a loop over `queued` and `running` does not know, and "
    "is at work for hours after it. Whoever goes on too early has no model, or takes a checkpoint for the last one, "
    "and the job goes on, unwatched and billed.",
    remedy="Loop until the status is in a set of ends: `while job.status not in ('succeeded', 'failed', 'cancelled')`.",
    exceptions="Making a job and leaving it; a single look, or up to four that each come on a connection of their own, as "
    "by hand; a watch that is interrupted or that cancels the job; a job whose end another client saw.",
)

_TAKEN: Final = 1_024


class PrematureEndChecker:
    """Reads what was seen of jobs, and which models were asked."""

    rule = PREMATURE_END

    def __init__(self, observations: JobObservations) -> None:
        self._sights = observations
        self._found = CaseList()
        self._taken: LruMap[tuple[str, str], bool] = LruMap(_TAKEN)  # clients and jobs that are found already

    def observe(self, exchange: Exchange) -> None:
        """Look for a question to the model of a job that has not ended."""
        if not exchange.request.has_no_model:
            return
        known = self._sights.latest(exchange.client)
        if known and not known.end_status:
            self._taken[known.client, known.job_id] = True
            self._found.add(
                Case(
                    severity=Severity.FAIL,
                    client=exchange.client,
                    what=f"saw job {known.job_id} as `{known.status}`, and then asked a model without a name",
                    requests=(known.evidence, exchange.evidence("the model's name is missing or stands for null")),
                )
            )

    def cases(self, context: VerdictContext) -> CaseList:
        """Return those, and the jobs whose end nobody saw."""
        return self._found.extended_with(self._left(context) if context.is_final else ())

    def _left(self, closing: VerdictContext) -> Iterator[Case]:
        for known in self._sights.values():
            is_known = known.end_status or self._sights.is_end_reported(known.job_id)
            if is_known or (known.client, known.job_id) in self._taken:
                continue
            what = f"last saw job {known.job_id} as `{known.status}`, and nobody ever saw its end"
            waited = known.was_polled or known.checkpoints_exchange
            if closing.exited_successfully and waited:
                # The rule on `failed` tells of these.
                if not (known.was_polled and closing.server_state.job_status(known.job_id) == "failed"):
                    yield _case(Severity.WARN, known, f"{what}; the client exited with 0")
            elif known.created_on_connection is not None and closing.exit_code in {None, 0}:
                yield _case(Severity.NOTE, known, what)


def _case(severity: Severity, known: JobObservation, what: str) -> Case:
    requests = (
        (known.evidence, known.checkpoints_exchange.evidence()) if known.checkpoints_exchange else (known.evidence,)
    )
    return Case(severity=severity, client=known.client, what=what, requests=requests)
