"""C7: an answer that never comes, and a client that waits for it, or asks for it, for ever."""

from collections.abc import Iterator
from typing import Final

from simulator.verdict.exchange import FIRST_REQUESTS, Exchange
from simulator.verdict.repeat_counter import RepeatCounter
from simulator.verdict.rule import Case, CaseList, Rule, Severity, VerdictContext

UNBOUNDED_WAIT: Final = Rule(
    id="C7",
    name="waited without bound",
    question="Does the client give up at some time: on one answer, and on a request that fails again and again?",
    detection="For more than `verdict.longest_wait` seconds it waited and nothing came: no answer, or no further part of "
    "one that had begun. A request that is under way at the end counts with the time until then. Or one program made "
    "the same request, and each time it failed in a way that may pass (no answer, 408, 429, 500 and more), more than "
    "`verdict.failures_in_a_row` times or over more than `verdict.longest_outage` seconds; a warning where each came "
    "on a connection of its own, which may be several programs.",
    impact="A wrong path at Bedrock was seen to stall instead of erring, and connections die without a word. A client "
    "without a time-out then waits for ever, holds its lock or its CI machine, and nobody is told.",
    remedy="Set a time-out for silence, `OpenAI(timeout=60)`: the SDK's own is 600 s. Give up on a row of failures "
    "after a time that you have chosen, with the command that takes the watch up again.",
    exceptions="The SDK's own 600 s; a long answer that keeps coming; the time that the client itself takes to send.",
)


class UnboundedWaitChecker:
    """Holds each silence, and each row of failures, against a limit."""

    rule = UNBOUNDED_WAIT

    def __init__(self, *, longest_wait: float, failures_in_a_row: int, longest_outage: float) -> None:
        self._longest_wait = longest_wait
        self._most = failures_in_a_row
        self._longest_outage = longest_outage
        self._failures: RepeatCounter[tuple[str, bytes]] = RepeatCounter()
        self._found = CaseList()

    def observe(self, exchange: Exchange) -> None:
        """Take in how long it took, and whether it failed again."""
        if exchange.longest_silence > self._longest_wait:
            self._found.add(_waited(exchange))
        if exchange.request.fingerprint is None:
            return
        key = exchange.client, exchange.request.fingerprint
        if not exchange.is_retryable:
            if self._failures:
                self._failures.reset(key)
            return
        for row in self._failures.count(key, exchange):
            if row.count > self._most or exchange.ended_at - row.first.started_at > self._longest_outage:
                self._failures.flag(key, row)

    def cases(self, context: VerdictContext) -> CaseList:
        """Return those, and the requests that are under way for too long."""
        waiting = (
            _waited(exchange) for exchange in context.in_progress if exchange.longest_silence > self._longest_wait
        )
        return self._found.extended_with([*waiting, *self._rows_found()])

    def _rows_found(self) -> Iterator[Case]:
        for row in self._failures.flagged():
            lasted = row.last.ended_at - row.first.started_at
            yield Case(
                severity=Severity.WARN if row.program_key == FIRST_REQUESTS else Severity.FAIL,
                client=row.first.client,
                what=f"asked the same {row.count:,} times within {lasted:.3g} s, and it failed each time",
                requests=(row.first.evidence(), row.last.evidence()),
            )


def _waited(exchange: Exchange) -> Case:
    return Case(
        severity=Severity.FAIL,
        client=exchange.client,
        what=f"waited for {exchange.longest_silence:.3g} s, in which nothing came",
        requests=(exchange.evidence(),),
    )
