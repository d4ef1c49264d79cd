"""Statistics of scores that several probes and `regrade` use."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence


def pairwise_accuracy(right: Sequence[float], wrong: Sequence[float]) -> float | None:
    """Return the share of pairs in which the right one scores higher, without pairs that tie at the lowest score.

    A tie counts one half. None if no pair is left.
    """
    ranked = sorted(wrong)
    floor = min(ranked[0], *right)
    ahead_of = sum(bisect_left(ranked, score) for score in right)
    tied = sum(bisect_right(ranked, score) - bisect_left(ranked, score) for score in right)
    left_out = right.count(floor) * ranked.count(floor)
    pairs = len(right) * len(wrong) - left_out
    return (ahead_of + (tied - left_out) / 2) / pairs if pairs and max(ranked[-1], *right) > floor else None
