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
"""A reward that is low at the end but rose by this much is still rising."""

SPARSE: Final = Probe(
    id="T3",
    name="sparse or low",
    question="Does the model earn enough reward to learn from, and does the reward rise from a low start?",
    measured=(
        f"The mean reward over {WINDOWS_TEXT}. A mean below {SPARSE_REWARD} at the start is a failure. A mean below "
        f"{MIN_FINAL_REWARD} at the end is a warning if the mean rose by {MIN_RISE} or more, and otherwise a failure. "
        f"{SCALE_EXPLANATION}"
    ),
    means=(
        "A policy learns from the rollouts that score. If almost none score, most steps have no effect, and the "
        "policy first learns the few responses that do score. These are often exploits."
    ),
    remedy=(
        "Make sure that right answers score at all. If they do, give partial credit, use easier prompts, or run "
        "supervised fine-tuning first."
    ),
    source='AWS, reward functions for Nova: below 5 % positive examples; "rewards plateauing below 0.15".',
)


def check_sparse(traces: TrainingTraces) -> Iterator[Finding]:
    """Read the reward before and after training."""
    trace = comparable_trace(traces)
    if isinstance(trace, str):
        yield SPARSE.not_measured(trace)
        return
    rewards = reward_means(trace)
    measured = f"{rewards.first:.3f}, then {rewards.last:.3f}{trace.scale.note}"
    if rewards.first < SPARSE_REWARD:
        yield SPARSE.finding(
            Severity.FAIL,
            "The untrained model earns almost no reward.",
            measured=measured,
            threshold=f"at least {SPARSE_REWARD} at the start",
            fix=SPARSE.remedy,
            value=rewards.first,
            examples=lowest_reward_right_example(trace, first_rollouts(trace)),
        )
    elif rewards.last < MIN_FINAL_REWARD:
        yield SPARSE.finding(
            Severity.WARN if rewards.gain >= MIN_RISE else Severity.FAIL,
            "The reward is still low at the end." if rewards.gain >= MIN_RISE else "The reward stays low.",
            measured=measured,
            threshold=f"at least {MIN_FINAL_REWARD} at the end",
            fix=SPARSE.remedy,
            value=rewards.last,
            examples=lowest_reward_right_example(trace, last_rollouts(trace)),
        )
    else:
        yield SPARSE.ok("The model earns enough to learn from.", measured=measured, value=rewards.first)
