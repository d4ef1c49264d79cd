"""The rules that read a job's numbers, with their thresholds and where those are from.

Means over ten steps are compared, the first ten with the last. Of what the reward doctor reads in a simulated training,
this is what a job's events show: groups of a step and the truth of an answer (T1, T5, T9, T11 to T14) no service shows.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, fsum, sqrt

from client.diagnosis.time_series import (
    ADVANTAGE,
    ENTROPY,
    GRADIENT,
    LENGTH,
    REWARD,
    WINDOW,
    MetricSeries,
    TimeSeries,
    finite_number,
)
from client.job_polling import HELD_OUT_DIVISOR
from client.mantle_client import Checkpoint, Job
from client.terminal import format_count

# Those that the reward doctor reads too have its values: a test of the project holds the two equal.

# The fewest steps of which the first ten are not the last.
MIN_STEPS_FOR_TREND = 2 * WINDOW
# AWS on rewards (Nova RFT): above .95 before tuning "RFT unnecessary"; below 5 % of positive examples sparse; watch
# for "rewards plateauing below 0.15".
SATURATED_REWARD, SPARSE_REWARD, PLATEAU_REWARD = 0.95, 0.05, 0.15
# INFERRED, on simulated runs: sound rewards rose by .12 and more, random ones by .06 at most.
MIN_REWARD_GAIN, HIGH_INITIAL_REWARD = 0.05, 0.9
# INFERRED: sound runs of 4 prompts a step ended at most .06 below their best. Runs of one prompt a step are noisier:
# they must fall further than chance takes them, which the errors of both means tell.
_MAX_REWARD_FALL, _FALL_STANDARD_ERRORS = 0.1, 3.0
# INFERRED: sound runs stayed within .84 and 1.28. AWS: "length exploding" hints at reward hacking.
MAX_LENGTH_RATIO, MIN_LENGTH_RATIO = 1.4, 0.6
# AWS: "entropy collapsing to 0 = mode collapse". INFERRED: the numbers.
MIN_ENTROPY_RATIO, MAX_ENTROPY_RATIO = 0.1, 1.5
# Microsoft's skill for reinforcement tuning: a gap of .05 is healthy, one above .10 a reason to stop.
GAP_WARN, GAP_FAIL, MIN_GAP_ROWS = 0.05, 0.10, 100
# verl and TRL: rewards all alike in a group are advantages of 0, and a batch of such groups a gradient of exactly 0.
MAX_ZERO_GRADIENT_SHARE, _ZERO_GRADIENT_MIN_STEPS = 0.5, 5
# AWS: "grad_norm spikes = instability". INFERRED: the numbers. Over 180 sound runs the largest gradient was at most 3
# times the median; with the learning rate times 30 it was 16 to 44 times. Steps without advantages do not count: the
# KL term alone gives them a gradient, hundreds of times smaller than that of a usual step. Nine steps in ten are below
# a usual strong one, which a spike must not set: it is one step in ten at the most.
_MAX_GRADIENT_RATIO, _NONZERO_ADVANTAGE_SHARE, _STRONG_GRADIENT_QUANTILE = 10.0, 0.01, 0.9
# A mean advantage counts as other than 0 when it is this many of its standard errors away.
_SIGNIFICANT_STANDARD_ERRORS = 2.0


class Severity(StrEnum):
    """How bad a finding is, worst first."""

    FAIL = "fail"
    WARN = "warn"
    INFO = "info"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInput:
    """A job, as far as it is known; `validation_rows` where somebody counted its validation file."""

    job: Job
    metrics: MetricSeries
    checkpoints: tuple[Checkpoint, ...]
    validation_rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """What a rule finds. Without a `value` nothing was measured, and `meaning` says why."""

    severity: Severity
    value: float | None
    measured: str
    meaning: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: `evaluate` is given a series of at least `min_values` values, and rewards between 0 and 1 alone."""

    id: str
    name: str
    threshold: str
    metric: str
    min_values: int
    evaluate: Callable[[RuleInput, TimeSeries], RuleResult]


def not_measured(reason: str, fix: str = "") -> RuleResult:
    """Nothing was measured."""
    return RuleResult(severity=Severity.INFO, value=None, measured="not measured", meaning=reason, fix=fix)


