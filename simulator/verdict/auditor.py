"""The auditor: counts all exchanges, passes each to every rule, and returns a verdict on request."""

from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from simulator.settings import VerdictSettings
from simulator.verdict.case import Severity
from simulator.verdict.checker import RuleChecker, ServerState, VerdictContext
from simulator.verdict.exchange import Exchange
from simulator.verdict.job_observations import JobObservations
from simulator.verdict.rules.c1_premature_end import PrematureEndChecker
from simulator.verdict.rules.c2_fast_polling import FastPollingChecker
from simulator.verdict.rules.c3_ignored_retry_after import IgnoredRetryAfterChecker
from simulator.verdict.rules.c4_ignored_has_more import IgnoredHasMoreChecker
from simulator.verdict.rules.c5_ignored_end import IgnoredEndChecker
from simulator.verdict.rules.c6_duplicate_job import DuplicateJobChecker
from simulator.verdict.rules.c7_unbounded_wait import UnboundedWaitChecker
from simulator.verdict.rules.c8_repeated_refusal import RepeatedRefusalChecker
from simulator.verdict.verdict import TrafficSummary, Verdict, VerdictStatus

_MAX_COUNTED_CLIENTS: Final = 1_024


class ExchangeInProgress(Protocol):
    """An exchange that is not finished."""

    def snapshot(self) -> Exchange:
        """Return the exchange as it is now."""


class Auditor:
    """Receives every exchange and returns verdicts.

    All calls come from the event loop that serves the requests, so there is no lock. Memory does not grow with the
    number of requests. `clock` returns the clients' time in seconds.
    """

    def __init__(self, *, settings: VerdictSettings, clock: Callable[[], float], server_state: ServerState) -> None:
        self._settings = settings
        self._clock = clock
        self._server_state = server_state
        self.reset()

    def reset(self) -> None:
        """Start a new audit: forget all exchanges, also those in progress."""
        settings = self._settings
        self._started_at = self._clock()
        self._in_progress: dict[ExchangeInProgress, None] = {}  # in the order of their start
        self._clients: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._longest_silence = 0.0
        self._observations = JobObservations()
        self.checkers: tuple[RuleChecker, ...] = (
            PrematureEndChecker(self._observations),
            FastPollingChecker(max_reads_per_second=settings.looks_per_second),
            IgnoredRetryAfterChecker(),
            IgnoredHasMoreChecker(),
            IgnoredEndChecker(self._observations),
            DuplicateJobChecker(self._observations, self._server_state),
            UnboundedWaitChecker(
                longest_wait=settings.longest_wait,
                failures_in_a_row=settings.failures_in_a_row,
                longest_outage=settings.longest_outage,
            ),
            RepeatedRefusalChecker(),
        )

    def now(self) -> float:
        """Return the seconds since the audit started."""
        return self._clock() - self._started_at

    def start_exchange(self, exchange: ExchangeInProgress) -> None:
        """Note that an exchange is in progress."""
        self._in_progress[exchange] = None

    def finish_exchange(self, exchange: ExchangeInProgress, finished_exchange: Exchange) -> None:
        """Record a finished exchange. One that started before the last reset is ignored."""
        if exchange in self._in_progress:
            del self._in_progress[exchange]
            self.record(finished_exchange)

    def record(self, exchange: Exchange) -> None:
        """Count an exchange and pass it to the rules."""
        if exchange.client in self._clients or len(self._clients) < _MAX_COUNTED_CLIENTS:
            self._clients[exchange.client] += 1
        self._answers[str(exchange.status) if exchange.is_answered else exchange.outcome.value] += 1
        self._longest_silence = max(self._longest_silence, exchange.longest_silence)
        self._observations.observe(exchange)
        for checker in self.checkers:
            checker.observe(exchange)

    def verdict(self, *, is_final: bool = True, exit_code: int | None = None) -> Verdict:
        """Return the verdict on all exchanges so far.

        `is_final` says that the clients are done. `exit_code` is the client's exit code, if known.
        """
        in_progress = tuple(exchange.snapshot() for exchange in self._in_progress)
        context = VerdictContext(
            is_final=is_final, exit_code=exit_code, in_progress=in_progress, server_state=self._server_state
        )
        results = (checker.cases(context).as_finding(checker.rule) for checker in self.checkers)
        findings = tuple(sorted((finding for finding in results if finding), key=lambda finding: finding.severity.rank))
        return Verdict(
            verdict=_verdict_status({finding.severity for finding in findings}),
            findings=findings,
            seen=TrafficSummary(
                seconds=self.now(),
                requests=self._answers.total(),
                under_way=len(in_progress),
                clients=dict(self._clients),
                answers=dict(sorted(self._answers.items())),
                longest_silence=max([self._longest_silence, *(exchange.longest_silence for exchange in in_progress)]),
            ),
        )


def _verdict_status(severities: set[Severity]) -> VerdictStatus:
    if Severity.FAIL in severities:
        return VerdictStatus.FAILED
    return VerdictStatus.WARNED if Severity.WARN in severities else VerdictStatus.CLEAN
