"""C2: the client repeats the same read without a pause."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from simulator.verdict.case import Case, CaseList, Severity
from simulator.verdict.checker import VerdictContext
from simulator.verdict.exchange import FIRST_REQUESTS, Exchange, Operation
from simulator.verdict.lru_map import LruMap
from simulator.verdict.rule import Rule

FAST_POLLING: Final = Rule(
    id="C2",
    name="polled hot",
    question="Does the client pause between two reads of a job?",
    detection="Fail: one program sends the same read of a job, or of the list of jobs, more than "
    "`verdict.looks_per_second` times within a second. Warning: each of these reads has a connection of its own and "
    "starts after the previous one ends, so they may come from several programs.",
    impact="At Bedrock a job runs for hours, so fast reads gain nothing. They use up the request quota of the "
    "account. Further requests, also those of other programs, then get a 429.",
    remedy="Pause for some seconds between two reads, and longer while nothing changes: for example 5 s at first and "
    "up to 60 s. The pages of one list can be read without a pause.",
    exceptions="The pages of one list. Several clients that read one job. Up to 20 reads a second, which suit a "
    "simulator whose jobs take seconds.",
)

_ONE_SECOND: Final = 1.0
_MAX_WINDOWS: Final = 1_024
_READ_OPERATIONS: Final = frozenset(
    {Operation.RETRIEVE_JOB, Operation.LIST_JOBS, Operation.LIST_EVENTS, Operation.LIST_CHECKPOINTS}
)


@dataclass(slots=True, kw_only=True)
class _PollWindow:
    """The latest equal reads of one program.

    Attributes:
        started_at: when the latest reads started, as many as the limit allows in a second.
        last_ended_at: when the last one ended.
        reads: how many there were in all.
        fastest: the shortest time in seconds within which one read more than the limit started.
        violations: the first and the last read that exceeded the limit.
    """

    started_at: deque[float]
    last_ended_at: float = -1.0
    reads: int = 0
    fastest: float = _ONE_SECOND
    violations: list[Exchange] = field(default_factory=list)


class FastPollingChecker:
    """Counts the equal reads of each program within one second."""

    rule = FAST_POLLING

    def __init__(self, *, max_reads_per_second: int) -> None:
        self._max_reads = max_reads_per_second
        self._windows: LruMap[tuple[str, str, bytes], _PollWindow] = LruMap(_MAX_WINDOWS)
        self._fast_windows: LruMap[tuple[str, str, bytes], _PollWindow] = LruMap(_MAX_WINDOWS)

    def observe(self, exchange: Exchange) -> None:
        """Count a read."""
        if exchange.operation not in _READ_OPERATIONS or exchange.request.fingerprint is None:
            return
        for program_key in exchange.program_keys:
            self._observe_read(exchange, (exchange.client, program_key, exchange.request.fingerprint))

    def _observe_read(self, exchange: Exchange, key: tuple[str, str, bytes]) -> None:
        window = self._windows.get_or_create(key, lambda: _PollWindow(started_at=deque(maxlen=self._max_reads)))
        if exchange.started_at < window.last_ended_at:
            return  # concurrent reads come from several programs or threads
        window.last_ended_at, window.reads = exchange.ended_at, window.reads + 1
        if len(window.started_at) == self._max_reads:
            seconds = exchange.started_at - window.started_at[0]
            if seconds < _ONE_SECOND:
                window.violations[1:] = [exchange]
                window.fastest = min(window.fastest, seconds)
                self._fast_windows[key] = window
        window.started_at.append(exchange.started_at)

    def cases(self, _context: VerdictContext) -> CaseList:
        """Return the programs that exceeded the limit at any time."""
        return CaseList(
            Case(
                severity=Severity.WARN if program_key == FIRST_REQUESTS else Severity.FAIL,
                client=client,
                what=f"sent the same read {window.reads:,} times, {self._max_reads + 1} of them within "
                f"{window.fastest:.2g} s",
                requests=tuple(exchange.evidence() for exchange in window.violations),
            )
            for (client, program_key, _), window in self._fast_windows.items()
        )