def _ok(value: float, measured: str, meaning: str) -> RuleResult:
    return RuleResult(severity=Severity.OK, value=value, measured=measured, meaning=meaning)


def _warn(value: float, measured: str, meaning: str, fix: str) -> RuleResult:
    return RuleResult(severity=Severity.WARN, value=value, measured=measured, meaning=meaning, fix=fix)


def _fail(value: float, measured: str, meaning: str, fix: str) -> RuleResult:
    return RuleResult(severity=Severity.FAIL, value=value, measured=measured, meaning=meaning, fix=fix)


def _dead_gradient(_: RuleInput, gradients: TimeSeries) -> RuleResult:
    dead = gradients.values.count(0.0)
    share, measured = dead / len(gradients), f"{dead} of {format_count(len(gradients), 'step')}"
    if share <= MAX_ZERO_GRADIENT_SHARE:
        return _ok(share, measured, "Most steps had something to learn from.")
    meaning = "In each of these steps all answers to one prompt got the same reward: nothing was learned."
    return _fail(share, measured, meaning, "rft-sim doctor shows which answers the reward does not tell apart.")


def _sparse(_: RuleInput, rewards: TimeSeries) -> RuleResult:
    first = rewards.first.mean
    measured = f"{first:.3f} at first"
    if first >= SPARSE_REWARD:
        return _ok(first, measured, "The base model earns enough to learn from.")
    if rewards.last.mean >= PLATEAU_REWARD:
        meaning = "The base model earned next to nothing, yet the reward rose: a rare trick may be what scores."
        return _fail(
            first, measured, meaning, "Read the tuned model's answers; rft-sim doctor scores right and wrong ones."
        )
    meaning = "The base model earned next to nothing: too little to learn from."
    fix = "rft-sim doctor shows whether a right answer can score; if so: partial credit, easier prompts, or SFT first."
    return _fail(first, measured, meaning, fix)


def _saturated(_: RuleInput, rewards: TimeSeries) -> RuleResult:
    first = rewards.first.mean
    measured = f"{first:.3f} at first"
    if first <= SATURATED_REWARD:
        return _ok(first, measured, "There was room to learn.")
    meaning = "The base model earned nearly everything: tuning is unnecessary, or the reward too easy."
    return _warn(
        first, measured, meaning, "rft-sim doctor shows whether junk scores; if not, harder prompts, or no tuning."
    )


def _no_learning(case: RuleInput, rewards: TimeSeries) -> RuleResult:
    first, last = rewards.first.mean, rewards.last.mean
    gain, measured = last - first, f"{first:.3f} → {last:.3f}"
    if gain >= MIN_REWARD_GAIN:
        return _ok(gain, measured, "The reward rose.")
    if first >= HIGH_INITIAL_REWARD:
        return _ok(gain, measured, "It began high, with little room to rise.")
    # A run that goes on may still learn.
    verdict = _fail if case.job.has_ended else _warn
    if gain <= -MIN_REWARD_GAIN:
        return verdict(gain, measured, "The reward fell.", "A lower learning rate multiplier; an earlier checkpoint.")
    fix = "rft-sim doctor shows whether the reward is noise; if not, more epochs or a higher learning rate multiplier."
    return verdict(gain, measured, "The reward did not rise.", fix)


def _plateau(case: RuleInput, rewards: TimeSeries) -> RuleResult:
    last = rewards.last.mean
    measured = f"{last:.3f} at last"
    if last >= PLATEAU_REWARD:
        return _ok(last, measured, "The reward did not stay low.")
    if last - rewards.first.mean >= MIN_REWARD_GAIN:
        return _warn(last, measured, "The reward is low, though it rises.", "More epochs; partial credit.")
    verdict = _fail if case.job.has_ended else _warn
    return verdict(last, measured, "The reward stays low.", "Partial credit, easier prompts, or SFT first.")


