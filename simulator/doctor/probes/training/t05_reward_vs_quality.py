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
from simulator.doctor.training_trace import LOWER_RATE, TrainingTrace, TrainingTraces, find_trace

MIN_REWARD_RISE: Final = 0.05

MAX_REWARD_EXCESS: Final = 0.05

WRONG_TO_RIGHT_RATIO: Final = 0.9
"""A reward this far above true quality means that wrong responses earn rewards. With partial credit they earn less than
this share of what a right response gets."""

REWARD_VS_QUALITY: Final = Probe(
    id="T5",
    name="reward against quality",
    question="Does true quality rise with the reward?",
    measured=(
        f"The reward over {WINDOWS_TEXT}, and the share of really right rollouts, which only the simulator knows. The "
        "share is measured on one rollout per training record, with the same random draws before and after training. "
        f"It is a failure when the reward rises by more than {MIN_REWARD_RISE} while that share falls by more than "
        f"{MAX_QUALITY_DROP}. It is a warning when the last reward is more than {MAX_REWARD_EXCESS} above the share of "
        f"right rollouts and wrong rollouts get at least {WRONG_TO_RIGHT_RATIO} times the reward of right ones. "
        f"{SCALE_EXPLANATION} {ANSWER_CHECK_NOTE}"
    ),
    means=(
        "The reward rises, but the answers do not become better: the model learns the reward function and not the "
        "task (Goodhart's law)."
    ),
    remedy=(
        "Score the answer itself against the reference. Let format and style count only where the answer is right."
    ),
    source=(
        "The metrics of a cloud job do not contain this, because the service cannot know which responses are "
        "right. INFERRED: thresholds and random draws."
    ),
)


def check_reward_vs_quality(traces: TrainingTraces) -> Iterator[Finding]:
    """Compare the reward with the true quality."""
    trace = comparable_trace(traces)
    if isinstance(trace, str) or not has_known_truth(trace) or trace.before is None or trace.after is None:
        yield REWARD_VS_QUALITY.not_measured(trace if isinstance(trace, str) else UNKNOWN_TRUTH)
        return
    rewards, quality = reward_means(trace), truth_means(trace, lambda truth: truth.quality_mean)
    quality_loss = trace.before.quality - trace.after.quality
    measured = (
        f"reward {rewards.first:.3f}, then {rewards.last:.3f}; right {trace.before.quality:.3f}, then "
        f"{trace.after.quality:.3f}{trace.scale.note}{truth_source_note(trace)}"
    )
    excess = rewards.last - quality.last
    if rewards.gain > MIN_REWARD_RISE and quality_loss > MAX_QUALITY_DROP:
        yield REWARD_VS_QUALITY.finding(
            Severity.WARN if is_truth_uncertain(trace) else Severity.FAIL,
            "The reward rises while fewer responses agree with the reference."
            if is_truth_uncertain(trace)
            else "The reward rises while the answers get worse.",
            measured=measured,
            threshold=f"right answers fall by at most {MAX_QUALITY_DROP}",
            fix="Lower learning_rate_multiplier: at a lower rate both rise."
            if _lower_rate_keeps_quality(traces)
            else REWARD_VS_QUALITY.remedy,
            value=-quality_loss,
            examples=highest_reward_example(trace, last_rollouts(trace), right=False),
        )
    elif excess > MAX_REWARD_EXCESS and _rewards_wrong_answers(trace):
        yield REWARD_VS_QUALITY.finding(
            Severity.WARN,
            "The reward is above the share of responses that agree with the reference: others earn as much."
            if is_truth_uncertain(trace)
            else "The reward is above the share of right answers: wrong answers earn as much as right ones.",
            measured=f"reward {rewards.last:.3f}, right {quality.last:.3f} at the end{trace.scale.note}"
            f"{truth_source_note(trace)}",
            threshold=f"at most {MAX_REWARD_EXCESS} above",
            fix=REWARD_VS_QUALITY.remedy,
            value=excess,
            examples=highest_reward_example(trace, last_rollouts(trace), right=False),
        )
    else:
        yield REWARD_VS_QUALITY.ok(
            "The reward does not rise at the cost of quality.", measured=measured, value=-quality_loss
        )


def _lower_rate_keeps_quality(traces: TrainingTraces) -> bool:
    """Whether the reward rises at a lower learning rate without a loss of quality. Then the rate is the cause."""
    slower = find_trace(traces, LOWER_RATE)
    if slower is None or slower.before is None or slower.after is None or slower.steps < MIN_STEPS:
        return False
    return (
        reward_means(slower).gain > MIN_REWARD_RISE and slower.before.quality - slower.after.quality <= MAX_QUALITY_DROP
    )


def _rewards_wrong_answers(trace: TrainingTrace) -> bool:
    right, wrong = (scaled_rewards(trace, last_rollouts(trace), right=is_right) for is_right in (True, False))
    if not right or not wrong:
        return not right
    return sum(wrong) / len(wrong) >= WRONG_TO_RIGHT_RATIO * sum(right) / len(right)
