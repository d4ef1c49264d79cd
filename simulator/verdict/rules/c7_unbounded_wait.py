"""C7: an answer that never comes, and a client that waits for it, or asks for it, for ever."""

from collections.abc import Iterator
from typing import Final

from simulator.verdict.exchange import FIRST, Exchange
from simulator.verdict.repeat_counter import Rows
from simulator.verdict.rule import Case, Cases, Closing, Rule, Severity

WAITED_WITHOUT_BOUND: Final = Rule(
    id="C7",
    name="waited without bound",
    question="Does the client give up at some time: on one answer, and on a request that fails again and again?",
    told="For more than `verdict.longest_wait` seconds it waited and nothing came: no answer, or no further part of "
    "one that had begun. A request that is under way at the end counts with the time until then. Or one program made "
    "the same request, and each time it failed in a way that may pass (no answer, 408, 429, 500 and more), more than "
    "`verdict.failures_in_a_row` times or over more than `verdict.longest_outage` seconds; a warning where each came "
    "on a connection of its own, which may be several programs.",
    hurts="A wrong path at Bedrock was seen to stall instead of erring, and connections die without a word. A client "
    "without a time-out then waits for ever, holds its lock or its CI machine, and nobody is told.",
    remedy="Set a time-out for silence, `OpenAI(timeout=60)`: the SDK's own is 600 s. Give up on a row of failures "
    "after a time that you have chosen, with the command that takes the watch up again.",
    spared="The SDK's own 600 s; a long answer that keeps coming; the time that the client itself takes to send.",
)


class WaitedWithoutBound:
    """Holds each silence, and each row of failures, against a limit."""

    rule = WAITED_WITHOUT_BOUND

    def __init__(self, *, longest_wait: float, failures_in_a_row: int, longest_outage: float) -> None:
        self._longest_wait = longest_wait
        self._most = failures_in_a_row
        self._longest_outage = longest_outage
        self._failures: Rows[tuple[str, bytes]] = Rows()
        self._found = Cases()

    def seen(self, exchange: Exchange) -> None:
        """Take in how long it took, and whether it failed again."""
        if exchange.silence > self._longest_wait:
            self._found.add(_waited(exchange))
        if exchange.asked.same is None:
            return
        key = exchange.client, exchange.asked.same
        if not exchange.may_pass:
            if self._failures:
                self._failures.broken(key)
            return
        for row in self._failures.lengthened(key, exchange):
            if row.count > self._most or exchange.ended - row.first.began > self._longest_outage:
                self._failures.keep(key, row)

    def cases(self, closing: Closing) -> Cases:
        """Return those, and the requests that are under way for too long."""
        waiting = (_waited(exchange) for exchange in closing.under_way if exchange.silence > self._longest_wait)
        return self._found.with_more([*waiting, *self._rows_found()])

    def _rows_found(self) -> Iterator[Case]:
        for row in self._failures.too_long():
            lasted = row.last.ended - row.first.began
            yield Case(
                severity=Severity.WARN if row.lane == FIRST else Severity.FAIL,
                client=row.first.client,
                what=f"asked the same {row.count:,} times within {lasted:.3g} s, and it failed each time",
                requests=(row.first.evidence(), row.last.evidence()),
            )


def _waited(exchange: Exchange) -> Case:
    return Case(
        severity=Severity.FAIL,
        client=exchange.client,
        what=f"waited for {exchange.silence:.3g} s, in which nothing came",
        requests=(exchange.evidence(),),
    )
