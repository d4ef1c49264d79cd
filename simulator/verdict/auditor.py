"""The judge: keeps a tally of all exchanges, tells each to every rule, and gives a verdict whenever it is asked."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from simulator.settings import VerdictSettings
from simulator.verdict.exchange import Exchange
from simulator.verdict.job_observations import Sights
from simulator.verdict.rule import Closing, Finding, Fold, Severity, Truth
from simulator.verdict.rules.c1_premature_end import TookForAnEnd
from simulator.verdict.rules.c2_fast_polling import PolledHot
from simulator.verdict.rules.c3_ignored_retry_after import IgnoredRetryAfter
from simulator.verdict.rules.c4_ignored_has_more import IgnoredHasMore
from simulator.verdict.rules.c5_ignored_end import NeverReadTheEnd
from simulator.verdict.rules.c6_duplicate_job import CreatedTwice
from simulator.verdict.rules.c7_unbounded_wait import WaitedWithoutBound
from simulator.verdict.rules.c8_repeated_refusal import RepeatedTheRefused

_CLIENTS = 1_024


class Outlook(StrEnum):
    """What a verdict comes to: clean where no finding is worse than a note."""

    CLEAN = "clean"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
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

    verdict: Outlook
    findings: tuple[Finding, ...]
    seen: Seen


class Open(Protocol):
    """An exchange that is under way."""

    def so_far(self) -> Exchange:
        """Return it as it is now."""


class Judge:
    """Hears of every exchange. It is asked on the event loop that they happen on, and needs no lock.

    `clock` counts the callers' seconds. What is kept does not grow with the number of requests.
    """

    def __init__(self, *, settings: VerdictSettings, clock: Callable[[], float], truth: Truth) -> None:
        self._settings = settings
        self._clock = clock
        self._truth = truth
        self.forget()

    def forget(self) -> None:
        """Start anew: what has happened, or is under way, is no longer judged."""
        settings = self._settings
        self._since = self._clock()
        self._open: dict[Open, None] = {}  # in the order in which they began
        self._clients: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._longest_silence = 0.0
        self._sights = Sights()
        self.folds: tuple[Fold, ...] = (
            TookForAnEnd(self._sights),
            PolledHot(looks_per_second=settings.looks_per_second),
            IgnoredRetryAfter(),
            IgnoredHasMore(),
            NeverReadTheEnd(self._sights),
            CreatedTwice(self._sights, self._truth),
            WaitedWithoutBound(
                longest_wait=settings.longest_wait,
                failures_in_a_row=settings.failures_in_a_row,
                longest_outage=settings.longest_outage,
            ),
            RepeatedTheRefused(),
        )

    def now(self) -> float:
        """Return the seconds since the watch began."""
        return self._clock() - self._since

    def begun(self, exchange: Open) -> None:
        """Note that an exchange is under way."""
        self._open[exchange] = None

    def ended(self, exchange: Open, settled: Exchange) -> None:
        """Note an exchange's fate; one that began before the watch did is nobody's business."""
        if exchange in self._open:
            del self._open[exchange]
            self.take(settled)

    def take(self, exchange: Exchange) -> None:
        """Tell the rules of an exchange."""
        if exchange.client in self._clients or len(self._clients) < _CLIENTS:
            self._clients[exchange.client] += 1
        self._answers[str(exchange.status) if exchange.answered else exchange.outcome.value] += 1
        self._longest_silence = max(self._longest_silence, exchange.silence)
        self._sights.seen(exchange)
        for fold in self.folds:
            fold.seen(exchange)

    def verdict(self, *, is_end: bool = True, exit_code: int | None = None) -> Verdict:
        """Return the verdict on what has happened so far.

        `is_end` says that the clients are done; `exit_code` is the client's, where it is known.
        """
        under_way = tuple(exchange.so_far() for exchange in self._open)
        closing = Closing(is_end=is_end, exit_code=exit_code, under_way=under_way, truth=self._truth)
        found = (fold.cases(closing).finding(fold.rule) for fold in self.folds)
        findings = tuple(sorted((finding for finding in found if finding), key=lambda finding: finding.severity.rank))
        return Verdict(
            verdict=_outlook({finding.severity for finding in findings}),
            findings=findings,
            seen=Seen(
                seconds=self.now(),
                requests=self._answers.total(),
                under_way=len(under_way),
                clients=dict(self._clients),
                answers=dict(sorted(self._answers.items())),
                longest_silence=max([self._longest_silence, *(each.silence for each in under_way)]),
            ),
        )


def _outlook(severities: set[Severity]) -> Outlook:
    if Severity.FAIL in severities:
        return Outlook.FAILED
    return Outlook.WARNED if Severity.WARN in severities else Outlook.CLEAN
