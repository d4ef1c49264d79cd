"""T1, T10 and T11: do the rewards differ where they should, and is there one for every rollout?"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from simulator.doctor.finding import Example, Finding, Probe, Severity
from simulator.doctor.probes.static.s06_saturation import DEAD_GROUPS_FAIL, DEAD_GROUPS_WARN, is_dead
from simulator.doctor.probes.training.trace_windows import NO_TRAINING, comparable_trace, first_rollouts
from simulator.doctor.training_trace import AS_CONFIGURED, ScoredRollout, TrainingTraces, find_trace

MIN_GROUPS: Final = 5
"""Fewer groups say nothing about their share."""

MAX_ZERO_GRADIENT_SHARE: Final = 0.5
"""A run of which more steps have a gradient of exactly 0 is mostly a waste."""

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

ZERO_GRADIENTS: Final = Probe(
    id="T10",
    name="zero gradients",
    question="Do the steps change the model?",
    measured=(
        f"The share of steps whose gradient (actor_grad_norm) is exactly 0. More than {MAX_ZERO_GRADIENT_SHARE:.0%} is a failure."
    ),
    means='All groups of such a step are dead: "loss 0.0, grad_norm 0.0", the commonest question about GRPO.',
    remedy="See T1: rewards must differ within a group.",
    source="verl, TRL #3452 and #3857, ms-swift #4547.",
)

INVALID_RESULTS: Final = Probe(
    id="T11",
    name="invalid results",
    question="Does every rollout of a whole run get a usable score?",
    measured="The function is called for every rollout of the rehearsed runs. One that gets no score is a failure.",
    means="A job ends in failure there, after hours perhaps. Nothing is scored in place of a function that failed.",
    remedy=(
        "Score every rollout, whatever its text and in time: catch what is expected to fail, bound what may take long, "
        "and return a low score for it."
    ),
    source="DOCUMENTED: one result for each id. INFERRED: what Bedrock does with a missing one.",
)


def check_dead_groups(traces: TrainingTraces) -> Iterator[Finding]:
    """T1: count the groups that differ in nothing but deserve to."""
    course = comparable_trace(traces)
    if isinstance(course, str):
        yield DEAD_GROUPS.not_measured(course)
        return
    groups = [group for group in _group_rollouts(first_rollouts(course)) if not all(scored.correct for scored in group)]
    if len(groups) < MIN_GROUPS:
        yield DEAD_GROUPS.not_measured(
            "Nearly all groups of the first ten steps are right throughout: no reward could tell their rollouts apart."
        )
        return
    dead = [group for group in groups if _is_dead_group(group)]
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
        examples=_contrast_examples(dead),
    )


def check_zero_gradients(traces: TrainingTraces) -> Iterator[Finding]:
    """T10: count the steps that changed nothing."""
    course = find_trace(traces, AS_CONFIGURED)
    if course is None or not course.metrics:
        yield ZERO_GRADIENTS.not_measured(course.error if course else NO_TRAINING)
        return
    zero = sum(metrics.actor_grad_norm == 0.0 for metrics in course.metrics)
    share, measured = zero / course.steps, f"{zero} of {course.steps} steps"
    if share <= MAX_ZERO_GRADIENT_SHARE:
        yield ZERO_GRADIENTS.ok("Most steps have something to learn from.", measured=measured, value=share)
        return
    yield ZERO_GRADIENTS.finding(
        Severity.FAIL,
        "In most steps there is nothing to learn: the gradient is exactly 0.",
        measured=measured,
        threshold=f"at most {MAX_ZERO_GRADIENT_SHARE:.0%}",
        fix=ZERO_GRADIENTS.remedy,
        value=share,
        examples=_contrast_examples([group for group in _group_rollouts(course.rollouts) if _is_dead_group(group)]),
    )


def check_invalid_results(traces: TrainingTraces) -> Iterator[Finding]:
    """T11: see whether every course came to its end."""
    for course in traces:
        if course.error and course.total_steps:
            yield INVALID_RESULTS.finding(
                Severity.FAIL,
                f"The rehearsed run ({course.name}) ended after {course.steps} of {course.total_steps} steps, without "
                "a usable score.",
                measured=course.error,
                threshold="a score for each rollout",
                fix=INVALID_RESULTS.remedy,
                value=float(course.steps),
            )
            return
    rollouts = sum(len(course.rollouts) for course in traces)
    if rollouts:
        yield INVALID_RESULTS.ok("Every rollout got a usable score.", measured=f"{rollouts} rollouts", value=0.0)
    else:
        yield INVALID_RESULTS.not_measured(next((course.error for course in traces if course.error), NO_TRAINING))


def _group_rollouts(scored: Sequence[ScoredRollout]) -> list[list[ScoredRollout]]:
    return [list(group) for _, group in groupby(scored, key=lambda one: (one.step, one.line))]


def _is_dead_group(group: Sequence[ScoredRollout]) -> bool:
    return is_dead([scored.reward for scored in group])


def _contrast_examples(groups: Sequence[Sequence[ScoredRollout]]) -> tuple[Example, ...]:
    """Show a right and a wrong rollout of one group, which got the same reward; none where no group has both."""
    for group in groups:
        right = next((scored for scored in group if scored.correct), None)
        wrong = next((scored for scored in group if scored.correct is False), None)
        if right and wrong:
            return right.example("it is really right"), wrong.example("it is really wrong, to the same prompt")
    return ()
