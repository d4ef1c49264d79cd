"""C7: the client waits for an answer, or repeats a failing request, without a limit."""

from collections.abc import Iterator
from typing import Final

from simulator.verdict.case import Case, CaseList, Severity
from simulator.verdict.checker import VerdictContext
from simulator.verdict.exchange import FIRST_REQUESTS, Exchange
from simulator.verdict.repeat_counter import RepeatCounter
from simulator.verdict.rule import Rule

UNBOUNDED_WAIT: Final = Rule(
    id="C7",
    name="waited without bound",
    question="Does the client give up at some time: on a single answer, and on a request that fails again and again?",
    detection="Fail: the client waited for more than `verdict.longest_wait` seconds and received nothing: no answer, "
    "or no further part of an answer that had started. If a request is still in progress at the end, the time until "
    "the end counts. Fail: one program repeated a request that failed each time with a temporary error (no complete "
    "answer, 408, 429, 500 and above) more than `verdict.failures_in_a_row` times, or over more than "
    "`verdict.longest_outage` seconds. Warning: each of these requests has a connection of its own, so they may come "
    "from several programs.",
    impact="At Bedrock, a request to a wrong path can get no answer instead of an error. Connections can also end "
    "without notice. A client without a timeout then waits forever, blocks its CI machine, and reports nothing.",
    remedy="Set a timeout, `OpenAI(timeout=60)`: the SDK's default is 600 s. Give up on repeated failures after a "
    "time that you choose, and print the command that resumes the work.",
    exceptions="The SDK's default timeout of 600 s. A long answer whose parts keep arriving. The time that the client "
    "itself takes to send.",
)


class UnboundedWaitChecker:
    """Compares each silence, and each series of failures, with a limit."""

    rule = UNBOUNDED_WAIT

    def __init__(self, *, longest_wait: float, failures_in_a_row: int, longest_outage: float) -> None:
        self._longest_wait = longest_wait
        self._max_failures = failures_in_a_row
        self._longest_outage = longest_outage
        self._failures: RepeatCounter[tuple[str, bytes]] = RepeatCounter()
        self._cases = CaseList()

    def observe(self, exchange: Exchange) -> None:
        """Check how long an exchange was silent, and whether it continues a series of failures."""
        if exchange.longest_silence > self._longest_wait:
            self._cases.add(_silence_case(exchange))
        if exchange.request.fingerprint is None:
            return
        key = exchange.client, exchange.request.fingerprint
        if not exchange.is_retryable:
            if self._failures:
                self._failures.reset(key)
            return
        for series in self._failures.count(key, exchange):
            outage = exchange.ended_at - series.first.started_at
            if series.count > self._max_failures or outage > self._longest_outage:
                self._failures.flag(key, series)

    def cases(self, context: VerdictContext) -> CaseList:
        """Return the silences, those still in progress included, and the series of failures."""
        silent_exchanges = (
            exchange for exchange in context.in_progress if exchange.longest_silence > self._longest_wait
        )
        return self._cases.with_cases([*map(_silence_case, silent_exchanges), *self._failure_cases()])

    def _failure_cases(self) -> Iterator[Case]:
        for series in self._failures.flagged_series():
            seconds = series.last.ended_at - series.first.started_at
            yield Case(
                severity=Severity.WARN if series.program_key == FIRST_REQUESTS else Severity.FAIL,
                client=series.first.client,
                what=f"sent the same request {series.count:,} times within {seconds:.3g} s, and it failed each time",
                requests=(series.first.evidence(), series.last.evidence()),
            )


def _silence_case(exchange: Exchange) -> Case:
    return Case(
        severity=Severity.FAIL,
        client=exchange.client,
        what=f"waited for {exchange.longest_silence:.3g} s and received nothing",
        requests=(exchange.evidence(),),
    )
