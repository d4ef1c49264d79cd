"""The comparison of old and new scores."""

from dataclasses import asdict

import pytest

from simulator.doctor.regrade.comparison import compare_scores
from tests.doctor.regrade.stored_samples import regraded_group


def test_a_split_has_a_summary_of_its_old_and_new_scores() -> None:
    """It has means, counts of changed scores, the share of groups with equal scores, and the share of ordered pairs."""
    rows = [
        *regraded_group((0.0, 1.0, True), (0.0, 0.0, False), (0.0, 0.0, False), (1.0, 0.5, True)),
        *regraded_group((1.0, 1.0, True), (1.0, 1.0, True), line=2),
    ]
    (split,) = compare_scores(rows).splits
    assert asdict(split) == {
        "split": "train",
        "rollouts": 6,
        "mean_before": 0.5,
        "mean_now": pytest.approx(3.5 / 6),
        "up": 1,
        "down": 1,
        "lost": 0,
        "groups": 2,
        "dead_before": 0.5,
        "dead_now": 0.5,
        # As in the probe T12, pairs in which both rollouts have the lowest score are left out.
        "ahead_before": 1.0,
        "ahead_now": 1.0,
    }


def test_a_rollout_without_a_new_score_is_only_in_the_count_of_lost_scores() -> None:
    """Neither mean includes the rollout."""
    (split,) = compare_scores(regraded_group((1.0, None, True), (0.0, 1.0, True))).splits
    assert (split.mean_before, split.mean_now, split.up, split.down, split.lost) == (0.0, 1.0, 1, 0, 1)


def test_the_largest_change_comes_first() -> None:
    """A rollout without a new score comes before all others. Equal changes keep their order."""
    rows = regraded_group((0.0, 0.1, True), (0.0, 1.0, True), (1.0, None, True), (0.5, 0.5, True), (1.0, 0.0, True))
    comparison = compare_scores(rows)
    assert [row.rollout.index for row in comparison.changed_rows] == [2, 1, 4, 0]
    assert [row.rollout.index for row in comparison.unchanged_rows] == [3]


def test_reversed_scores_have_a_rank_correlation_of_minus_one() -> None:
    """Old and new scores are compared by rank."""
    rows = regraded_group(*((index / 10, 1 - index / 10, True) for index in range(11)))
    assert compare_scores(rows).rank_correlation == pytest.approx(-1.0)
