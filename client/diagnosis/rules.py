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

from client.diagnosis.time_series import ADVANTAGE, ENTROPY, GRADIENT, LENGTH, REWARD, WINDOW, Numbers, Series, number
from client.job_polling import HELD_OUT_ONE_IN
from client.mantle_client import Checkpoint, Job
from client.terminal import counted

# Those that the reward doctor reads too have its values: a test of the project holds the two equal.

# The fewest steps of which the first ten are not the last.
APART = 2 * WINDOW
# AWS on rewards (Nova RFT): above .95 before tuning "RFT unnecessary"; below 5 % of positive examples sparse; watch
# for "rewards plateauing below 0.15".
SATURATED, SPARSE, PLATEAU = 0.95, 0.05, 0.15
# INFERRED, on simulated runs: sound rewards rose by .12 and more, random ones by .06 at most.
GAIN, HIGH_ENOUGH = 0.05, 0.9
# INFERRED: sound runs of 4 prompts a step ended at most .06 below their best. Runs of one prompt a step are noisier:
# they must fall further than chance takes them, which the errors of both means tell.
_FALL, _FALL_ERRORS = 0.1, 3.0
# INFERRED: sound runs stayed within .84 and 1.28. AWS: "length exploding" hints at reward hacking.
LONGER, SHORTER = 1.4, 0.6
# AWS: "entropy collapsing to 0 = mode collapse". INFERRED: the numbers.
COLLAPSED, SCATTERED = 0.1, 1.5
# Microsoft's skill for reinforcement tuning: a gap of .05 is healthy, one above .10 a reason to stop.
GAP_WARN, GAP_FAIL, GAP_ROWS = 0.05, 0.10, 100
# verl and TRL: rewards all alike in a group are advantages of 0, and a batch of such groups a gradient of exactly 0.
DEAD, _DEAD_FEWEST = 0.5, 5
# AWS: "grad_norm spikes = instability". INFERRED: the numbers. Over 180 sound runs the largest gradient was at most 3
# times the median; with the learning rate times 30 it was 16 to 44 times. Steps without advantages do not count: the
# KL term alone gives them a gradient, hundreds of times smaller than that of a usual step. Nine steps in ten are below
# a usual strong one, which a spike must not set: it is one step in ten at the most.
_SPIKE, _LIVE, _STRONG = 10.0, 0.01, 0.9
# A mean advantage counts as other than 0 when it is this many of its standard errors away.
_SURE_ERRORS = 2.0


