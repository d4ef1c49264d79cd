"""Statistics of scores."""

import pytest

from simulator.doctor.score_statistics import pairwise_accuracy


@pytest.mark.parametrize(
    ("right", "wrong", "share"),
    [
        ([1.0, 0.5], [0.0, 0.2], 1.0),
        ([0.0, 1.0], [0.0, 1.0], 0.5),
        ([0.0, 0.0, 1.0], [0.0, 0.0], 1.0),
        ([0.5], [0.5, 0.0], 0.75),
        ([0.3], [0.3], None),
    ],
)
def test_pairs_are_compared_without_those_that_tie_at_the_lowest_score(
    right: list[float], wrong: list[float], share: float | None
) -> None:
    """T12's share, by hand."""
    assert pairwise_accuracy(right, wrong) == share