def _reward_collapse(case: RuleInput, rewards: TimeSeries) -> RuleResult:
    best, last = rewards.best, rewards.last
    fall = best.mean - last.mean
    measured = f"best {best.mean:.3f} → {last.mean:.3f}"
    if fall <= max(_MAX_REWARD_FALL, _FALL_STANDARD_ERRORS * sqrt(best.variance_of_mean + last.variance_of_mean)):
        return _ok(fall, measured, "It ended about as high as it ever was.")
    fix = "A lower learning rate multiplier, or fewer epochs."
    kept = {point.step: rewards.up_to(point.step).last.mean for point in _checkpoints_in_log(case, rewards)}
    higher = max(kept, key=lambda step: (kept[step], step), default=None)
    if higher is not None and kept[higher] - last.mean > _MAX_REWARD_FALL:
        fix = f"Try the checkpoint after step {higher}. {fix}"
    return _warn(fall, measured, f"The reward was higher up to step {best.last_step}, and was lost again.", fix)


def _mode_collapse(_: RuleInput, entropies: TimeSeries) -> RuleResult:
    first, last = entropies.first.mean, entropies.last.mean
    if first <= 0.0:
        return not_measured("The entropy was 0 from the start.")
    ratio, measured = last / first, f"x{last / first:.2f} ({first:.2f} → {last:.2f})"
    if ratio < MIN_ENTROPY_RATIO:
        meaning = "The model gives one kind of answer and can learn no other."
        return _fail(
            ratio, measured, meaning, "Read its answers for a trick; a lower learning rate multiplier, fewer epochs."
        )
    if ratio > MAX_ENTROPY_RATIO:
        meaning = "The answers scatter more than at first: the model comes apart, or the reward pulls nowhere."
        return _warn(
            ratio,
            measured,
            meaning,
            "A lower learning rate multiplier; rft-sim doctor shows whether the reward is noise.",
        )
    return _ok(ratio, measured, "The answers neither became one nor scattered.")


def _overfitting(case: RuleInput, rewards: TimeSeries) -> RuleResult:
    seen = [
        (point.step, value)
        for point in _checkpoints_in_log(case, rewards)
        if (value := _validation_reward(point)) is not None
    ]
    if not seen:
        return not_measured(
            "No checkpoint carries a validation reward." if case.checkpoints else "There is no checkpoint."
        )
    rows = _held_out_rows(case)
    if rows is None:
        return not_measured(
            "How many rows were held out is not known.", "Name the job's validation file: --validation FILE"
        )
    if rows < MIN_GAP_ROWS:
        return not_measured(
            f"Some {format_count(rows, 'row')} were held out; fewer than {MIN_GAP_ROWS} are mostly chance."
        )
    step, held_out = seen[-1]
    trained = rewards.up_to(step).last.mean
    gap, measured = trained - held_out, f"{trained:.3f} - {held_out:.3f}"
    if gap <= GAP_WARN:
        return _ok(gap, measured, "It does as well on rows that it was not trained on.")
    meaning = "It does better on the rows that it was trained on: part of it is memory."
    verdict = _fail if gap > GAP_FAIL else _warn
    return verdict(gap, measured, meaning, "Fewer epochs or an earlier checkpoint; more rows, and more varied ones.")


def _checkpoints_in_log(case: RuleInput, rewards: TimeSeries) -> list[Checkpoint]:
    """The checkpoints of which the log holds steps that led to them."""
    return [point for point in case.checkpoints if point.step >= rewards.steps[0]]


def _validation_reward(point: Checkpoint) -> float | None:
    # Unverified: no checkpoint of an open-weight job was ever published; verl's name is `val-score/rewards/mean@1`.
    names = sorted(name for name in point.metrics if all(part in name for part in ("val", "reward", "mean")))
    return finite_number(point.metrics[names[0]]) if names else None


def _held_out_rows(case: RuleInput) -> int | None:
    if case.validation_rows is not None or case.job.body.get("validation_file"):
        return case.validation_rows
    # INFERRED: without a validation file a tenth is held out, hence a ninth of what is trained on.
    batch, epochs = (finite_number(case.job.hyperparameters.get(name)) for name in ("batch_size", "n_epochs"))
    if not (case.metrics.total_steps and batch and epochs):
        return None
    return int(case.metrics.total_steps * batch / epochs) // (HELD_OUT_DIVISOR - 1)


