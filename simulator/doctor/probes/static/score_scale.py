"""Scores read as parts of the way from the lowest to the highest, so that one threshold serves every function."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from typing import Final, TypeVar

from simulator.doctor.invocation import CaseResult, scores_of
from simulator.doctor.probe_context import BASE_ROLLOUT_LABEL, RIGHT_LABEL, WRONG_LABEL, ProbeContext

Item = TypeVar("Item")

MAX_EXAMPLES: Final = 5
"""At most so many exhibits in one finding."""

SCALE_EXPLANATION: Final = (
    "Scores beyond 0 to 1 are first brought there: the lowest of right answers, wrong answers and rollouts of the base "
    "model to 0, the highest to 1."
)

MIN_MATERIAL_DIFFERENCE: Final = 0.05
"""A difference by this part of the scale and less is a tie-break, and no defect by itself (INFERRED)."""

BATCH_DEPENDENT: Final = "A score depends on the batch, so nothing is to be read from this: see S11."


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreScale:
    """Where a function's scores lie. Within [0, 1] nothing changes; scores beyond it are brought there.

    Attributes:
        lowest: the lowest score seen, where one lies outside [0, 1]; else 0.
        highest: the highest score seen, where one lies outside [0, 1]; else 1.
    """

    lowest: float = 0.0
    highest: float = 1.0

    def normalize(self, score: float) -> float:
        """Return a score as a part of the way from the lowest to the highest."""
        return self.normalize_difference(score - self.lowest)

    def normalize_difference(self, difference: float) -> float:
        """Return the difference of two scores as a part of the whole scale."""
        return difference / (self.highest - self.lowest)

    def mean_of_scored(self, results: Iterable[CaseResult]) -> float | None:
        """Return the mean of those answers that have a score; None when none has."""
        scores = scores_of(results)
        return self.normalize(fmean(scores)) if scores else None

    def mean_of_all(self, results: Sequence[CaseResult]) -> float:
        """Return the mean of all answers, where one without a score counts as the lowest; of no answers 0.0."""
        return sum(map(self.normalize, scores_of(results))) / len(results) if results else 0.0

    @property
    def note(self) -> str:
        """What to say beside a measured value; empty when scores are taken as they are."""
        if (self.lowest, self.highest) == (0.0, 1.0):
            return ""
        return f" (scores from {self.lowest:g} to {self.highest:g} read as 0 to 1)"


UNIT_SCALE: Final = ScoreScale()


def score_scale(context: ProbeContext, *others: Sequence[CaseResult]) -> ScoreScale:
    """Return the scale of right answers, wrong answers and rollouts of the base model, and of others if need be."""
    return score_scale_from(
        scores_of(chain(context.right_results, context.wrong_results, *context.base_results, *others))
    )


def score_scale_so_far(context: ProbeContext) -> ScoreScale:
    """Return the same as far as it has been asked for; nothing is asked anew."""
    asked = context.invoker.results_by_label
    return score_scale_from(
        scores_of(chain.from_iterable(asked.get(label, ()) for label in (RIGHT_LABEL, WRONG_LABEL, BASE_ROLLOUT_LABEL)))
    )


def score_scale_from(scores: Sequence[float]) -> ScoreScale:
    """Return the scale of some scores: from 0 to 1 where all lie there, else from the lowest to the highest of them.

    So a rubric from 1 to 5 gives nothing for its 1, and a reward from -1 to 0 all for its 0.
    """
    lowest, highest = min(scores, default=0.0), max(scores, default=1.0)
    if lowest >= 0.0 and highest <= 1.0:
        return UNIT_SCALE
    if lowest == highest:  # one score tells no scale; above 0 it is taken for all, below for nothing
        return ScoreScale(lowest=min(0.0, lowest), highest=max(0.0, highest))
    return ScoreScale(lowest=lowest, highest=highest)


def missing_note(results: Sequence[CaseResult], *, counted: str = "left out") -> str:
    """Return how many of the answers have no score, and how they are counted, in words; empty when all have one."""
    missing = len(results) - len(scores_of(results))
    return f" ({missing} of {len(results)} got no score and are {counted})" if missing else ""


def sample_evenly(items: Sequence[Item], count: int) -> tuple[Item, ...]:
    """Return at most `count` of the items, evenly spread."""
    if len(items) <= count:
        return tuple(items)
    return tuple(items[place * len(items) // count] for place in range(count))
