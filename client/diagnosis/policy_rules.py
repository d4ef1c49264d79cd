"""Rules about the policy: dead gradient, gradient spike, mode collapse, length drift, length pays.

The doctor's training probes use the same thresholds for length, entropy and dead steps; a test compares them.
"""

from __future__ import annotations

import statistics
from math import fsum, sqrt

from client.diagnosis.dead_steps import find_dead_steps
from client.diagnosis.reward_rules import MIN_REWARD_GAIN
from client.diagnosis.rule import (
    MIN_STEPS_FOR_TREND,
    RuleInput,
    RuleResult,
    Severity,
    failure_result,
    ok_result,
    unmeasured_result,
    warning_result,
)
from client.diagnosis.time_series import REWARD, WINDOW, TimeSeries
from client.terminal import format_count

# INFERRED: sound runs stayed within .84 and 1.28. AWS: "length exploding" hints at reward hacking.
MAX_LENGTH_RATIO, MIN_LENGTH_RATIO = 1.4, 0.6
# AWS: "entropy collapsing to 0 = mode collapse". INFERRED: the numbers.
MIN_ENTROPY_RATIO, MAX_ENTROPY_RATIO = 0.1, 1.5
# INFERRED: a run with more dead steps is mostly wasted.
MAX_DEAD_STEP_SHARE, DEAD_STEP_MIN_STEPS = 0.5, 5
# AWS: "grad_norm spikes = instability". INFERRED: the numbers. In 180 sound runs the largest gradient was at most 3
# times the median; with the learning rate times 30 it was 16 to 44 times. Dead steps do not count.
MAX_GRADIENT_RATIO = 10.0
# A mean advantage differs from 0 when it is more than this many standard errors away.
_SIGNIFICANT_STANDARD_ERRORS = 2.0


def check_dead_gradient(rule_input: RuleInput, gradients: TimeSeries) -> RuleResult:
    """T10: most steps are dead. A run that learned first and then had nothing left to learn gets a warning only."""
    dead_steps = find_dead_steps(rule_input.metrics)
    share, measured = len(dead_steps) / len(gradients), f"{len(dead_steps)} of {format_count(len(gradients), 'step')}"
    if share <= MAX_DEAD_STEP_SHARE:
        return ok_result(share, measured, "Most steps had something to learn from.")
    meaning = "In each of these steps all answers to one prompt got the same reward: nothing was learned."
    if _has_learned_first(rule_input, dead_steps):
        meaning += " The reward rose before."
        return warning_result(share, measured, meaning, "Fewer epochs, or harder prompts.")
    fix = "rft-sim doctor shows which answers get the same reward though they differ in quality."
    return failure_result(share, measured, meaning, fix)


def _has_learned_first(rule_input: RuleInput, dead_steps: frozenset[int]) -> bool:
    rewards, first_steps = rule_input.metrics.series[REWARD], rule_input.metrics.steps[:WINDOW]
    return (
        len(rewards) >= MIN_STEPS_FOR_TREND
        and rewards.last.mean - rewards.first.mean >= MIN_REWARD_GAIN
        and len(dead_steps.intersection(first_steps)) <= MAX_DEAD_STEP_SHARE * len(first_steps)
    )


def check_gradient_spike(rule_input: RuleInput, gradients: TimeSeries) -> RuleResult:
    """T10: one gradient is far larger than the median of the steps that are not dead."""
    dead_steps = find_dead_steps(rule_input.metrics)
    by_step = {
        step: value
        for step, value in zip(gradients.steps, gradients.values, strict=True)
        if value > 0.0 and step not in dead_steps
    }
    if not by_step:
        return unmeasured_result("Every step had a dead gradient.")
    step, largest = max(by_step.items(), key=lambda item: item[1])
    ratio = largest / statistics.median(by_step.values())
    measured = f"x{ratio:.1f} at step {step}"
    if ratio <= MAX_GRADIENT_RATIO:
        return ok_result(ratio, measured, "No gradient was much larger than the others.")
    meaning = "One gradient was far larger than the others: training is unstable."
    return warning_result(ratio, measured, meaning, "A lower learning rate multiplier, or more prompts per step.")


def check_mode_collapse(_: RuleInput, entropies: TimeSeries) -> RuleResult:
    """T7: the entropy falls to almost 0, or rises."""
    first, last = entropies.first.mean, entropies.last.mean
    if first <= 0.0:
        return unmeasured_result("The entropy was 0 from the start.")
    ratio, measured = last / first, f"x{last / first:.2f} ({first:.2f} → {last:.2f})"
    if ratio < MIN_ENTROPY_RATIO:
        meaning = "The model gives one kind of answer and can learn no other."
        fix = "Read its answers for a trick; a lower learning rate multiplier, fewer epochs."
        return failure_result(ratio, measured, meaning, fix)
    if ratio > MAX_ENTROPY_RATIO:
        meaning = "The answers vary more than at first: the policy diverges, or the reward is noise."
        fix = "A lower learning rate multiplier; rft-sim doctor shows whether the reward is noise."
        return warning_result(ratio, measured, meaning, fix)
    return ok_result(ratio, measured, "The answers vary about as much as at first.")


def check_length_drift(_: RuleInput, lengths: TimeSeries) -> RuleResult:
    """T6: the responses become much longer or shorter."""
    first, last = lengths.first.mean, lengths.last.mean
    if first <= 0.0:
        return unmeasured_result("The answers had no length at first.")
    ratio, measured = last / first, f"x{last / first:.2f} ({first:.0f} → {last:.0f})"
    if ratio > MAX_LENGTH_RATIO:
        meaning = "The answers grew: longer ones may score better without being better."
        fix = "Read the long ones; reward the result, not the length or single words."
        return warning_result(ratio, measured, meaning, fix)
    if ratio < MIN_LENGTH_RATIO:
        meaning = "The answers shrank: the reasoning may be gone, or a short trick scores."
        fix = "Read the short ones; check that no answer scores without the work."
        return warning_result(ratio, measured, meaning, fix)
    return ok_result(ratio, measured, "The answers kept about the same length.")


def measure_length_advantage(_: RuleInput, advantages: TimeSeries) -> RuleResult:
    """T6: whether longer answers get more reward than shorter ones to the same prompt. It never warns.

    verl: advantages sum to 0 in a group, so their mean over tokens is above 0 if the longer answers have more.
    """
    mean = fsum(advantages.values) / len(advantages)
    standard_error = statistics.stdev(advantages.values) / sqrt(len(advantages))
    meaning = "Long and short answers scored alike."
    if abs(mean) > _SIGNIFICANT_STANDARD_ERRORS * standard_error:
        meaning = f"{'Longer' if mean > 0.0 else 'Shorter'} answers scored better than others to the same prompt."
    return RuleResult(severity=Severity.INFO, value=mean, measured=f"{mean:+.3f} per token", meaning=meaning)
