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
"""INFERRED, on simulated runs: sound rewards rise by .12 and more in 67 steps, random ones by .06 at most."""

MIN_SLOW_GAIN: Final = MIN_GAIN / 2
"""A smaller rise is none, by whatever cause (INFERRED)."""

NO_LEARNING: Final = Probe(
    id="T4",
    name="no learning",
    question="Does the reward rise?",
    measured=(
        f"The mean reward over {WINDOWS_TEXT}. A rise of less than {MIN_GAIN} is a failure, unless it began at {NEAR_MAXIMUM_SHARE} "
        f"times the highest reward seen. {SCALE_EXPLANATION} It is a warning, with that cause, where the "
        "reward rises, and quality does not fall, at three times the learning rate or in the red team's longer run (of "
        "the same policy): the reward can teach then, and this run is too slow; and for "
        f"information alone where the reward rises by {MIN_SLOW_GAIN} at least, and quality with it. "
        f"Fewer than {MIN_STEPS} steps are a warning, none at all a failure."
    ),
    means=(
        "A run whose reward stays where it was is paid for and changes nothing. Rewards that are noise look like that, "
        "and so do runs that are too short."
    ),
    remedy=(
        "See that the reward follows what is right. If it does: train longer or at a higher learning rate multiplier; "
        "at a lower one where the reward falls."
    ),
    source="INFERRED, calibrated on simulated runs. Eight steps of 32 prompts reach .64 where 67 of 4 reach .94.",
)


def check_no_learning(traces: TrainingTraces) -> Iterator[Finding]:
    """T4: hold the end of the reward against its beginning."""
    usual = find_trace(traces, AS_CONFIGURED)
    if usual is not None and (short := _too_few_steps(usual)):
        yield short
        return
    course = comparable_trace(traces)
    if isinstance(course, str):
        yield NO_LEARNING.not_measured(course)
        return
    rewards = reward_means(course)
    measured = f"{rewards.first:.3f}, then {rewards.last:.3f}{course.scale.note}{_describe_sample(course)}"
    if rewards.gain >= MIN_GAIN:
        yield NO_LEARNING.ok("The reward rises.", measured=measured, value=rewards.gain)
        return
    highest = course.scale.normalize(max(scored.reward for scored in course.rollouts))
    if highest > 0.0 and rewards.first >= NEAR_MAXIMUM_SHARE * highest:
        yield NO_LEARNING.ok("It begins high, with little room to rise.", measured=measured, value=rewards.gain)
        return
    slower = _rising_rewards(traces, LOWER_RATE)
    fallen = rewards.gain <= -MIN_GAIN
    if not fallen and slower is None and (quicker := _describe_better_run(traces)):
        yield NO_LEARNING.finding(
            Severity.INFO if _learns_slowly(course, rewards) else Severity.WARN,
            f"The reward hardly rises in {course.steps} steps. It does {quicker}: it can teach, and the run is too "
            "slow.",
            measured=measured,
            threshold=f"a rise of {MIN_GAIN}",
            fix="Raise learning_rate_multiplier or n_epochs.",
            value=rewards.gain,
        )
        return
    what = "The reward falls." if fallen else "The reward does not rise."
    if slower is not None:
        what += f" It does, to {slower.last:.3f}, at a lower learning rate: this one breaks the model."
    yield NO_LEARNING.finding(
        Severity.FAIL,
        what,
        measured=measured,
        threshold=f"a rise of {MIN_GAIN}",
        fix=NO_LEARNING.remedy if slower is None else "Lower learning_rate_multiplier.",
        value=rewards.gain,
    )


def _too_few_steps(course: TrainingTrace) -> Finding | None:
    if not course.total_steps:
        return NO_LEARNING.finding(
            Severity.FAIL,
            f"The run cannot start: {course.error}.",
            measured="0 steps",
            threshold=f"at least {MIN_STEPS}",
            fix="Lower batch_size, or add records.",
            value=0.0,
        )
    if course.steps >= MIN_STEPS or course.error:
        return None
    return NO_LEARNING.finding(
        Severity.WARN,
        f"Too few steps: {course.available_records} training records in batches of {course.batch_size} prompts, "
        f"{course.n_epochs} times over.",
        measured=f"{course.total_steps} steps",
        threshold=f"at least {MIN_STEPS}",
        fix="Lower batch_size, raise n_epochs, or add records: what counts is how often the model is updated.",
        value=float(course.total_steps),
    )


def _describe_sample(course: TrainingTrace) -> str:
    rehearsed = f" over {course.steps} steps"
    if course.steps < course.total_steps:
        rehearsed += f" of {course.total_steps:,}"
    if course.sampled_records < course.available_records:
        rehearsed += f", on {course.sampled_records} of {course.available_records:,} training records"
    return rehearsed


def _describe_better_run(courses: TrainingTraces) -> str:
    """Say where the reward rises that does not in the run as it is; empty where it does nowhere."""
    if faster := _rising_rewards(courses, HIGHER_RATE):
        return f"at three times the learning rate, to {faster.last:.3f}"
    longer = find_trace(courses, RED_TEAM)
    if longer is not None and (rewards := _rising_rewards(courses, RED_TEAM)):
        return f"in {longer.steps} steps at the default rate, to {rewards.last:.3f}"
    return ""


def _learns_slowly(course: TrainingTrace, rewards: WindowMeans) -> bool:
    """Whether a run that is too slow learns all the same: its reward rises a little, and so does its quality."""
    if course.before is None or course.after is None:
        return False
    return rewards.gain >= MIN_SLOW_GAIN and course.after.quality > course.before.quality


def _rising_rewards(courses: TrainingTraces, name: str) -> WindowMeans | None:
    """Return both ends of the reward of a course that learned; None for one that did not, or not what is right."""
    course = find_trace(courses, name)
    if course is None or course.steps < MIN_STEPS or not keeps_quality(course):
        return None
    rewards = reward_means(course)
    return rewards if rewards.gain >= MIN_GAIN else None
