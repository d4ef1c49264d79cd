"""T5: does true quality rise with the reward?"""

from collections.abc import Iterator
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.probes.static.score_scale import SCALE_EXPLANATION
from simulator.doctor.probes.training.quality import MAX_QUALITY_DROP
from simulator.doctor.probes.training.trace_windows import (
    ANSWER_CHECK_NOTE,
    MIN_STEPS,
    UNKNOWN_TRUTH,
    WINDOWS_TEXT,
    comparable_trace,
    has_known_truth,
    highest_reward_example,
    is_truth_uncertain,
    last_rollouts,
    reward_means,
    scaled_rewards,
    truth_means,
    truth_source_note,
)
from simulator.doctor.training_trace import (
    LOWER_RATE,
    TrainingTrace,
    TrainingTraces,
    find_trace,
)

MIN_REWARD_RISE: Final = 0.05

MAX_REWARD_EXCESS: Final = 0.05

WRONG_TO_RIGHT_RATIO: Final = 0.9
"""Where the reward lies further above true quality, wrong responses are paid; partial credit pays them less than so
many of what a right one gets."""

REWARD_VS_QUALITY: Final = Probe(
    id="T5",
    name="reward against quality",
    question="Does true quality rise with the reward?",
    measured=(
        f"The reward over {WINDOWS_TEXT}, beside the share of really right rollouts, which the simulator knows: one "
        "rollout for each training record, with the same draws before and after. A reward that rises by more than "
        f"{MIN_REWARD_RISE} while that share falls by more than {MAX_QUALITY_DROP} is a failure. A last reward more than {MAX_REWARD_EXCESS} above "
        f"the share of right rollouts is a warning, where wrong ones get at least {WRONG_TO_RIGHT_RATIO} times what right "
        f"ones get. {SCALE_EXPLANATION} {ANSWER_CHECK_NOTE}"
    ),
    means=(
        '"When a measure becomes a target, it ceases to be a good measure": the curve looks like learning, and is not.'
    ),
    remedy="Score the answer itself, against the reference; let form and manner count only where the answer is right.",
    source="No cloud run shows this: there the truth is not known. Thresholds and draws: INFERRED.",
)


def check_reward_vs_quality(traces: TrainingTraces) -> Iterator[Finding]:
    """T5: hold the reward against the truth."""
    course = comparable_trace(traces)
    if isinstance(course, str) or not has_known_truth(course) or course.before is None or course.after is None:
        yield REWARD_VS_QUALITY.not_measured(course if isinstance(course, str) else UNKNOWN_TRUTH)
        return
    rewards, quality = reward_means(course), truth_means(course, lambda truth: truth.quality_mean)
    lost = course.before.quality - course.after.quality
    measured = (
        f"reward {rewards.first:.3f}, then {rewards.last:.3f}; right {course.before.quality:.3f}, then "
        f"{course.after.quality:.3f}{course.scale.note}{truth_source_note(course)}"
    )
    above = rewards.last - quality.last
    if rewards.gain > MIN_REWARD_RISE and lost > MAX_QUALITY_DROP:
        yield REWARD_VS_QUALITY.finding(
            Severity.WARN if is_truth_uncertain(course) else Severity.FAIL,
            "The reward rises while the answers get worse.",
            measured=measured,
            threshold=f"right answers fall by at most {MAX_QUALITY_DROP}",
            fix="Lower learning_rate_multiplier: at a lower one both rise."
            if _lower_rate_keeps_quality(traces)
            else REWARD_VS_QUALITY.remedy,
            value=-lost,
            examples=highest_reward_example(last_rollouts(course), right=False),
        )
    elif above > MAX_REWARD_EXCESS and _rewards_wrong_answers(course):
        yield REWARD_VS_QUALITY.finding(
            Severity.WARN,
            "The reward lies above the share of right answers: wrong ones are paid, and as much as right ones.",
            measured=f"reward {rewards.last:.3f}, right {quality.last:.3f} at the end{course.scale.note}"
            f"{truth_source_note(course)}",
            threshold=f"at most {MAX_REWARD_EXCESS} above",
            fix=REWARD_VS_QUALITY.remedy,
            value=above,
            examples=highest_reward_example(last_rollouts(course), right=False),
        )
    else:
        yield REWARD_VS_QUALITY.ok("The reward does not rise at the cost of quality.", measured=measured, value=-lost)


def _lower_rate_keeps_quality(courses: TrainingTraces) -> bool:
    """Whether the reward rises at a lower learning rate without a loss of quality: then the rate is to blame."""
    slower = find_trace(courses, LOWER_RATE)
    if slower is None or slower.before is None or slower.after is None or slower.steps < MIN_STEPS:
        return False
    return (
        reward_means(slower).gain > MIN_REWARD_RISE and slower.before.quality - slower.after.quality <= MAX_QUALITY_DROP
    )


def _rewards_wrong_answers(course: TrainingTrace) -> bool:
    right, wrong = (scaled_rewards(course, last_rollouts(course), right=is_right) for is_right in (True, False))
    if not right or not wrong:
        return not right
    return sum(wrong) / len(wrong) >= WRONG_TO_RIGHT_RATIO * sum(right) / len(right)
