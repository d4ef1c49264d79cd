"""Compare two scorings of the same cases."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from simulator.doctor.finding import Example
from simulator.doctor.invocation import CaseResult
from simulator.doctor.probe_context import SCORE_TOLERANCE

_MAX_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreChange:
    """How two scorings of the same cases differ.

    Attributes:
        max_difference: the largest difference between two scores of one case.
        missing_count: how many cases have a score in only one of them.
        compared_count: how many have a score in both.
        examples: cases that differ, the clearest first.
    """

    max_difference: float
    missing_count: int
    compared_count: int
    examples: tuple[Example, ...]

    @property
    def is_unchanged(self) -> bool:
        """Whether all scores agree."""
        return not self.missing_count and self.max_difference <= SCORE_TOLERANCE

    @property
    def measured(self) -> str:
        """The difference in words."""
        if self.missing_count:
            return f"{self.missing_count} of {self.missing_count + self.compared_count} without a score"
        return f"{self.max_difference:.3g}"


def compare_scores(
    first: Sequence[Sequence[CaseResult]], second: Sequence[Sequence[CaseResult]], *, scored_only: bool = False
) -> ScoreChange:
    """Compare two scorings of the same cases in the same order.

    With `scored_only`, a case that has a score in only one of them does not count as missing.
    """
    pairs = [pair for before, after in zip(first, second, strict=True) for pair in zip(before, after, strict=True)]
    lost_pairs = [
        (before, after)
        for before, after in pairs
        if (before.score is None) != (after.score is None) and not scored_only
    ]
    differences = [
        (abs(before.score - after.score), before, after)
        for before, after in pairs
        if before.score is not None and after.score is not None
    ]
    largest_first = sorted(differences, key=lambda difference: -difference[0])
    changed_pairs = [(before, after) for difference, before, after in largest_first if difference > SCORE_TOLERANCE]
    return ScoreChange(
        max_difference=largest_first[0][0] if largest_first else 0.0,
        missing_count=len(lost_pairs),
        compared_count=len(differences),
        examples=tuple(_example(before, after) for before, after in [*lost_pairs, *changed_pairs][:_MAX_EXAMPLES]),
    )


def _example(before: CaseResult, after: CaseResult) -> Example:
    outcome = f"then {after.score}" if after.score is not None else f"then no score: {after.error}"
    return before.example(outcome)
