"""Spearman's rank correlation."""

from collections.abc import Sequence
from statistics import StatisticsError, correlation, fmean
from typing import Final

MIN_PAIRS: Final = 10
"""Fewer pairs give no correlation (INFERRED)."""


def rank_correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Return Spearman's rho, where ties share their mean rank.

    It is None for fewer than `MIN_PAIRS` pairs and where one side is constant.
    """
    if len(xs) < MIN_PAIRS:
        return None
    try:
        return correlation(_ranks(xs), _ranks(ys))
    except StatisticsError:  # one side is constant
        return None


def _ranks(values: Sequence[float]) -> list[float]:
    ranks: dict[float, list[int]] = {}
    for rank, value in enumerate(sorted(values)):
        ranks.setdefault(value, []).append(rank)
    mean_rank = {value: fmean(tied_ranks) for value, tied_ranks in ranks.items()}
    return [mean_rank[value] for value in values]
