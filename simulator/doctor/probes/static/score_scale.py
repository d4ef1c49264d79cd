"""Normalized scores, so that one threshold fits every function's range of scores."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from typing import Final, TypeVar

from simulator.doctor.invocation import CaseResult, scores_of
from simulator.doctor.probe_context import BASE_ROLLOUT_LABEL, RIGHT_LABEL, WRONG_LABEL, ProbeContext

Item = TypeVar("Item")

MIN_REFERENCES: Final = 2
"""Hits on rows with fewer different right answers may be coincidence (INFERRED)."""

MAX_EXAMPLES: Final = 5
"""The largest number of examples in one finding."""

SCALE_EXPLANATION: Final = (
    "Scores outside 0 to 1 are first normalized: among right answers, wrong answers and rollouts of the base model, "
    "the lowest score becomes 0 and the highest becomes 1."
)

MIN_MATERIAL_DIFFERENCE: Final = 0.05
"""A smaller difference, as a share of the scale, is a tie-break and not a defect (INFERRED)."""

BATCH_DEPENDENT: Final = "A score depends on the other rollouts in its call, so this cannot be measured: see S11."


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreScale:
    """The range of a function's scores. Scores within [0, 1] stay as they are; others are normalized to it.

    Attributes:
        lowest: the lowest score, when one is outside [0, 1]; else 0.
        highest: the highest score, when one is outside [0, 1]; else 1.
    """

    lowest: float = 0.0
    highest: float = 1.0

    def normalize(self, score: float) -> float:
        """Return a score as a share of the way from the lowest to the highest."""
        return self.normalize_difference(score - self.lowest)

    def normalize_difference(self, difference: float) -> float:
        """Return the difference of two scores as a share of the scale."""
        return difference / (self.highest - self.lowest)

    def mean_of_scored(self, results: Iterable[CaseResult]) -> float | None:
        """Return the mean of the results that have a score; None when none has."""
        scores = scores_of(results)
        return self.normalize(fmean(scores)) if scores else None

    def mean_of_all(self, results: Sequence[CaseResult]) -> float:
        """Return the mean of all results. One without a score counts as the lowest; the mean of no results is 0.0."""
        return sum(map(self.normalize, scores_of(results))) / len(results) if results else 0.0

    @property
    def note(self) -> str:
        """The words that follow a measured value; empty when scores are not normalized."""
        if (self.lowest, self.highest) == (0.0, 1.0):
            return ""
        return f" (scores from {self.lowest:g} to {self.highest:g} normalized to 0 to 1)"


UNIT_SCALE: Final = ScoreScale()


def score_scale(context: ProbeContext, *others: Sequence[CaseResult]) -> ScoreScale:
    """Return the scale of right answers, wrong answers, rollouts of the base model, and other results."""
    return score_scale_from(
        scores_of(chain(context.right_results, context.wrong_results, *context.base_results, *others))
    )


def score_scale_so_far(context: ProbeContext) -> ScoreScale:
    """Return the scale of the right answers, wrong answers and base rollouts that already have results."""
    results = context.invoker.results_by_label
    return score_scale_from(
        scores_of(
            chain.from_iterable(results.get(label, ()) for label in (RIGHT_LABEL, WRONG_LABEL, BASE_ROLLOUT_LABEL))
        )
    )


def score_scale_from(scores: Sequence[float]) -> ScoreScale:
    """Return the scale of scores: 0 to 1 when all are within it, else from the lowest to the highest.

    So the 1 of a rubric from 1 to 5 becomes 0, and the 0 of a reward from -1 to 0 becomes 1.
    """
    lowest, highest = min(scores, default=0.0), max(scores, default=1.0)
    if lowest >= 0.0 and highest <= 1.0:
        return UNIT_SCALE
    if lowest == highest:  # one score gives no scale; above 0 it becomes 1, below 0 it becomes 0
        return ScoreScale(lowest=min(0.0, lowest), highest=max(0.0, highest))
    return ScoreScale(lowest=lowest, highest=highest)


def missing_note(results: Sequence[CaseResult], *, treatment: str = "left out") -> str:
    """Return how many results have no score and how they count, in words; empty when all have one."""
    missing = len(results) - len(scores_of(results))
    return f" ({missing} of {len(results)} have no score and are {treatment})" if missing else ""


def sample_evenly(items: Sequence[Item], count: int) -> tuple[Item, ...]:
    """Return at most `count` items, evenly spread."""
    if len(items) <= count:
        return tuple(items)
    return tuple(items[index * len(items) // count] for index in range(count))
