"""T1: do the rewards differ within a group of rollouts?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.s06_saturation import DEAD_GROUPS_FAIL, DEAD_GROUPS_WARN
from simulator.doctor.probes.training.rollout_groups import contrast_examples, group_rollouts, is_dead_group
from simulator.doctor.probes.training.trace_windows import comparable_trace, first_rollouts
from simulator.doctor.training_trace import TrainingTraces

MIN_GROUPS: Final = 5
"""Fewer groups say nothing about their share."""

DEAD_GROUPS: Final = Probe(
    id="T1",
    name="dead groups",
    question="Do the rewards within a group of rollouts differ, so that there is something to learn from?",
    measured=(
        "A group is one prompt's rollouts in one step; it is dead when all of them get the same reward. Counted over "
        "the first ten steps, without the groups in which every rollout is really right: no reward could tell those "
        f"apart. More than {DEAD_GROUPS_WARN:.0%} dead is a warning, more than {DEAD_GROUPS_FAIL:.0%} a failure."
    ),
    means=(
        "Advantages are differences within a group. A dead group has none: its rollouts are sampled, paid for, and "
        "teach nothing (TRL logs the share as frac_reward_zero_std)."
    ),
    remedy="Give partial credit, accept more forms of a right answer, or see that wrong answers score less.",
    source=(
        "verl and TRL: advantages (r - mean) / std; DAPO (arXiv 2503.14476). Leaving out all-right groups: INFERRED."
    ),
)


def check_dead_groups(traces: TrainingTraces) -> Iterator[Finding]:
    """T1: count the groups that differ in nothing but deserve to."""
    course = comparable_trace(traces)
    if isinstance(course, str):
        yield DEAD_GROUPS.not_measured(course)
        return
    groups = [group for group in group_rollouts(first_rollouts(course)) if not all(scored.correct for scored in group)]
    if len(groups) < MIN_GROUPS:
        yield DEAD_GROUPS.not_measured(
            "Nearly all groups of the first ten steps are right throughout: no reward could tell their rollouts apart."
        )
        return
    dead = [group for group in groups if is_dead_group(group)]
    share, measured = len(dead) / len(groups), f"{len(dead)} of {len(groups)} groups"
    if share <= DEAD_GROUPS_WARN:
        yield DEAD_GROUPS.ok("Most groups have rewards that differ.", measured=measured, value=share)
        return
    severity = Severity.FAIL if share > DEAD_GROUPS_FAIL else Severity.WARN
    yield DEAD_GROUPS.finding(
        severity,
        "In most groups every rollout gets the same reward, though not every one is right.",
        measured=measured,
        threshold=f"at most {DEAD_GROUPS_FAIL if severity is Severity.FAIL else DEAD_GROUPS_WARN:.0%}",
        fix=DEAD_GROUPS.remedy,
        value=share,
        examples=contrast_examples(dead),
    )
