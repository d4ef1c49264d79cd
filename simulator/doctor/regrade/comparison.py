"""Compares the old and new scores of a job's rollouts, per rollout and per split."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from simulator.doctor.probe_context import SCORE_TOLERANCE
from simulator.doctor.probes.static.rank_correlation import rank_correlation
from simulator.doctor.regrade.scoring import RegradedRollout
from simulator.doctor.score_statistics import pairwise_accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSummary:
    """The old and new scores of a split. All statistics leave out rollouts without a new score.

    Attributes:
        up: the number of rollouts with a higher score.
        down: the number of rollouts with a lower score.
        lost: the number of rollouts without a new score.
        groups: the number of groups with two or more rollouts.
        dead_before: the share of these groups in which all old scores are equal. None without groups.
        ahead_before: the share of pairs in which a really right rollout scored higher than a wrong one (T12). None
            without pairs.
    """

    split: str
    rollouts: int
    mean_before: float | None
    mean_now: float | None
    up: int
    down: int
    lost: int
    groups: int
    dead_before: float | None
    dead_now: float | None
    ahead_before: float | None
    ahead_now: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The comparison of all rollouts.

    Attributes:
        rows: every rollout, in the job's order.
        splits: one summary per split.
        rank_correlation: Spearman's, of old and new scores. None if either is constant or there are too few.
    """

    rows: tuple[RegradedRollout, ...]
    splits: tuple[SplitSummary, ...]
    rank_correlation: float | None

    @property
    def has_known_truth(self) -> bool:
        """Whether any rollout is known to be right. False if no record has a right answer that could be read."""
        return any(row.rollout.correct for row in self.rows)

    @property
    def changed_rows(self) -> tuple[RegradedRollout, ...]:
        """The rows with another score or none, the largest change first."""
        return tuple(sorted(filter(is_changed, self.rows), key=lambda row: -_change_size(row)))

    @property
    def unchanged_rows(self) -> tuple[RegradedRollout, ...]:
        """The other rows, in the job's order."""
        return tuple(row for row in self.rows if not is_changed(row))


def is_changed(row: RegradedRollout) -> bool:
    """Whether the new score differs, or is missing."""
    return _change_size(row) > SCORE_TOLERANCE


def compare_scores(rows: Sequence[RegradedRollout]) -> Comparison:
    """Compare the old and new scores."""
    splits = dict.fromkeys(row.rollout.split for row in rows)
    scored = _scored(rows)
    return Comparison(
        rows=tuple(rows),
        splits=tuple(_summarize_split(split, [row for row in rows if row.rollout.split == split]) for split in splits),
        rank_correlation=rank_correlation([row.rollout.reward for row in scored], [_new_score(row) for row in scored]),
    )


def _summarize_split(split: str, rows: Sequence[RegradedRollout]) -> SplitSummary:
    scored = _scored(rows)
    groups = _groups(scored)
    changes = [_new_score(row) - row.rollout.reward for row in scored]
    return SplitSummary(
        split=split,
        rollouts=len(rows),
        mean_before=fmean(map(_old_score, scored)) if scored else None,
        mean_now=fmean(map(_new_score, scored)) if scored else None,
        up=sum(change > SCORE_TOLERANCE for change in changes),
        down=sum(change < -SCORE_TOLERANCE for change in changes),
        lost=len(rows) - len(scored),
        groups=len(groups),
        dead_before=_dead_share(groups, _old_score),
        dead_now=_dead_share(groups, _new_score),
        ahead_before=_pairwise_accuracy(scored, _old_score),
        ahead_now=_pairwise_accuracy(scored, _new_score),
    )


def _groups(rows: Sequence[RegradedRollout]) -> list[list[RegradedRollout]]:
    """Return the groups with two or more rollouts. A group is the rollouts of one prompt in one step."""
    together = groupby(rows, key=lambda row: (row.rollout.step, row.rollout.record.line))
    groups = (list(group) for _, group in together)
    return [group for group in groups if len(group) > 1]


def _dead_share(groups: Sequence[Sequence[RegradedRollout]], score: Callable[[RegradedRollout], float]) -> float | None:
    if not groups:
        return None
    scores = [list(map(score, group)) for group in groups]
    return fmean(max(group) - min(group) <= SCORE_TOLERANCE for group in scores)


def _pairwise_accuracy(rows: Sequence[RegradedRollout], score: Callable[[RegradedRollout], float]) -> float | None:
    right = [score(row) for row in rows if row.rollout.correct]
    wrong = [score(row) for row in rows if not row.rollout.correct]
    return pairwise_accuracy(right, wrong) if right and wrong else None


def _scored(rows: Sequence[RegradedRollout]) -> list[RegradedRollout]:
    return [row for row in rows if row.score is not None]


def _old_score(row: RegradedRollout) -> float:
    return row.rollout.reward


def _new_score(row: RegradedRollout) -> float:
    return 0.0 if row.score is None else row.score


def _change_size(row: RegradedRollout) -> float:
    return float("inf") if row.score is None else abs(row.score - row.rollout.reward)