def _length_drift(_: RuleInput, lengths: TimeSeries) -> RuleResult:
    first, last = lengths.first.mean, lengths.last.mean
    if first <= 0.0:
        return not_measured("The answers had no length at first.")
    ratio, measured = last / first, f"x{last / first:.2f} ({first:.0f} → {last:.0f})"
    if ratio > MAX_LENGTH_RATIO:
        meaning = "Answers grew: longer ones may score better without being better."
        return _warn(ratio, measured, meaning, "Read the long ones; pay for the result, not for length or words found.")
    if ratio < MIN_LENGTH_RATIO:
        meaning = "Answers shrank: the thinking may be gone, or a short trick scores."
        return _warn(ratio, measured, meaning, "Read the short ones; see that nothing scores without the work.")
    return _ok(ratio, measured, "Answers stayed about as long.")


def _gradient_spike(_: RuleInput, gradients: TimeSeries) -> RuleResult:
    largest = max(gradients.values)
    if largest <= 0.0:
        return not_measured("Every gradient was 0.")
    pulling = sorted(value for value in gradients.values if value > 0.0)
    strong = pulling[ceil(_STRONG_GRADIENT_QUANTILE * len(pulling)) - 1]
    ratio = largest / statistics.median(value for value in pulling if value >= _NONZERO_ADVANTAGE_SHARE * strong)
    measured = f"x{ratio:.1f} at step {gradients.steps[gradients.values.index(largest)]}"
    if ratio <= _MAX_GRADIENT_RATIO:
        return _ok(ratio, measured, "No step pulled much harder than the others.")
    meaning = "One step pulled far harder than the others: training is unstable."
    return _warn(ratio, measured, meaning, "A lower learning rate multiplier, or more prompts a step.")


def _length_advantage(_: RuleInput, advantages: TimeSeries) -> RuleResult:
    # verl: advantages sum to 0 in a group, so their mean over tokens is above 0 where the longer answers have more.
    mean = fsum(advantages.values) / len(advantages)
    sure = abs(mean) > _SIGNIFICANT_STANDARD_ERRORS * statistics.stdev(advantages.values) / sqrt(len(advantages))
    meaning = "Long and short answers scored alike."
    if sure:
        meaning = f"{'Longer' if mean > 0.0 else 'Shorter'} answers scored better than others to the same prompt."
    return RuleResult(severity=Severity.INFO, value=mean, measured=f"{mean:+.3f} a token", meaning=meaning)


def _rule(
    ident: str, name: str, threshold: str, metric: str, fewest: int, read: Callable[[RuleInput, TimeSeries], RuleResult]
) -> Rule:
    return Rule(id=ident, name=name, threshold=threshold, metric=metric, min_values=fewest, evaluate=read)


# Of findings equally bad, the cause stands before what follows from it.
RULES = (
    _rule(
        "T10",
        "dead gradient",
        f"0 in over {MAX_ZERO_GRADIENT_SHARE:.0%}",
        GRADIENT,
        _ZERO_GRADIENT_MIN_STEPS,
        _dead_gradient,
    ),
    _rule("T3", "sparse", f"below {SPARSE_REWARD}", REWARD, WINDOW, _sparse),
    _rule("T2", "saturated", f"above {SATURATED_REWARD}", REWARD, WINDOW, _saturated),
    _rule("T4", "no learning", f"rise below {MIN_REWARD_GAIN}", REWARD, MIN_STEPS_FOR_TREND, _no_learning),
    _rule("T3", "plateau", f"below {PLATEAU_REWARD}", REWARD, MIN_STEPS_FOR_TREND, _plateau),
    _rule("T4", "reward collapse", f"fall above {_MAX_REWARD_FALL}", REWARD, MIN_STEPS_FOR_TREND, _reward_collapse),
    _rule(
        "T7",
        "mode collapse",
        f"outside {MIN_ENTROPY_RATIO} to {MAX_ENTROPY_RATIO}",
        ENTROPY,
        MIN_STEPS_FOR_TREND,
        _mode_collapse,
    ),
    _rule("T8", "memorised", f"gap above {GAP_WARN}", REWARD, WINDOW, _overfitting),
    _rule(
        "T6",
        "length drift",
        f"outside {MIN_LENGTH_RATIO} to {MAX_LENGTH_RATIO}",
        LENGTH,
        MIN_STEPS_FOR_TREND,
        _length_drift,
    ),
    _rule("T10", "gradient spike", f"above x{_MAX_GRADIENT_RATIO:.0f}", GRADIENT, WINDOW, _gradient_spike),
    _rule("T6", "length pays", "none", ADVANTAGE, WINDOW, _length_advantage),
)
