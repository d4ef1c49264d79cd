"""C2: the same look, over and over, with no pause to speak of."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from simulator.verdict.exchange import FIRST, Exchange, Operation
from simulator.verdict.lru_map import Recent
from simulator.verdict.rule import Case, Cases, Closing, Rule, Severity

POLLED_HOT: Final = Rule(
    id="C2",
    name="polled hot",
    question="Does the client pause between two looks at a job?",
    told="One program asks the same of a job, or the same list of jobs, more than `verdict.looks_per_second` times "
    "within a second of its own time. A warning where each came on a connection of its own, one after the other: that "
    "may be several programs.",
    hurts="At Bedrock a job is at work for hours, so nothing is won by it, and the account's quota is used up that "
    "other calls need: the next thing the client sees is a 429.",
    remedy="Pause for seconds between two looks, and for longer while nothing changes, say from 5 s to 60 s; the pages "
    "of one list may follow each other at once.",
    spared="The pages of one listing; several clients that watch one job; 20 looks a second, as at a simulator whose "
    "jobs take seconds.",
)

_ONE_SECOND: Final = 1.0
_WATCHED_LANES: Final = 1_024
_LOOKS: Final = frozenset(
    {Operation.RETRIEVE_JOB, Operation.LIST_JOBS, Operation.LIST_EVENTS, Operation.LIST_CHECKPOINTS}
)


@dataclass(slots=True, kw_only=True)
class _Lane:
    """The latest looks of one program at one thing: when they began, when the last ended, and which were hot."""

    began: deque[float]
    last_ended: float = -1.0
    looks: int = 0
    fastest: float = _ONE_SECOND
    hot: list[Exchange] = field(default_factory=list)


class PolledHot:
    """Holds the latest looks of each program at each thing against one second."""

    rule = POLLED_HOT

    def __init__(self, *, looks_per_second: int) -> None:
        self._most = looks_per_second
        self._lanes: Recent[tuple[str, str, bytes], _Lane] = Recent(_WATCHED_LANES)
        self._hot: Recent[tuple[str, str, bytes], _Lane] = Recent(_WATCHED_LANES)

    def seen(self, exchange: Exchange) -> None:
        """Count a look."""
        if exchange.operation not in _LOOKS or exchange.asked.same is None:
            return
        for name in exchange.lanes:
            self._look(exchange, (exchange.client, name, exchange.asked.same))

    def _look(self, exchange: Exchange, key: tuple[str, str, bytes]) -> None:
        lane = self._lanes.made(key, lambda: _Lane(began=deque(maxlen=self._most)))
        if exchange.began < lane.last_ended:
            return  # two at once are two programs, or two threads
        lane.last_ended, lane.looks = exchange.ended, lane.looks + 1
        if len(lane.began) == self._most and (took := exchange.began - lane.began[0]) < _ONE_SECOND:
            lane.hot[1:] = [exchange]  # the first and the last
            lane.fastest = min(lane.fastest, took)
            self._hot[key] = lane
        lane.began.append(exchange.began)

    def cases(self, _closing: Closing) -> Cases:
        """Return the lanes that were hot at any time."""
        return Cases(
            Case(
                severity=Severity.WARN if name == FIRST else Severity.FAIL,
                client=client,
                what=f"asked the same {lane.looks:,} times, {self._most + 1} of them within {lane.fastest:.2g} s",
                requests=tuple(look.evidence() for look in lane.hot),
            )
            for (client, name, _), lane in self._hot.items()
        )
