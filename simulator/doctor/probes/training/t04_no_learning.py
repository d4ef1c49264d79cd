"""T4 and T14: does the reward rise in so many steps, and would it at another learning rate?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.score_scale import ON_A_SCALE
from simulator.doctor.probes.training.t05_reward_vs_quality import FALLEN
from simulator.doctor.probes.training.trace_windows import (
    BOTH_ENDS,
    FEWEST_STEPS,
    Ends,
    judged,
    knows_truth,
    rewards_of,
)
from simulator.doctor.simulated_training import FASTER_RATE, SLOWER_RATE
from simulator.doctor.training_trace import FASTER, REDTEAM, SLOWER, USUAL, Course, Courses, named

GAIN: Final = 0.05
HIGH_ENOUGH: Final = 0.9
"""INFERRED, on simulated runs: sound rewards rise by .12 and more in 67 steps, random ones by .06 at most."""

SLOW: Final = GAIN / 2
"""A smaller rise is none, by whatever cause (INFERRED)."""

MUCH_BETTER: Final = 0.05
"""Another learning rate is suggested where the reward ends higher by more: windows of ten steps differ by chance."""

LEARNING: Final = Probe(
    id="T4",
    name="no learning",
    question="Does the reward rise?",
    measured=(
        f"The mean reward over {BOTH_ENDS}. A rise of less than {GAIN} is a failure, unless it began at {HIGH_ENOUGH} "
        f"times the highest reward seen. {ON_A_SCALE} It is a warning, with that cause, where the "
        "reward rises, and quality does not fall, at three times the learning rate or in the red team's longer run (of "
        "the same policy): the reward can teach then, and this run is too slow; and for "
        f"information alone where the reward rises by {SLOW} at least, and quality with it. "
        f"Fewer than {FEWEST_STEPS} steps are a warning, none at all a failure."
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

LEARNING_RATE: Final = Probe(
    id="T14",
    name="learning rate",
    question="Which learning rate multiplier suits this reward?",
    measured=(
        f"The run is rehearsed at {SLOWER_RATE} and {FASTER_RATE:g} times its learning rate too, with the same draws. "
        "Another rate is suggested where the mean reward of the last ten steps (on a scale from 0 to 1) is higher "
        f"by more than {MUCH_BETTER} and the share of right answers falls by no more than {FALLEN}. Always for "
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


def learning(courses: Courses) -> Iterator[Finding]:
    """T4: hold the end of the reward against its beginning."""
    usual = named(courses, USUAL)
    if usual is not None and (short := _too_few(usual)):
        yield short
        return
    course = judged(courses)
    if isinstance(course, str):
        yield LEARNING.skipped(course)
        return
    rewards = rewards_of(course)
    measured = f"{rewards.first:.3f}, then {rewards.last:.3f}{course.scale.note}{_of_how_many(course)}"
    if rewards.gain >= GAIN:
        yield LEARNING.fine("The reward rises.", measured=measured, value=rewards.gain)
        return
    highest = course.scale.part(max(scored.reward for scored in course.scored))
    if highest > 0.0 and rewards.first >= HIGH_ENOUGH * highest:
        yield LEARNING.fine("It begins high, with little room to rise.", measured=measured, value=rewards.gain)
        return
    slower = _rising(courses, SLOWER)
    fallen = rewards.gain <= -GAIN
    if not fallen and slower is None and (quicker := _quicker(courses)):
        yield LEARNING.found(
            Severity.INFO if _moves(course, rewards) else Severity.WARN,
            f"The reward hardly rises in {course.steps} steps. It does {quicker}: it can teach, and the run is too "
            "slow.",
            measured=measured,
            threshold=f"a rise of {GAIN}",
            fix="Raise learning_rate_multiplier or n_epochs.",
            value=rewards.gain,
        )
        return
    what = "The reward falls." if fallen else "The reward does not rise."
    if slower is not None:
        what += f" It does, to {slower.last:.3f}, at a lower learning rate: this one breaks the model."
    yield LEARNING.found(
        Severity.FAIL,
        what,
        measured=measured,
        threshold=f"a rise of {GAIN}",
        fix=LEARNING.remedy if slower is None else "Lower learning_rate_multiplier.",
        value=rewards.gain,
    )


def learning_rate(courses: Courses) -> Iterator[Finding]:
    """T14: compare three learning rates."""
    course = judged(courses)
    if isinstance(course, str):
        yield LEARNING_RATE.skipped(course)
        return
    others = [
        (rate, other)
        for rate, name in ((SLOWER_RATE, SLOWER), (FASTER_RATE, FASTER))
        if (other := named(courses, name)) is not None and other.steps >= FEWEST_STEPS
    ]
    if not others:
        yield LEARNING_RATE.skipped("No other learning rate was rehearsed to the end.")
        return
    last = rewards_of(course).last
    measured = (
        "; ".join(
            f"x{rate:g}: {rewards_of(run).last:.3f}"
            for rate, run in sorted([(1.0, course), *others], key=lambda entry: entry[0])
        )
        + course.scale.note
    )
    better = [
        (rewards_of(other).last, rate)
        for rate, other in others
        if rewards_of(other).last > last + MUCH_BETTER and _truthful(other)
    ]
    if not better:
        yield LEARNING_RATE.fine("No other learning rate ends much higher.", measured=measured, value=1.0)
        return
    _, rate = max(better)
    yield LEARNING_RATE.found(
        Severity.INFO,
        f"The reward ends higher at {rate:g} times the learning rate.",
        measured=measured,
        threshold=f"higher by {MUCH_BETTER}",
        fix=f"Try {rate:g} times your learning_rate_multiplier.",
        value=rate,
    )


def _too_few(course: Course) -> Finding | None:
    if not course.total_steps:
        return LEARNING.found(
            Severity.FAIL,
            f"The run cannot start: {course.fault}.",
            measured="0 steps",
            threshold=f"at least {FEWEST_STEPS}",
            fix="Lower batch_size, or add records.",
            value=0.0,
        )
    if course.steps >= FEWEST_STEPS or course.fault:
        return None
    return LEARNING.found(
        Severity.WARN,
        f"Too few steps: {course.trainable} training records in batches of {course.batch_size} prompts, "
        f"{course.n_epochs} times over.",
        measured=f"{course.total_steps} steps",
        threshold=f"at least {FEWEST_STEPS}",
        fix="Lower batch_size, raise n_epochs, or add records: what counts is how often the model is updated.",
        value=float(course.total_steps),
    )


def _of_how_many(course: Course) -> str:
    rehearsed = f" over {course.steps} steps"
    if course.steps < course.total_steps:
        rehearsed += f" of {course.total_steps:,}"
    if course.trained_on < course.trainable:
        rehearsed += f", on {course.trained_on} of {course.trainable:,} training records"
    return rehearsed


def _quicker(courses: Courses) -> str:
    """Say where the reward rises that does not in the run as it is; empty where it does nowhere."""
    if faster := _rising(courses, FASTER):
        return f"at three times the learning rate, to {faster.last:.3f}"
    longer = named(courses, REDTEAM)
    if longer is not None and (rewards := _rising(courses, REDTEAM)):
        return f"in {longer.steps} steps at the default rate, to {rewards.last:.3f}"
    return ""


def _moves(course: Course, rewards: Ends) -> bool:
    """Whether a run that is too slow learns all the same: its reward rises a little, and so does its quality."""
    if course.before is None or course.after is None:
        return False
    return rewards.gain >= SLOW and course.after.quality > course.before.quality


def _rising(courses: Courses, name: str) -> Ends | None:
    """Return both ends of the reward of a course that learned; None for one that did not, or not what is right."""
    course = named(courses, name)
    if course is None or course.steps < FEWEST_STEPS or not _truthful(course):
        return None
    rewards = rewards_of(course)
    return rewards if rewards.gain >= GAIN else None


def _truthful(course: Course) -> bool:
    """Whether a course has kept its quality while its reward rose, as far as that is known."""
    if not knows_truth(course) or course.before is None or course.after is None:
        return True
    return course.before.quality - course.after.quality <= FALLEN
