"""Which wrong answers count as right: by their kind, and by how the reference is written."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Final

from simulator.doctor.probe_context import SCORE_TOLERANCE
from simulator.doctor.probes.static.score_scale import MIN_REFERENCES, ScoreScale
from simulator.doctor.probes.static.wrong_answer_comparisons import Comparison
from simulator.training.reference_answer import ReferenceAnswer

TIED_AUC: Final = 0.55
"""A kind of wrong answer with an AUC of at most this always counts as right (INFERRED)."""

COUNTED_CREDIT: Final = 0.5
"""A response that contains the right answer, and is wrong, counts as right from this share of a right one (INFERRED).

0 is the score of an almost right answer in the same words, so that what both get for their format does not count.
"""

_CURRENCIES = "$€£¥"


def mean_win(comparisons: Sequence[Comparison]) -> float | None:
    """Return the share of comparisons that the right answer wins. None if none has scores."""
    wins = [comparison.win for comparison in comparisons if comparison.win is not None]
    return fmean(wins) if wins else None


def by_kind(comparisons: Sequence[Comparison]) -> dict[str, list[Comparison]]:
    """Return the comparisons that have scores by the name of their wrong answer."""
    groups: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        if comparison.win is not None:
            groups.setdefault(comparison.wrong_answer.name, []).append(comparison)
    return groups


def counts_as_right(comparisons: Sequence[Comparison]) -> bool:
    """Return whether the wrong answers of one kind score like right ones."""
    win = mean_win(comparisons)
    if win is None:
        return False
    earned = [comparison.credit for comparison in comparisons if comparison.credit is not None]
    return win <= TIED_AUC or (
        comparisons[0].wrong_answer.holds_right_one and bool(earned) and fmean(earned) >= COUNTED_CREDIT
    )


def is_coincidence(comparisons: Sequence[Comparison]) -> bool:
    """Return whether the wrong answers that count as right are on rows with one and the same right answer."""
    references = {comparison.row.reference.text for comparison in comparisons if _counts(comparison)}
    return len(references) < MIN_REFERENCES


def _counts(comparison: Comparison) -> bool:
    is_credited = comparison.wrong_answer.holds_right_one and (comparison.credit or 0.0) >= COUNTED_CREDIT
    return is_credited or (comparison.win is not None and comparison.win < 1)


def writings_with_any_answer(comparisons: Sequence[Comparison], scale: ScoreScale) -> list[str]:
    """Return the ways of writing a reference, if there are several, on whose rows every wrong answer counts as right.

    A function that cannot read such a reference may skip the row and pay for any answer.
    """
    certain = [
        comparison
        for comparison in comparisons
        if not (comparison.may_tie or comparison.wrong_answer.may_count or comparison.wrong_answer.holds_right_one)
    ]
    groups: dict[str, list[Comparison]] = {}
    for comparison in certain:
        groups.setdefault(reference_writing(comparison.row.reference), []).append(comparison)
    if len(groups) == 1:
        return []
    overall = scale.mean_of_all([comparison.right for comparison in certain])
    return sorted(name for name, group in groups.items() if _any_answer_counts(group, scale, overall=overall))


def _any_answer_counts(group: Sequence[Comparison], scale: ScoreScale, *, overall: float) -> bool:
    win = mean_win(group)
    right = scale.mean_of_all([comparison.right for comparison in group])
    earns = right > SCORE_TOLERANCE and right >= overall / 2  # right answers that are refused tie with wrong ones too
    return win is not None and win <= TIED_AUC and earns and not is_coincidence(group)


_NUMBER_WRITINGS: Final[Mapping[str, str]] = {
    "%": "a percentage",
    ",": "a number with a comma",
    "/": "a fraction",
    ".": "a decimal",
    "-": "a negative number",
}


def reference_writing(reference: ReferenceAnswer) -> str:
    """Return how a right answer is written, in words."""
    text = reference.text
    if reference.kind == "number":
        if any(sign in text for sign in _CURRENCIES):
            return "an amount of money"
        return next((words for sign, words in _NUMBER_WRITINGS.items() if sign in text), "a whole number")
    if reference.kind == "label":
        if "\\" in text:
            return "a formula"
        return "a text with digits" if any(character.isdigit() for character in text) else "a text without digits"
    if reference.kind == "json":
        return f"a JSON {'list' if isinstance(reference.value, list) else 'object'}"
    return reference.kind
