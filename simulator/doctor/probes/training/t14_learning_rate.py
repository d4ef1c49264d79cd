"""T14: would another learning rate end with a higher reward?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.training.quality import MAX_QUALITY_DROP, keeps_quality
from simulator.doctor.probes.training.trace_windows import MIN_STEPS, comparable_trace, reward_means
from simulator.doctor.training_trace import (
    HIGHER_RATE,
    HIGHER_RATE_FACTOR,
    LOWER_RATE,
    LOWER_RATE_FACTOR,
    TrainingTraces,
    find_trace,
)

MIN_RATE_ADVANTAGE: Final = 0.05
"""The smallest advantage of another learning rate that is reported. Windows of ten steps differ by chance."""

LEARNING_RATE: Final = Probe(
    id="T14",
    name="learning rate",
    question="Which learning rate multiplier suits this reward?",
    measured=(
        f"The run is also simulated at {LOWER_RATE_FACTOR} and {HIGHER_RATE_FACTOR:g} times its learning rate, with "
        "the same random draws. A rate is suggested on two conditions. The last reward of its run, scaled from 0 to 1, "
        f"is more than {MIN_RATE_ADVANTAGE} higher than that of the planned run. True quality falls by at most "
        f"{MAX_QUALITY_DROP}. This probe gives information only."
    ),
    means=(
        "If the rate is too low, the reward does not rise. If it is too high, training breaks the model, and the "
        "reward falls only later."
    ),
    remedy="Start from the suggested multiplier and check the reward of the first steps.",
    source=(
        "INFERRED: the policy is simulated and its learning rate is calibrated on published runs. Trust only which of "
        "the rates is better, and not their values."
    ),
)


def check_learning_rate(traces: TrainingTraces) -> Iterator[Finding]:
    """Compare three learning rates."""
    trace = comparable_trace(traces)
    if isinstance(trace, str):
        yield LEARNING_RATE.not_measured(trace)
        return
    others = [
        (rate, other)
        for rate, name in ((LOWER_RATE_FACTOR, LOWER_RATE), (HIGHER_RATE_FACTOR, HIGHER_RATE))
        if (other := find_trace(traces, name)) is not None and other.steps >= MIN_STEPS
    ]
    if not others:
        yield LEARNING_RATE.not_measured("No run at another learning rate reached its end.")
        return
    last_reward = reward_means(trace).last
    measured = (
        "; ".join(
            f"x{rate:g}: {reward_means(run).last:.3f}"
            for rate, run in sorted([(1.0, trace), *others], key=lambda entry: entry[0])
        )
        + trace.scale.note
    )
    better_rates = [
        (reward_means(other).last, rate)
        for rate, other in others
        if reward_means(other).last > last_reward + MIN_RATE_ADVANTAGE and keeps_quality(other)
    ]
    if not better_rates:
        yield LEARNING_RATE.ok("No other learning rate ends with a much higher reward.", measured=measured, value=1.0)
        return
    _, rate = max(better_rates)
    yield LEARNING_RATE.finding(
        Severity.INFO,
        f"The reward ends higher at {rate:g} times the learning rate.",
        measured=measured,
        threshold=f"higher by {MIN_RATE_ADVANTAGE}",
        fix=f"Try {rate:g} times your learning_rate_multiplier.",
        value=rate,
    )
