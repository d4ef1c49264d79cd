"""T3: does the model earn enough reward to learn from?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.s06_saturation import SPARSE_SCORE as SPARSE_REWARD
from simulator.doctor.probes.static.score_scale import SCALE_EXPLANATION
from simulator.doctor.probes.training.trace_windows import (
    WINDOWS_TEXT,
    comparable_trace,
    first_rollouts,
    last_rollouts,
    lowest_reward_right_example,
    reward_means,
)
from simulator.doctor.training_trace import TrainingTraces

MIN_FINAL_REWARD: Final = 0.15
"""AWS on rewards for Nova: "rewards plateauing below 0.15"."""

MIN_RISE: Final = 0.05
"""A reward that is low at the end, and has risen by so much, is on its way."""

SPARSE: Final = Probe(
    id="T3",
    name="sparse or low",
    question="Does the model earn enough to learn from, and does the reward get off the ground?",
    measured=(
        f"The mean reward over {WINDOWS_TEXT}. Below {SPARSE_REWARD} at the beginning is a failure. Below "
        f"{MIN_FINAL_REWARD} at the end is a failure, and a warning only where it rose by {MIN_RISE} or more. {SCALE_EXPLANATION}"
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


def check_sparse(traces: TrainingTraces) -> Iterator[Finding]:
    """T3: look at the reward before training, and after."""
    course = comparable_trace(traces)
    if isinstance(course, str):
        yield SPARSE.not_measured(course)
        return
    rewards = reward_means(course)
    measured = f"{rewards.first:.3f}, then {rewards.last:.3f}{course.scale.note}"
    if rewards.first < SPARSE_REWARD:
        yield SPARSE.finding(
            Severity.FAIL,
            "The untrained model earns next to nothing.",
            measured=measured,
            threshold=f"at least {SPARSE_REWARD} at first",
            fix=SPARSE.remedy,
            value=rewards.first,
            examples=lowest_reward_right_example(first_rollouts(course)),
        )
    elif rewards.last < MIN_FINAL_REWARD:
        yield SPARSE.finding(
            Severity.WARN if rewards.gain >= MIN_RISE else Severity.FAIL,
            "The reward is still low at the end." if rewards.gain >= MIN_RISE else "The reward stays low.",
            measured=measured,
            threshold=f"at least {MIN_FINAL_REWARD} at last",
            fix=SPARSE.remedy,
            value=rewards.last,
            examples=lowest_reward_right_example(last_rollouts(course)),
        )
    else:
        yield SPARSE.ok("The model earns enough to learn from.", measured=measured, value=rewards.first)
