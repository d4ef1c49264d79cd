"""T1: do the rewards differ within a group of rollouts?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.s06_saturation import DEAD_GROUPS_FAIL, DEAD_GROUPS_WARN
from simulator.doctor.probes.training.rollout_groups import contrast_examples, group_rollouts, is_dead_group
from simulator.doctor.probes.training.trace_windows import comparable_trace, first_rollouts, has_known_truth
from simulator.doctor.training_trace import TrainingTraces

MIN_GROUPS: Final = 5
"""The share of dead groups is not measured with fewer groups."""

DEAD_GROUPS: Final = Probe(
    id="T1",
    name="dead groups",
    question="Do the rewards differ within a group of rollouts, so that the model can learn from them?",
    measured=(
        "A group is the rollouts of one prompt in one step. It is dead when all of them get the same reward. The share "
        "is counted over the first ten steps. Groups in which every rollout is really right do not count, because no "
        f"reward function should give these different rewards. More than {DEAD_GROUPS_WARN:.0%} dead groups are a "
        f"warning. More than {DEAD_GROUPS_FAIL:.0%} are a failure."
    ),
    means=(
        "Advantages are differences within a group. A dead group has no differences. You pay for its rollouts, but the "
        "model learns nothing from them. TRL logs this share as frac_reward_zero_std."
    ),
    remedy="Give partial credit, accept more forms of a right answer, or make sure that wrong answers score less.",
    source=(
        "verl and TRL: advantages (r - mean) / std; DAPO (arXiv 2503.14476). INFERRED: groups of only right rollouts "
        "do not count."
    ),
)


def check_dead_groups(traces: TrainingTraces) -> Iterator[Finding]:
    """Count the groups whose rollouts should get different rewards and do not."""
    trace = comparable_trace(traces)
    if isinstance(trace, str):
        yield DEAD_GROUPS.not_measured(trace)
        return
    groups = [group for group in group_rollouts(first_rollouts(trace)) if not all(rollout.correct for rollout in group)]
    if len(groups) < MIN_GROUPS:
        yield DEAD_GROUPS.not_measured(
            "In nearly all groups of the first ten steps every rollout is right, so no reward could tell them apart."
        )
        return
    dead_groups = [group for group in groups if is_dead_group(group)]
    share, measured = len(dead_groups) / len(groups), f"{len(dead_groups)} of {len(groups)} groups"
    if share <= DEAD_GROUPS_WARN:
        yield DEAD_GROUPS.ok("Most groups have rewards that differ.", measured=measured, value=share)
        return
    severity = Severity.FAIL if share > DEAD_GROUPS_FAIL else Severity.WARN
    note = ", although not every rollout is right" if has_known_truth(trace) else ""
    yield DEAD_GROUPS.finding(
        severity,
        f"In most groups every rollout gets the same reward{note}.",
        measured=measured,
        threshold=f"at most {DEAD_GROUPS_FAIL if severity is Severity.FAIL else DEAD_GROUPS_WARN:.0%}",
        fix=DEAD_GROUPS.remedy,
        value=share,
        examples=contrast_examples(trace, dead_groups),
    )
