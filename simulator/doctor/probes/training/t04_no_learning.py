"""T4: does the reward rise?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.score_scale import SCALE_EXPLANATION
from simulator.doctor.probes.training.quality import keeps_quality
from simulator.doctor.probes.training.trace_windows import (
    MIN_STEPS,
    WINDOWS_TEXT,
    WindowMeans,
    comparable_trace,
    reward_means,
)
from simulator.doctor.training_trace import (
    AS_CONFIGURED,
    HIGHER_RATE,
    LOWER_RATE,
    RED_TEAM,
    TrainingTrace,
    TrainingTraces,
    find_trace,
)

MIN_GAIN: Final = 0.05

NEAR_MAXIMUM_SHARE: Final = 0.9
"""INFERRED, from simulated runs: valid rewards rise by 0.12 or more in 67 steps, random ones by at most 0.06."""

MIN_SLOW_GAIN: Final = MIN_GAIN / 2
"""A smaller rise does not count as a rise (INFERRED)."""

NO_LEARNING: Final = Probe(
    id="T4",
    name="no learning",
    question="Does the reward rise?",
    measured=(
        f"The mean reward over {WINDOWS_TEXT}. A rise of less than {MIN_GAIN} is a failure, unless the first mean is "
        f"at least {NEAR_MAXIMUM_SHARE} times the highest reward of the run. {SCALE_EXPLANATION} It is only a warning "
        "when the reward rises without a loss of quality in another run: one at three times the learning rate, or, if "
        "it has the same policy, the longer run that searches for exploits (the red team's run, see T13). Then the "
        "policy can learn from the reward, but this run is too slow. It is only information when the reward rises by "
        f"at least {MIN_SLOW_GAIN} and quality rises too. A run of fewer than {MIN_STEPS} steps is a warning. A run "
        "without any step is a failure."
    ),
    means=(
        "A run whose reward does not rise costs money and changes nothing. Random rewards have this effect, and so do "
        "runs that are too short."
    ),
    remedy=(
        "Make sure that right answers get a higher reward than wrong ones. If it does, train longer or with a higher "
        "learning rate multiplier. Use a lower one if the reward falls."
    ),
    source=(
        "INFERRED, calibrated on simulated runs. The mean reward reaches 0.64 in eight steps of 32 prompts, and 0.94 "
        "in 67 steps of 4 prompts."
    ),
)


def check_no_learning(traces: TrainingTraces) -> Iterator[Finding]:
    """Compare the reward at the end with the reward at the start."""
    configured_trace = find_trace(traces, AS_CONFIGURED)
    if configured_trace is not None and (finding := _too_few_steps(configured_trace)):
        yield finding
        return
    trace = comparable_trace(traces)
    if isinstance(trace, str):
        yield NO_LEARNING.not_measured(trace)
        return
    rewards = reward_means(trace)
    measured = f"{rewards.first:.3f}, then {rewards.last:.3f}{trace.scale.note}{_describe_sample(trace)}"
    if rewards.gain >= MIN_GAIN:
        yield NO_LEARNING.ok("The reward rises.", measured=measured, value=rewards.gain)
        return
    highest = trace.scale.normalize(max(rollout.reward for rollout in trace.rollouts))
    if highest > 0.0 and rewards.first >= NEAR_MAXIMUM_SHARE * highest:
        yield NO_LEARNING.ok("The reward starts high, with little room to rise.", measured=measured, value=rewards.gain)
        return
    slower = _rising_rewards(traces, LOWER_RATE)
    falls = rewards.gain <= -MIN_GAIN
    if not falls and slower is None and (faster_run := _describe_better_run(traces)):
        yield NO_LEARNING.finding(
            Severity.INFO if _learns_slowly(trace, rewards) else Severity.WARN,
            f"The reward hardly rises in {trace.steps} steps. It rises {faster_run}. So the model can learn from the "
            "reward, but the run is too slow.",
            measured=measured,
            threshold=f"a rise of {MIN_GAIN}",
            fix="Raise learning_rate_multiplier or n_epochs.",
            value=rewards.gain,
        )
        return
    message = "The reward falls." if falls else "The reward does not rise."
    if slower is not None:
        message += f" It rises to {slower.last:.3f} at a lower learning rate, so this learning rate breaks the model."
    yield NO_LEARNING.finding(
        Severity.FAIL,
        message,
        measured=measured,
        threshold=f"a rise of {MIN_GAIN}",
        fix=NO_LEARNING.remedy if slower is None else "Lower learning_rate_multiplier.",
        value=rewards.gain,
    )


def _too_few_steps(trace: TrainingTrace) -> Finding | None:
    if not trace.total_steps:
        return NO_LEARNING.finding(
            Severity.FAIL,
            f"The run cannot start: {trace.error}.",
            measured="0 steps",
            threshold=f"at least {MIN_STEPS}",
            fix="Lower batch_size, or add records.",
            value=0.0,
        )
    if trace.steps >= MIN_STEPS or trace.error:
        return None
    return NO_LEARNING.finding(
        Severity.WARN,
        f"Too few steps: {trace.available_records} training records in batches of {trace.batch_size} prompts, "
        f"{trace.n_epochs} epochs.",
        measured=f"{trace.total_steps} steps",
        threshold=f"at least {MIN_STEPS}",
        fix="Lower batch_size, raise n_epochs, or add records. The number of updates of the model counts.",
        value=float(trace.total_steps),
    )


def _describe_sample(trace: TrainingTrace) -> str:
    sample = f" over {trace.steps} steps"
    if trace.steps < trace.total_steps:
        sample += f" of {trace.total_steps:,}"
    if trace.sampled_records < trace.available_records:
        sample += f", on {trace.sampled_records} of {trace.available_records:,} training records"
    return sample


def _describe_better_run(traces: TrainingTraces) -> str:
    """Say in which other run the reward rises. Empty if it rises in none."""
    if faster := _rising_rewards(traces, HIGHER_RATE):
        return f"at three times the learning rate, to {faster.last:.3f}"
    longer = find_trace(traces, RED_TEAM)
    if longer is not None and (rewards := _rising_rewards(traces, RED_TEAM)):
        return f"in {longer.steps} steps at the default rate, to {rewards.last:.3f}"
    return ""


def _learns_slowly(trace: TrainingTrace, rewards: WindowMeans) -> bool:
    """Whether a slow run learns a little: its reward and its quality rise."""
    if trace.before is None or trace.after is None:
        return False
    return rewards.gain >= MIN_SLOW_GAIN and trace.after.quality > trace.before.quality


def _rising_rewards(traces: TrainingTraces, name: str) -> WindowMeans | None:
    """Return the reward at both ends of a run that learned. None if it did not learn, or lost quality."""
    trace = find_trace(traces, name)
    if trace is None or trace.steps < MIN_STEPS or not keeps_quality(trace):
        return None
    rewards = reward_means(trace)
    return rewards if rewards.gain >= MIN_GAIN else None
