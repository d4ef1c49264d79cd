"""C2: the same look, over and over, with no pause to speak of."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from simulator.verdict.exchange import FIRST_REQUESTS, Exchange, Operation
from simulator.verdict.lru_map import LruMap
from simulator.verdict.rule import Case, CaseList, Rule, Severity, VerdictContext

FAST_POLLING: Final = Rule(
    id="C2",
    name="polled hot",
    question="Does the client pause between two looks at a job?",
    detection="One program asks the same of a job, or the same list of jobs, more than `verdict.looks_per_second` times "
    "within a second of its own time. A warning where each came on a connection of its own, one after the other: that "
    "may be several programs.",
    impact="At Bedrock a job is at work for hours, so nothing is won by it, and the account's quota is used up that "
    "other calls need: the next thing the client sees is a 429.",
    remedy="Pause for seconds between two looks, and for longer while nothing changes, say from 5 s to 60 s; the pages "
    "of one list may follow each other at once.",
    exceptions="The pages of one listing; several clients that watch one job; 20 looks a second, as at a simulator whose "
    "jobs take seconds.",
)

_ONE_SECOND: Final = 1.0
_WATCHED_LANES: Final = 1_024
_LOOKS: Final = frozenset(
    {Operation.RETRIEVE_JOB, Operation.LIST_JOBS, Operation.LIST_EVENTS, Operation.LIST_CHECKPOINTS}
)


@dataclass(slots=True, kw_only=True)
class _PollWindow:
    """The latest looks of one program at one thing: when they began, when the last ended, and which were hot."""

    started_at: deque[float]
    last_ended_at: float = -1.0
    reads: int = 0
    fastest: float = _ONE_SECOND
    violations: list[Exchange] = field(default_factory=list)


class FastPollingChecker:
    """Holds the latest looks of each program at each thing against one second."""

    rule = FAST_POLLING

    def __init__(self, *, max_reads_per_second: int) -> None:
        self._most = max_reads_per_second
        self._lanes: LruMap[tuple[str, str, bytes], _PollWindow] = LruMap(_WATCHED_LANES)
        self._hot: LruMap[tuple[str, str, bytes], _PollWindow] = LruMap(_WATCHED_LANES)

    def observe(self, exchange: Exchange) -> None:
        """Count a look."""
        if exchange.operation not in _LOOKS or exchange.request.fingerprint is None:
            return
        for name in exchange.program_keys:
            self._observe_read(exchange, (exchange.client, name, exchange.request.fingerprint))

    def _observe_read(self, exchange: Exchange, key: tuple[str, str, bytes]) -> None:
        lane = self._lanes.get_or_create(key, lambda: _PollWindow(started_at=deque(maxlen=self._most)))
        if exchange.started_at < lane.last_ended_at:
            return  # two at once are two programs, or two threads
        lane.last_ended_at, lane.reads = exchange.ended_at, lane.reads + 1
        if len(lane.started_at) == self._most and (took := exchange.started_at - lane.started_at[0]) < _ONE_SECOND:
            lane.violations[1:] = [exchange]  # the first and the last
            lane.fastest = min(lane.fastest, took)
            self._hot[key] = lane
        lane.started_at.append(exchange.started_at)

    def cases(self, _context: VerdictContext) -> CaseList:
        """Return the lanes that were hot at any time."""
        return CaseList(
            Case(
                severity=Severity.WARN if name == FIRST_REQUESTS else Severity.FAIL,
                client=client,
                what=f"asked the same {lane.reads:,} times, {self._most + 1} of them within {lane.fastest:.2g} s",
                requests=tuple(look.evidence() for look in lane.violations),
            )
            for (client, name, _), lane in self._hot.items()
        )
