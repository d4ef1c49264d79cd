"""What another version of a reward function changes on the rollouts of a job: row by row, and in sum."""

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
    """The rollouts of a split. Means are over those that have a new score, the old one too.

    Attributes:
        up: how many score more than they did.
        down: how many score less.
        lost: how many have no score any more.
        dead_before: share of the groups, of two rollouts and more, whose scores are all alike; None without such.
        ahead_before: share of pairs in which a really right rollout scores more than a wrong one (T12); None where
            there is no such pair.
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
    """All of it.

    Attributes:
        rows: every rollout, in the job's order.
        splits: of each split.
        rank_correlation: Spearman's, of old and new scores; None where either is the same for all, or they are few.
    """

    rows: tuple[RegradedRollout, ...]
    splits: tuple[SplitSummary, ...]
    rank_correlation: float | None

    @property
    def has_known_truth(self) -> bool:
        """Whether any rollout is known to be right; of records whose right answer was not found none is."""
        return any(row.rollout.correct for row in self.rows)

    @property
    def changed_rows(self) -> tuple[RegradedRollout, ...]:
        """The rows whose score is another one, or gone; the largest change first."""
        return tuple(sorted(filter(is_changed, self.rows), key=lambda row: -_change_size(row)))

    @property
    def unchanged_rows(self) -> tuple[RegradedRollout, ...]:
        """The other rows, in the job's order."""
        return tuple(row for row in self.rows if not is_changed(row))


def is_changed(row: RegradedRollout) -> bool:
    """Whether a score is another one, or gone."""
    return _change_size(row) > SCORE_TOLERANCE


def compare_scores(rows: Sequence[RegradedRollout]) -> Comparison:
    """Compare old scores and new ones."""
    splits = dict.fromkeys(row.rollout.split for row in rows)
    both = _scored(rows)
    return Comparison(
        rows=tuple(rows),
        splits=tuple(_summarize_split(split, [row for row in rows if row.rollout.split == split]) for split in splits),
        rank_correlation=rank_correlation([row.rollout.reward for row in both], [_new_score(row) for row in both]),
    )


def _summarize_split(split: str, rows: Sequence[RegradedRollout]) -> SplitSummary:
    both = _scored(rows)
    groups = _groups(both)
    moves = [_new_score(row) - row.rollout.reward for row in both]
    return SplitSummary(
        split=split,
        rollouts=len(rows),
        mean_before=fmean(map(_old_score, both)) if both else None,
        mean_now=fmean(map(_new_score, both)) if both else None,
        up=sum(move > SCORE_TOLERANCE for move in moves),
        down=sum(move < -SCORE_TOLERANCE for move in moves),
        lost=len(rows) - len(both),
        groups=len(groups),
        dead_before=_dead_share(groups, _old_score),
        dead_now=_dead_share(groups, _new_score),
        ahead_before=_pairwise_accuracy(both, _old_score),
        ahead_now=_pairwise_accuracy(both, _new_score),
    )


def _groups(rows: Sequence[RegradedRollout]) -> list[list[RegradedRollout]]:
    """Return the groups of a prompt's rollouts in a step that have two members and more."""
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
