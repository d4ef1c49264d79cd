"""Groups of rollouts in a training trace, shared by T1 and T10."""

from collections.abc import Sequence
from itertools import groupby

from simulator.doctor.finding import Example
from simulator.doctor.probes.static.s06_saturation import is_dead
from simulator.doctor.probes.training.trace_windows import truth_note
from simulator.doctor.training_trace import ScoredRollout, TrainingTrace


def group_rollouts(rollouts: Sequence[ScoredRollout]) -> list[list[ScoredRollout]]:
    """Return the rollouts of a trace in groups: those of one prompt in one step."""
    return [list(group) for _, group in groupby(rollouts, key=lambda rollout: (rollout.step, rollout.line))]


def is_dead_group(group: Sequence[ScoredRollout]) -> bool:
    """Whether all rollouts of a group have the same reward."""
    return is_dead([rollout.reward for rollout in group])


def contrast_examples(trace: TrainingTrace, groups: Sequence[Sequence[ScoredRollout]]) -> tuple[Example, ...]:
    """Return a right and a wrong rollout of one group, as examples. Empty if no group has both."""
    for group in groups:
        right = next((rollout for rollout in group if rollout.correct), None)
        wrong = next((rollout for rollout in group if rollout.correct is False), None)
        if right and wrong:
            return (
                right.example(truth_note(trace, right=True)),
                wrong.example(f"{truth_note(trace, right=False)}, to the same prompt"),
            )
    return ()
