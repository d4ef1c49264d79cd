"""C5: a job that failed, or ended in any other way, and a client that took no note of it."""

from collections.abc import Iterator
from typing import Final

from simulator.verdict.exchange import Exchange
from simulator.verdict.job_observations import Sights
from simulator.verdict.rule import Case, Cases, Closing, Rule, Severity

# On one connection a loop shows; on many it might be people, or a page that is refreshed.
ASKED_ON_ONE: Final = 10
ASKED_ON_MANY: Final = 60

NEVER_READ_THE_END: Final = Rule(
    id="C5",
    name="never read `failed`",
    question="Does the client take note when its job is `failed` or `cancelled`, and stop when it has ended?",
    told=f"One of three. It was told the end and retrieved the job {ASKED_ON_ONE} times more on one connection, or "
    f"{ASKED_ON_MANY} times on several. It was told `failed` or `cancelled`, and asked a model whose name is null, "
    "empty or `None`. It watched a job that failed, was never told so, by the job or by an event, and exited with 0.",
    hurts="Jobs fail at Bedrock for reasons that no client can foresee: a grader that throws, a role that was changed. "
    "A loop that knows `succeeded` alone then never ends; a client that does not look at the status goes on without a "
    "model and blames the next call.",
    remedy="Stop at all three ends, and on `failed` raise with `job.error.code` and `job.error.message`.",
    spared="Looking at an ended job now and then; several threads or programs that each look once more.",
)


class NeverReadTheEnd:
    """Reads what was seen of jobs, and which models were asked."""

    rule = NEVER_READ_THE_END

    def __init__(self, sights: Sights) -> None:
        self._sights = sights
        self._found = Cases()

    def seen(self, exchange: Exchange) -> None:
        """Look for a question to the model of a job that made none."""
        if not exchange.asked.no_model:
            return
        known = self._sights.latest(exchange.client)
        if known and known.end in {"failed", "cancelled"}:
            self._found.add(
                Case(
                    severity=Severity.FAIL,
                    client=exchange.client,
                    what=f"was told that job {known.job} is `{known.end}`, and then asked a model without a name",
                    requests=(known.evidence, exchange.evidence("the model's name is missing or stands for null")),
                )
            )

    def cases(self, closing: Closing) -> Cases:
        """Return those, the jobs that were asked on after, and the failures that nobody was told of."""
        return self._found.with_more([*self._asked_on(), *self._missed(closing)])

    def _asked_on(self) -> Iterator[Case]:
        for known in self._sights.all():
            if known.after_end_on_one >= ASKED_ON_ONE or known.after_end >= ASKED_ON_MANY:
                yield Case(
                    severity=Severity.FAIL,
                    client=known.client,
                    what=f"was told that job {known.job} is `{known.end}`, and asked {known.after_end:,} times more",
                    requests=(known.evidence,),
                )

    def _missed(self, closing: Closing) -> Iterator[Case]:
        if not closing.contented:
            return
        for known in self._sights.all():
            told = known.end or self._sights.somebody_was_told_the_end(known.job)
            if known.watched and not told and closing.truth.status(known.job) == "failed":
                yield Case(
                    severity=Severity.FAIL,
                    client=known.client,
                    what=f"job {known.job} failed; the last it saw was `{known.status}`, and it exited with 0",
                    requests=(known.evidence,),
                )
