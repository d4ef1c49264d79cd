"""T1, T10 and T11: do the rewards differ where they should, and is there one for every rollout?"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from simulator.doctor.finding import Exhibit, Finding, Probe, Severity
from simulator.doctor.probes.static.s06_saturation import DEAD_FAIL, DEAD_WARN, is_dead
from simulator.doctor.probes.training.trace_windows import NOT_REHEARSED, begun, judged
from simulator.doctor.training_trace import USUAL, Courses, Scored, named

FEWEST_GROUPS: Final = 5
"""Fewer groups say nothing about their share."""

ZERO_STEPS: Final = 0.5
"""A run of which more steps have a gradient of exactly 0 is mostly a waste."""

DEAD_GROUPS: Final = Probe(
    id="T1",
    name="dead groups",
    question="Do the rewards within a group of rollouts differ, so that there is something to learn from?",
    measured=(
        "A group is one prompt's rollouts in one step; it is dead when all of them get the same reward. Counted over "
        "the first ten steps, without the groups in which every rollout is really right: no reward could tell those "
        f"apart. More than {DEAD_WARN:.0%} dead is a warning, more than {DEAD_FAIL:.0%} a failure."
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
        f"The share of steps whose gradient (actor_grad_norm) is exactly 0. More than {ZERO_STEPS:.0%} is a failure."
    ),
    means='All groups of such a step are dead: "loss 0.0, grad_norm 0.0", the commonest question about GRPO.',
    remedy="See T1: rewards must differ within a group.",
    source="verl, TRL #3452 and #3857, ms-swift #4547.",
)

RESULTS: Final = Probe(
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


def dead_groups(courses: Courses) -> Iterator[Finding]:
    """T1: count the groups that differ in nothing but deserve to."""
    course = judged(courses)
    if isinstance(course, str):
        yield DEAD_GROUPS.skipped(course)
        return
    groups = [group for group in _groups(begun(course)) if not all(scored.correct for scored in group)]
    if len(groups) < FEWEST_GROUPS:
        yield DEAD_GROUPS.skipped(
            "Nearly all groups of the first ten steps are right throughout: no reward could tell their rollouts apart."
        )
        return
    dead = [group for group in groups if _alike(group)]
    share, measured = len(dead) / len(groups), f"{len(dead)} of {len(groups)} groups"
    if share <= DEAD_WARN:
        yield DEAD_GROUPS.fine("Most groups have rewards that differ.", measured=measured, value=share)
        return
    severity = Severity.FAIL if share > DEAD_FAIL else Severity.WARN
    yield DEAD_GROUPS.found(
        severity,
        "In most groups every rollout gets the same reward, though not every one is right.",
        measured=measured,
        threshold=f"at most {DEAD_FAIL if severity is Severity.FAIL else DEAD_WARN:.0%}",
        fix=DEAD_GROUPS.remedy,
        value=share,
        exhibits=_unlike(dead),
    )


def zero_gradients(courses: Courses) -> Iterator[Finding]:
    """T10: count the steps that changed nothing."""
    course = named(courses, USUAL)
    if course is None or not course.metrics:
        yield ZERO_GRADIENTS.skipped(course.fault if course else NOT_REHEARSED)
        return
    zero = sum(metrics.actor_grad_norm == 0.0 for metrics in course.metrics)
    share, measured = zero / course.steps, f"{zero} of {course.steps} steps"
    if share <= ZERO_STEPS:
        yield ZERO_GRADIENTS.fine("Most steps have something to learn from.", measured=measured, value=share)
        return
    yield ZERO_GRADIENTS.found(
        Severity.FAIL,
        "In most steps there is nothing to learn: the gradient is exactly 0.",
        measured=measured,
        threshold=f"at most {ZERO_STEPS:.0%}",
        fix=ZERO_GRADIENTS.remedy,
        value=share,
        exhibits=_unlike([group for group in _groups(course.scored) if _alike(group)]),
    )


def results(courses: Courses) -> Iterator[Finding]:
    """T11: see whether every course came to its end."""
    for course in courses:
        if course.fault and course.total_steps:
            yield RESULTS.found(
                Severity.FAIL,
                f"The rehearsed run ({course.name}) ended after {course.steps} of {course.total_steps} steps, without "
                "a usable score.",
                measured=course.fault,
                threshold="a score for each rollout",
                fix=RESULTS.remedy,
                value=float(course.steps),
            )
            return
    rollouts = sum(len(course.scored) for course in courses)
    if rollouts:
        yield RESULTS.fine("Every rollout got a usable score.", measured=f"{rollouts} rollouts", value=0.0)
    else:
        yield RESULTS.skipped(next((course.fault for course in courses if course.fault), NOT_REHEARSED))


def _groups(scored: Sequence[Scored]) -> list[list[Scored]]:
    return [list(group) for _, group in groupby(scored, key=lambda one: (one.step, one.line))]


def _alike(group: Sequence[Scored]) -> bool:
    return is_dead([scored.reward for scored in group])


def _unlike(groups: Sequence[Sequence[Scored]]) -> tuple[Exhibit, ...]:
    """Show a right and a wrong rollout of one group, which got the same reward; none where no group has both."""
    for group in groups:
        right = next((scored for scored in group if scored.correct), None)
        wrong = next((scored for scored in group if scored.correct is False), None)
        if right and wrong:
            return right.exhibit("it is really right"), wrong.exhibit("it is really wrong, to the same prompt")
    return ()
