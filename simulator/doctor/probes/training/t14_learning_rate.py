"""T14: would another learning rate end with a higher reward?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.training.quality import MAX_QUALITY_DROP, keeps_quality
from simulator.doctor.probes.training.trace_windows import (
    MIN_STEPS,
    comparable_trace,
    reward_means,
)
from simulator.doctor.training_trace import (
    HIGHER_RATE,
    HIGHER_RATE_FACTOR,
    LOWER_RATE,
    LOWER_RATE_FACTOR,
    TrainingTraces,
    find_trace,
)

MIN_RATE_ADVANTAGE: Final = 0.05
"""Another learning rate is suggested where the reward ends higher by more: windows of ten steps differ by chance."""

LEARNING_RATE: Final = Probe(
    id="T14",
    name="learning rate",
    question="Which learning rate multiplier suits this reward?",
    measured=(
        f"The run is rehearsed at {LOWER_RATE_FACTOR} and {HIGHER_RATE_FACTOR:g} times its learning rate too, with the same draws. "
        "Another rate is suggested where the mean reward of the last ten steps (on a scale from 0 to 1) is higher "
        f"by more than {MIN_RATE_ADVANTAGE} and the share of right answers falls by no more than {MAX_QUALITY_DROP}. Always for "
        "information."
    ),
    means=(
        "Too low a rate leaves the reward where it was; too high a one breaks the model, which the reward shows late."
    ),
    remedy="Start from the suggested multiplier, and watch the reward of the first steps.",
    source=(
        "INFERRED: the policy is simulated, and its learning rate calibrated on published runs; trust the order only."
    ),
)


def check_learning_rate(traces: TrainingTraces) -> Iterator[Finding]:
    """T14: compare three learning rates."""
    course = comparable_trace(traces)
    if isinstance(course, str):
        yield LEARNING_RATE.not_measured(course)
        return
    others = [
        (rate, other)
        for rate, name in ((LOWER_RATE_FACTOR, LOWER_RATE), (HIGHER_RATE_FACTOR, HIGHER_RATE))
        if (other := find_trace(traces, name)) is not None and other.steps >= MIN_STEPS
    ]
    if not others:
        yield LEARNING_RATE.not_measured("No other learning rate was rehearsed to the end.")
        return
    last = reward_means(course).last
    measured = (
        "; ".join(
            f"x{rate:g}: {reward_means(run).last:.3f}"
            for rate, run in sorted([(1.0, course), *others], key=lambda entry: entry[0])
        )
        + course.scale.note
    )
    better = [
        (reward_means(other).last, rate)
        for rate, other in others
        if reward_means(other).last > last + MIN_RATE_ADVANTAGE and keeps_quality(other)
    ]
    if not better:
        yield LEARNING_RATE.ok("No other learning rate ends much higher.", measured=measured, value=1.0)
        return
    _, rate = max(better)
    yield LEARNING_RATE.finding(
        Severity.INFO,
        f"The reward ends higher at {rate:g} times the learning rate.",
        measured=measured,
        threshold=f"higher by {MIN_RATE_ADVANTAGE}",
        fix=f"Try {rate:g} times your learning_rate_multiplier.",
        value=rate,
    )
