"""T2 and T3: how high is the reward before training, and does it stay low?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.s06_saturation import PAID, earned
from simulator.doctor.probes.static.s06_saturation import SATURATED as SATURATED_REWARD
from simulator.doctor.probes.static.s06_saturation import SPARSE as SPARSE_REWARD
from simulator.doctor.probes.static.score_scale import ON_A_SCALE
from simulator.doctor.probes.training.trace_windows import (
    BOTH_ENDS,
    begun,
    cheapest_right,
    dearest,
    ended,
    judged,
    parts,
    rewards_of,
)
from simulator.doctor.training_trace import Course, Courses

PLATEAU_REWARD: Final = 0.15
"""AWS on rewards for Nova: "rewards plateauing below 0.15"."""

RISE: Final = 0.05
"""A reward that is low at the end, and has risen by so much, is on its way."""

SATURATED: Final = Probe(
    id="T2",
    name="saturated",
    question="Is there room for the reward to rise?",
    measured=(
        f"The mean reward of the first ten steps. Above {SATURATED_REWARD} is a warning. It is for information only "
        f"where really wrong rollouts get less than {PAID} times what right ones get: then it is the simulated model "
        "that is good, and yours may not be. Where rollouts are recorded it stays a warning. "
        f"{ON_A_SCALE}"
    ),
    means=(
        "A model that earns nearly everything before training has nothing to learn; AWS calls tuning unnecessary then."
    ),
    remedy="See that wrong answers score low. If they do: take harder prompts, or do not tune.",
    source='AWS, reward functions for Nova: baseline above 95 %: "RFT unnecessary".',
)

SPARSE: Final = Probe(
    id="T3",
    name="sparse or low",
    question="Does the model earn enough to learn from, and does the reward get off the ground?",
    measured=(
        f"The mean reward over {BOTH_ENDS}. Below {SPARSE_REWARD} at the beginning is a failure. Below "
        f"{PLATEAU_REWARD} at the end is a failure, and a warning only where it rose by {RISE} or more. {ON_A_SCALE}"
    ),
    means=(
        "A policy learns from the rollouts that score. Where hardly one does, most steps teach nothing, and what is "
        "learned first is whatever happens to score, often a loophole."
    ),
    remedy=(
        "See that right answers score at all. If they do: give partial credit, take easier prompts, or do SFT first."
    ),
    source='AWS, reward functions for Nova: below 5 % positive examples; "rewards plateauing below 0.15".',
)


def saturated(courses: Courses) -> Iterator[Finding]:
    """T2: look at the reward before anything was learned."""
    course = judged(courses)
    if isinstance(course, str):
        yield SATURATED.skipped(course)
        return
    first = rewards_of(course).first
    if first <= SATURATED_REWARD:
        yield SATURATED.fine("There is room to learn.", measured=f"{first:.3f}{course.scale.note}", value=first)
        return
    deserved = _earned(course)
    what = (
        "The untrained model earns nearly everything, right or wrong."
        if not deserved
        else "The untrained model earns nearly everything, and is nearly always right: sample the real one to be sure."
        if not course.recorded
        else "The untrained model earns nearly everything, and is nearly always right."
    )
    yield SATURATED.found(
        Severity.INFO if deserved and not course.recorded else Severity.WARN,
        what,
        measured=f"{first:.3f}{course.scale.note}",
        threshold=f"at most {SATURATED_REWARD}",
        fix=SATURATED.remedy,
        value=first,
        exhibits=[] if deserved else dearest(begun(course), right=False),
    )


def sparse(courses: Courses) -> Iterator[Finding]:
    """T3: look at the reward before training, and after."""
    course = judged(courses)
    if isinstance(course, str):
        yield SPARSE.skipped(course)
        return
    rewards = rewards_of(course)
    measured = f"{rewards.first:.3f}, then {rewards.last:.3f}{course.scale.note}"
    if rewards.first < SPARSE_REWARD:
        yield SPARSE.found(
            Severity.FAIL,
            "The untrained model earns next to nothing.",
            measured=measured,
            threshold=f"at least {SPARSE_REWARD} at first",
            fix=SPARSE.remedy,
            value=rewards.first,
            exhibits=cheapest_right(begun(course)),
        )
    elif rewards.last < PLATEAU_REWARD:
        yield SPARSE.found(
            Severity.WARN if rewards.gain >= RISE else Severity.FAIL,
            "The reward is still low at the end." if rewards.gain >= RISE else "The reward stays low.",
            measured=measured,
            threshold=f"at least {PLATEAU_REWARD} at last",
            fix=SPARSE.remedy,
            value=rewards.last,
            exhibits=cheapest_right(ended(course)),
        )
    else:
        yield SPARSE.fine("The model earns enough to learn from.", measured=measured, value=rewards.first)


def _earned(course: Course) -> bool:
    """Whether wrong rollouts are paid clearly less than right ones at first; False where that is not known."""
    return earned(parts(course, begun(course), right=True), parts(course, begun(course), right=False))
