"""C5: a job that failed, or ended in any other way, and a client that took no note of it."""

from collections.abc import Iterator
from typing import Final

from simulator.verdict.exchange import Exchange
from simulator.verdict.job_observations import JobObservations
from simulator.verdict.rule import Case, CaseList, Rule, Severity, VerdictContext

# On one connection a loop shows; on many it might be people, or a page that is refreshed.
MAX_READS_ON_ONE_CONNECTION: Final = 10
MAX_READS_ON_MANY_CONNECTIONS: Final = 60

IGNORED_END: Final = Rule(
    id="C5",
    name="never read `failed`",
    question="Does the client take note when its job is `failed` or `cancelled`, and stop when it has ended?",
    detection=f"One of three. It was told the end and retrieved the job {MAX_READS_ON_ONE_CONNECTION} times more on one connection, or "
    f"{MAX_READS_ON_MANY_CONNECTIONS} times on several. It was told `failed` or `cancelled`, and asked a model whose name is null, "
    "empty or `None`. It watched a job that failed, was never told so, by the job or by an event, and exited with 0.",
    impact="Jobs fail at Bedrock for reasons that no client can foresee: a grader that throws, a role that was changed. "
    "A loop that knows `succeeded` alone then never ends; a client that does not look at the status goes on without a "
    "model and blames the next call.",
    remedy="Stop at all three ends, and on `failed` raise with `job.error.code` and `job.error.message`.",
    exceptions="Looking at an ended job now and then; several threads or programs that each look once more.",
)


class IgnoredEndChecker:
    """Reads what was seen of jobs, and which models were asked."""

    rule = IGNORED_END

    def __init__(self, observations: JobObservations) -> None:
        self._sights = observations
        self._found = CaseList()

    def observe(self, exchange: Exchange) -> None:
        """Look for a question to the model of a job that made none."""
        if not exchange.request.has_no_model:
            return
        known = self._sights.latest(exchange.client)
        if known and known.end_status in {"failed", "cancelled"}:
            self._found.add(
                Case(
                    severity=Severity.FAIL,
                    client=exchange.client,
                    what=f"was told that job {known.job_id} is `{known.end_status}`, and then asked a model without a name",
                    requests=(known.evidence, exchange.evidence("the model's name is missing or stands for null")),
                )
            )

    def cases(self, context: VerdictContext) -> CaseList:
        """Return those, the jobs that were asked on after, and the failures that nobody was told of."""
        return self._found.extended_with([*self._asked_on(), *self._missed(context)])

    def _asked_on(self) -> Iterator[Case]:
        for known in self._sights.values():
            if (
                known.reads_after_end_on_one_connection >= MAX_READS_ON_ONE_CONNECTION
                or known.reads_after_end >= MAX_READS_ON_MANY_CONNECTIONS
            ):
                yield Case(
                    severity=Severity.FAIL,
                    client=known.client,
                    what=f"was told that job {known.job_id} is `{known.end_status}`, and asked {known.reads_after_end:,} times more",
                    requests=(known.evidence,),
                )

    def _missed(self, closing: VerdictContext) -> Iterator[Case]:
        if not closing.exited_successfully:
            return
        for known in self._sights.values():
            told = known.end_status or self._sights.is_end_reported(known.job_id)
            if known.was_polled and not told and closing.server_state.job_status(known.job_id) == "failed":
                yield Case(
                    severity=Severity.FAIL,
                    client=known.client,
                    what=f"job {known.job_id} failed; the last it saw was `{known.status}`, and it exited with 0",
                    requests=(known.evidence,),
                )
