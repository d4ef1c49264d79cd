"""The judge: keeps a tally of all exchanges, tells each to every rule, and gives a verdict whenever it is asked."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from simulator.settings import VerdictSettings
from simulator.verdict.exchange import Exchange
from simulator.verdict.job_observations import JobObservations
from simulator.verdict.rule import Finding, RuleChecker, ServerState, Severity, VerdictContext
from simulator.verdict.rules.c1_premature_end import PrematureEndChecker
from simulator.verdict.rules.c2_fast_polling import FastPollingChecker
from simulator.verdict.rules.c3_ignored_retry_after import IgnoredRetryAfterChecker
from simulator.verdict.rules.c4_ignored_has_more import IgnoredHasMoreChecker
from simulator.verdict.rules.c5_ignored_end import IgnoredEndChecker
from simulator.verdict.rules.c6_duplicate_job import DuplicateJobChecker
from simulator.verdict.rules.c7_unbounded_wait import UnboundedWaitChecker
from simulator.verdict.rules.c8_repeated_refusal import RepeatedRefusalChecker

_CLIENTS = 1_024


class VerdictStatus(StrEnum):
    """What a verdict comes to: clean where no finding is worse than a note."""

    CLEAN = "clean"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSummary:
    """What a verdict rests on.

    Attributes:
        seconds: how long was watched, by the callers' clock.
        requests: whose fate is settled; `under_way`: those whose is not.
        clients: how often each asked; of very many, those that asked first.
        answers: how many of each status, and of each other fate.
        longest_silence: seconds within which a caller waited and nothing came.
    """

    seconds: float
    requests: int
    under_way: int
    clients: Mapping[str, int]
    answers: Mapping[str, int]
    longest_silence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What there is to say of the clients, the worst first, and then by the order of the rules."""

    verdict: VerdictStatus
    findings: tuple[Finding, ...]
    seen: TrafficSummary


class ExchangeInProgress(Protocol):
    """An exchange that is under way."""

    def snapshot(self) -> Exchange:
        """Return it as it is now."""


class Auditor:
    """Hears of every exchange. It is asked on the event loop that they happen on, and needs no lock.

    `clock` counts the callers' seconds. What is kept does not grow with the number of requests.
    """

    def __init__(self, *, settings: VerdictSettings, clock: Callable[[], float], server_state: ServerState) -> None:
        self._settings = settings
        self._clock = clock
        self._truth = server_state
        self.reset()

    def reset(self) -> None:
        """Start anew: what has happened, or is under way, is no longer judged."""
        settings = self._settings
        self._since = self._clock()
        self._open: dict[ExchangeInProgress, None] = {}  # in the order in which they began
        self._clients: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._longest_silence = 0.0
        self._sights = JobObservations()
        self.checkers: tuple[RuleChecker, ...] = (
            PrematureEndChecker(self._sights),
            FastPollingChecker(max_reads_per_second=settings.looks_per_second),
            IgnoredRetryAfterChecker(),
            IgnoredHasMoreChecker(),
            IgnoredEndChecker(self._sights),
            DuplicateJobChecker(self._sights, self._truth),
            UnboundedWaitChecker(
                longest_wait=settings.longest_wait,
                failures_in_a_row=settings.failures_in_a_row,
                longest_outage=settings.longest_outage,
            ),
            RepeatedRefusalChecker(),
        )

    def now(self) -> float:
        """Return the seconds since the watch began."""
        return self._clock() - self._since

    def start_exchange(self, exchange: ExchangeInProgress) -> None:
        """Note that an exchange is under way."""
        self._open[exchange] = None

    def finish_exchange(self, exchange: ExchangeInProgress, finished: Exchange) -> None:
        """Note an exchange's fate; one that began before the watch did is nobody's business."""
        if exchange in self._open:
            del self._open[exchange]
            self.record(finished)

    def record(self, exchange: Exchange) -> None:
        """Tell the rules of an exchange."""
        if exchange.client in self._clients or len(self._clients) < _CLIENTS:
            self._clients[exchange.client] += 1
        self._answers[str(exchange.status) if exchange.is_answered else exchange.outcome.value] += 1
        self._longest_silence = max(self._longest_silence, exchange.longest_silence)
        self._sights.observe(exchange)
        for fold in self.checkers:
            fold.observe(exchange)

    def verdict(self, *, is_final: bool = True, exit_code: int | None = None) -> Verdict:
        """Return the verdict on what has happened so far.

        `is_final` says that the clients are done; `exit_code` is the client's, where it is known.
        """
        under_way = tuple(exchange.snapshot() for exchange in self._open)
        closing = VerdictContext(
            is_final=is_final, exit_code=exit_code, in_progress=under_way, server_state=self._truth
        )
        found = (fold.cases(closing).as_finding(fold.rule) for fold in self.checkers)
        findings = tuple(sorted((finding for finding in found if finding), key=lambda finding: finding.severity.rank))
        return Verdict(
            verdict=_outlook({finding.severity for finding in findings}),
            findings=findings,
            seen=TrafficSummary(
                seconds=self.now(),
                requests=self._answers.total(),
                under_way=len(under_way),
                clients=dict(self._clients),
                answers=dict(sorted(self._answers.items())),
                longest_silence=max([self._longest_silence, *(each.longest_silence for each in under_way)]),
            ),
        )


def _outlook(severities: set[Severity]) -> VerdictStatus:
    if Severity.FAIL in severities:
        return VerdictStatus.FAILED
    return VerdictStatus.WARNED if Severity.WARN in severities else VerdictStatus.CLEAN
