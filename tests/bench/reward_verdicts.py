"""What a tool said of a reward function, and the figures of many such verdicts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from tests.bench.reward_cases import RewardCase

Outcome = Literal["fail", "warn", "nothing", "hang", "crash"]

KEY_PROBES = frozenset({"S3", "S5", "S6"})
"""Without these three the doctor says nothing about whether right answers score more than wrong ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One run of a tool on a reward function.

    Attributes:
        outcome: the worst finding; `hang` if the run was stopped at the limit, `crash` if it ended without a report.
        failed: the ids of what failed. Likewise `warned` and `not_measured`. Only the doctor's ids are causes.
        note: why there is no report.
    """

    outcome: Outcome
    seconds: float
    failed: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    not_measured: tuple[str, ...] = ()
    note: str = ""

    def cause(self, case: RewardCase) -> Literal["fail", "warn", ""]:
        """Return whether a failure or a warning has an expected id. A probe that did not measure found nothing."""
        if set(case.expected) & set(self.failed):
            return "fail"
        return "warn" if set(case.expected) & set(self.warned) else ""


Result = tuple[RewardCase, Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    def __str__(self) -> str:
        """Return "3/40 8 %"."""
        return f"{self.count}/{self.of} {round(100 * self.count / self.of)} %" if self.of else "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one tool on one collection.

    Attributes:
        sound_not_measured: sound rewards with S3, S5 or S6 not measured.
        faulty_found: faulty rewards that failed or drew a warning.
        cause_found: faulty rewards with a failure or a warning of an expected id, among those that have such ids.
        no_report: runs that hung or crashed.
    """

    sound_failed: Share
    sound_warned: Share
    sound_not_measured: Share
    faulty_failed: Share
    faulty_found: Share
    cause_failed: Share
    cause_found: Share
    no_report: int
    median_seconds: float
    longest_seconds: float


def summarize(results: Sequence[Result]) -> Figures:
    """Count. A run without a report has found nothing, and a sound reward with one is in no column but `no_report`."""
    sound = [verdict for case, verdict in results if case.sound]
    faulty = [(case, verdict) for case, verdict in results if not case.sound]
    causes = [verdict.cause(case) for case, verdict in faulty if case.expected]
    seconds = [verdict.seconds for _, verdict in results]
    return Figures(
        sound_failed=_share(verdict.outcome == "fail" for verdict in sound),
        sound_warned=_share(verdict.outcome == "warn" for verdict in sound),
        sound_not_measured=_share(bool(KEY_PROBES & set(verdict.not_measured)) for verdict in sound),
        faulty_failed=_share(verdict.outcome == "fail" for _, verdict in faulty),
        faulty_found=_share(verdict.outcome in ("fail", "warn") for _, verdict in faulty),
        cause_failed=_share(cause == "fail" for cause in causes),
        cause_found=_share(bool(cause) for cause in causes),
        no_report=sum(verdict.outcome in ("hang", "crash") for _, verdict in results),
        median_seconds=median(seconds) if seconds else 0.0,
        longest_seconds=max(seconds, default=0.0),
    )


def _share(facts: Iterable[bool]) -> Share:
    listed = list(facts)
    return Share(count=sum(listed), of=len(listed))