class Severity(StrEnum):
    """How bad a finding is, worst first."""

    FAIL = "fail"
    WARN = "warn"
    INFO = "info"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A job, as far as it is known; `validation_rows` where somebody counted its validation file."""

    job: Job
    numbers: Numbers
    checkpoints: tuple[Checkpoint, ...]
    validation_rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a rule finds. Without a `value` nothing was measured, and `meaning` says why."""

    severity: Severity
    value: float | None
    measured: str
    meaning: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: `read` is given a series of at least `fewest` values, and rewards between 0 and 1 alone."""

    id: str
    name: str
    threshold: str
    metric: str
    fewest: int
    read: Callable[[Case, Series], Reading]


def unread(why: str, fix: str = "") -> Reading:
    """Nothing was measured."""
    return Reading(severity=Severity.INFO, value=None, measured="not measured", meaning=why, fix=fix)


def _fine(value: float, measured: str, meaning: str) -> Reading:
    return Reading(severity=Severity.OK, value=value, measured=measured, meaning=meaning)


def _warn(value: float, measured: str, meaning: str, fix: str) -> Reading:
    return Reading(severity=Severity.WARN, value=value, measured=measured, meaning=meaning, fix=fix)


def _fail(value: float, measured: str, meaning: str, fix: str) -> Reading:
    return Reading(severity=Severity.FAIL, value=value, measured=measured, meaning=meaning, fix=fix)


def _dead_gradient(_: Case, gradients: Series) -> Reading:
    dead = gradients.values.count(0.0)
    share, measured = dead / len(gradients), f"{dead} of {counted(len(gradients), 'step')}"
    if share <= DEAD:
        return _fine(share, measured, "Most steps had something to learn from.")
    meaning = "In each of these steps all answers to one prompt got the same reward: nothing was learned."
    return _fail(share, measured, meaning, "rft-sim doctor shows which answers the reward does not tell apart.")


def _sparse(_: Case, rewards: Series) -> Reading:
    first = rewards.first.mean
    measured = f"{first:.3f} at first"
    if first >= SPARSE:
        return _fine(first, measured, "The base model earns enough to learn from.")
    if rewards.last.mean >= PLATEAU:
        meaning = "The base model earned next to nothing, yet the reward rose: a rare trick may be what scores."
        return _fail(
            first, measured, meaning, "Read the tuned model's answers; rft-sim doctor scores right and wrong ones."
        )
    meaning = "The base model earned next to nothing: too little to learn from."
    fix = "rft-sim doctor shows whether a right answer can score; if so: partial credit, easier prompts, or SFT first."
    return _fail(first, measured, meaning, fix)


def _saturated(_: Case, rewards: Series) -> Reading:
    first = rewards.first.mean
    measured = f"{first:.3f} at first"
    if first <= SATURATED:
        return _fine(first, measured, "There was room to learn.")
    meaning = "The base model earned nearly everything: tuning is unnecessary, or the reward too easy."
    return _warn(
        first, measured, meaning, "rft-sim doctor shows whether junk scores; if not, harder prompts, or no tuning."
    )


def _no_learning(case: Case, rewards: Series) -> Reading:
    first, last = rewards.first.mean, rewards.last.mean
    gain, measured = last - first, f"{first:.3f} → {last:.3f}"
    if gain >= GAIN:
        return _fine(gain, measured, "The reward rose.")
    if first >= HIGH_ENOUGH:
        return _fine(gain, measured, "It began high, with little room to rise.")
    # A run that goes on may still learn.
    verdict = _fail if case.job.ended else _warn
    if gain <= -GAIN:
        return verdict(gain, measured, "The reward fell.", "A lower learning rate multiplier; an earlier checkpoint.")
    fix = "rft-sim doctor shows whether the reward is noise; if not, more epochs or a higher learning rate multiplier."
    return verdict(gain, measured, "The reward did not rise.", fix)


def _plateau(case: Case, rewards: Series) -> Reading:
    last = rewards.last.mean
    measured = f"{last:.3f} at last"
    if last >= PLATEAU:
        return _fine(last, measured, "The reward did not stay low.")
    if last - rewards.first.mean >= GAIN:
        return _warn(last, measured, "The reward is low, though it rises.", "More epochs; partial credit.")
    verdict = _fail if case.job.ended else _warn
    return verdict(last, measured, "The reward stays low.", "Partial credit, easier prompts, or SFT first.")


def _reward_collapse(case: Case, rewards: Series) -> Reading:
    best, last = rewards.best, rewards.last
    fall = best.mean - last.mean
    measured = f"best {best.mean:.3f} → {last.mean:.3f}"
    if fall <= max(_FALL, _FALL_ERRORS * sqrt(best.variance_of_mean + last.variance_of_mean)):
        return _fine(fall, measured, "It ended about as high as it ever was.")
    fix = "A lower learning rate multiplier, or fewer epochs."
    kept = {point.step: rewards.until(point.step).last.mean for point in _logged(case, rewards)}
    higher = max(kept, key=lambda step: (kept[step], step), default=None)
    if higher is not None and kept[higher] - last.mean > _FALL:
        fix = f"Try the checkpoint after step {higher}. {fix}"
    return _warn(fall, measured, f"The reward was higher up to step {best.end}, and was lost again.", fix)


def _mode_collapse(_: Case, entropies: Series) -> Reading:
    first, last = entropies.first.mean, entropies.last.mean
    if first <= 0.0:
        return unread("The entropy was 0 from the start.")
    ratio, measured = last / first, f"x{last / first:.2f} ({first:.2f} → {last:.2f})"
    if ratio < COLLAPSED:
        meaning = "The model gives one kind of answer and can learn no other."
        return _fail(
            ratio, measured, meaning, "Read its answers for a trick; a lower learning rate multiplier, fewer epochs."
        )
    if ratio > SCATTERED:
        meaning = "The answers scatter more than at first: the model comes apart, or the reward pulls nowhere."
        return _warn(
            ratio,
            measured,
            meaning,
            "A lower learning rate multiplier; rft-sim doctor shows whether the reward is noise.",
        )
    return _fine(ratio, measured, "The answers neither became one nor scattered.")


def _memorised(case: Case, rewards: Series) -> Reading:
    seen = [(point.step, value) for point in _logged(case, rewards) if (value := _validation_reward(point)) is not None]
    if not seen:
        return unread("No checkpoint carries a validation reward." if case.checkpoints else "There is no checkpoint.")
    rows = _held_out(case)
    if rows is None:
        return unread("How many rows were held out is not known.", "Name the job's validation file: --validation FILE")
    if rows < GAP_ROWS:
        return unread(f"Some {counted(rows, 'row')} were held out; fewer than {GAP_ROWS} are mostly chance.")
    step, held_out = seen[-1]
    trained = rewards.until(step).last.mean
    gap, measured = trained - held_out, f"{trained:.3f} - {held_out:.3f}"
    if gap <= GAP_WARN:
        return _fine(gap, measured, "It does as well on rows that it was not trained on.")
    meaning = "It does better on the rows that it was trained on: part of it is memory."
    verdict = _fail if gap > GAP_FAIL else _warn
    return verdict(gap, measured, meaning, "Fewer epochs or an earlier checkpoint; more rows, and more varied ones.")


def _logged(case: Case, rewards: Series) -> list[Checkpoint]:
    """The checkpoints of which the log holds steps that led to them."""
    return [point for point in case.checkpoints if point.step >= rewards.steps[0]]


def _validation_reward(point: Checkpoint) -> float | None:
    # Unverified: no checkpoint of an open-weight job was ever published; verl's name is `val-score/rewards/mean@1`.
    names = sorted(name for name in point.metrics if all(part in name for part in ("val", "reward", "mean")))
    return number(point.metrics[names[0]]) if names else None


def _held_out(case: Case) -> int | None:
    if case.validation_rows is not None or case.job.body.get("validation_file"):
        return case.validation_rows
    # INFERRED: without a validation file a tenth is held out, hence a ninth of what is trained on.
    batch, epochs = (number(case.job.hyperparameters.get(name)) for name in ("batch_size", "n_epochs"))
    if not (case.numbers.total_steps and batch and epochs):
        return None
    return int(case.numbers.total_steps * batch / epochs) // (HELD_OUT_ONE_IN - 1)


def _length_drift(_: Case, lengths: Series) -> Reading:
    first, last = lengths.first.mean, lengths.last.mean
    if first <= 0.0:
        return unread("The answers had no length at first.")
    ratio, measured = last / first, f"x{last / first:.2f} ({first:.0f} → {last:.0f})"
    if ratio > LONGER:
        meaning = "Answers grew: longer ones may score better without being better."
        return _warn(ratio, measured, meaning, "Read the long ones; pay for the result, not for length or words found.")
    if ratio < SHORTER:
        meaning = "Answers shrank: the thinking may be gone, or a short trick scores."
        return _warn(ratio, measured, meaning, "Read the short ones; see that nothing scores without the work.")
    return _fine(ratio, measured, "Answers stayed about as long.")


def _gradient_spike(_: Case, gradients: Series) -> Reading:
    largest = max(gradients.values)
    if largest <= 0.0:
        return unread("Every gradient was 0.")
    pulling = sorted(value for value in gradients.values if value > 0.0)
    strong = pulling[ceil(_STRONG * len(pulling)) - 1]
    ratio = largest / statistics.median(value for value in pulling if value >= _LIVE * strong)
    measured = f"x{ratio:.1f} at step {gradients.steps[gradients.values.index(largest)]}"
    if ratio <= _SPIKE:
        return _fine(ratio, measured, "No step pulled much harder than the others.")
    meaning = "One step pulled far harder than the others: training is unstable."
    return _warn(ratio, measured, meaning, "A lower learning rate multiplier, or more prompts a step.")


def _length_pays(_: Case, advantages: Series) -> Reading:
    # verl: advantages sum to 0 in a group, so their mean over tokens is above 0 where the longer answers have more.
    mean = fsum(advantages.values) / len(advantages)
    sure = abs(mean) > _SURE_ERRORS * statistics.stdev(advantages.values) / sqrt(len(advantages))
    meaning = "Long and short answers scored alike."
    if sure:
        meaning = f"{'Longer' if mean > 0.0 else 'Shorter'} answers scored better than others to the same prompt."
    return Reading(severity=Severity.INFO, value=mean, measured=f"{mean:+.3f} a token", meaning=meaning)


def _rule(
    ident: str, name: str, threshold: str, metric: str, fewest: int, read: Callable[[Case, Series], Reading]
) -> Rule:
    return Rule(id=ident, name=name, threshold=threshold, metric=metric, fewest=fewest, read=read)


# Of findings equally bad, the cause stands before what follows from it.
RULES = (
    _rule("T10", "dead gradient", f"0 in over {DEAD:.0%}", GRADIENT, _DEAD_FEWEST, _dead_gradient),
    _rule("T3", "sparse", f"below {SPARSE}", REWARD, WINDOW, _sparse),
    _rule("T2", "saturated", f"above {SATURATED}", REWARD, WINDOW, _saturated),
    _rule("T4", "no learning", f"rise below {GAIN}", REWARD, APART, _no_learning),
    _rule("T3", "plateau", f"below {PLATEAU}", REWARD, APART, _plateau),
    _rule("T4", "reward collapse", f"fall above {_FALL}", REWARD, APART, _reward_collapse),
    _rule("T7", "mode collapse", f"outside {COLLAPSED} to {SCATTERED}", ENTROPY, APART, _mode_collapse),
    _rule("T8", "memorised", f"gap above {GAP_WARN}", REWARD, WINDOW, _memorised),
    _rule("T6", "length drift", f"outside {SHORTER} to {LONGER}", LENGTH, APART, _length_drift),
    _rule("T10", "gradient spike", f"above x{_SPIKE:.0f}", GRADIENT, WINDOW, _gradient_spike),
    _rule("T6", "length pays", "none", ADVANTAGE, WINDOW, _length_pays),
)
