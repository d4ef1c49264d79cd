"""Rules about the reward: sparse, saturated, no learning, plateau, reward collapse, memorised.

The doctor's training probes use the same thresholds; a test compares them.
"""

from __future__ import annotations

from math import sqrt

from client.diagnosis.rule import RuleInput, RuleResult, failure_result, ok_result, unmeasured_result, warning_result
from client.diagnosis.time_series import TimeSeries, finite_number
from client.job_spec import HELD_OUT_DIVISOR
from client.mantle_types import Checkpoint
from client.terminal import format_count

# AWS on rewards (Nova RFT): above .95 before tuning "RFT unnecessary"; below 5 % of positive examples sparse; watch
# for "rewards plateauing below 0.15".
SATURATED_REWARD, SPARSE_REWARD, PLATEAU_REWARD = 0.95, 0.05, 0.15
# INFERRED, on simulated runs: valid rewards rose by .12 and more, random ones by .06 at most.
MIN_REWARD_GAIN, HIGH_INITIAL_REWARD = 0.05, 0.9
# INFERRED: normal runs of 4 prompts per step ended at most .06 below their best. Runs of one prompt per step are
# noisier, so the fall must also exceed chance: this many standard errors of the difference of both means.
MAX_REWARD_FALL, _FALL_STANDARD_ERRORS = 0.1, 3.0
# Microsoft's skill for reinforcement tuning: a gap of .05 is healthy, one above .10 a reason to stop.
GAP_WARN, GAP_FAIL, MIN_GAP_ROWS = 0.05, 0.10, 100


def check_sparse_reward(_: RuleInput, rewards: TimeSeries) -> RuleResult:
    """T3: the base model earns too little to learn from."""
    first = rewards.first.mean
    measured = f"{first:.3f} at first"
    if first >= SPARSE_REWARD:
        return ok_result(first, measured, "The base model earns enough to learn from.")
    if rewards.last.mean >= PLATEAU_REWARD:
        meaning = "The base model earned next to nothing, yet the reward rose: perhaps only a rare trick scores."
        return failure_result(
            first, measured, meaning, "Read the tuned model's answers; rft-sim doctor scores right and wrong ones."
        )
    meaning = "The base model earned next to nothing: too little to learn from."
    fix = "rft-sim doctor shows whether a right answer can score; if so: partial credit, easier prompts, or SFT first."
    return failure_result(first, measured, meaning, fix)


def check_saturation(_: RuleInput, rewards: TimeSeries) -> RuleResult:
    """T2: the base model earns almost the full reward."""
    first = rewards.first.mean
    measured = f"{first:.3f} at first"
    if first <= SATURATED_REWARD:
        return ok_result(first, measured, "The reward had room to rise.")
    meaning = "The base model earned nearly the full reward: tuning is unnecessary, or the reward is too easy."
    return warning_result(
        first, measured, meaning, "rft-sim doctor shows whether junk scores; if not, harder prompts, or no tuning."
    )


def check_learning(rule_input: RuleInput, rewards: TimeSeries) -> RuleResult:
    """T4: the reward does not rise."""
    first, last = rewards.first.mean, rewards.last.mean
    gain, measured = last - first, f"{first:.3f} → {last:.3f}"
    if gain >= MIN_REWARD_GAIN:
        return ok_result(gain, measured, "The reward rose.")
    if first >= HIGH_INITIAL_REWARD:
        return ok_result(gain, measured, "The reward began high, with little room to rise.")
    # An active job may still learn.
    build_result = failure_result if rule_input.job.has_ended else warning_result
    if gain <= -MIN_REWARD_GAIN:
        return build_result(
            gain, measured, "The reward fell.", "A lower learning rate multiplier; an earlier checkpoint."
        )
    fix = "rft-sim doctor shows whether the reward is noise; if not, more epochs or a higher learning rate multiplier."
    return build_result(gain, measured, "The reward did not rise.", fix)


def check_plateau(rule_input: RuleInput, rewards: TimeSeries) -> RuleResult:
    """T3: the reward stays low."""
    last = rewards.last.mean
    measured = f"{last:.3f} at last"
    if last >= PLATEAU_REWARD:
        return ok_result(last, measured, "The reward did not stay low.")
    if last - rewards.first.mean >= MIN_REWARD_GAIN:
        return warning_result(last, measured, "The reward is low, though it rises.", "More epochs; partial credit.")
    build_result = failure_result if rule_input.job.has_ended else warning_result
    return build_result(last, measured, "The reward stays low.", "Partial credit, easier prompts, or SFT first.")


def check_reward_collapse(rule_input: RuleInput, rewards: TimeSeries) -> RuleResult:
    """T4: the reward was higher earlier. The fix names the best checkpoint, if one is better than the last step."""
    best, last = rewards.best, rewards.last
    fall = best.mean - last.mean
    measured = f"best {best.mean:.3f} → {last.mean:.3f}"
    if fall <= max(MAX_REWARD_FALL, _FALL_STANDARD_ERRORS * sqrt(best.variance_of_mean + last.variance_of_mean)):
        return ok_result(fall, measured, "The reward ended about as high as its best.")
    fix = "A lower learning rate multiplier, or fewer epochs."
    reward_by_step = {
        checkpoint.step: rewards.up_to(checkpoint.step).last.mean
        for checkpoint in _checkpoints_in_log(rule_input, rewards)
    }
    best_step = max(reward_by_step, key=lambda step: (reward_by_step[step], step), default=None)
    if best_step is not None and reward_by_step[best_step] - last.mean > MAX_REWARD_FALL:
        fix = f"Try the checkpoint after step {best_step}. {fix}"
    return warning_result(fall, measured, f"The reward was higher up to step {best.last_step}, then it fell.", fix)


def check_memorisation(rule_input: RuleInput, rewards: TimeSeries) -> RuleResult:
    """T8: the training reward exceeds the validation reward of the last checkpoint."""
    validation_rewards = [
        (checkpoint.step, reward)
        for checkpoint in _checkpoints_in_log(rule_input, rewards)
        if (reward := _validation_reward(checkpoint)) is not None
    ]
    if not validation_rewards:
        return unmeasured_result(
            "No checkpoint carries a validation reward." if rule_input.checkpoints else "There is no checkpoint."
        )
    rows = _held_out_rows(rule_input)
    if rows is None:
        return unmeasured_result(
            "How many rows were held out is not known.", "Name the job's validation file: --validation FILE"
        )
    if rows < MIN_GAP_ROWS:
        return unmeasured_result(
            f"About {format_count(rows, 'row')} were held out; fewer than {MIN_GAP_ROWS} are mostly chance."
        )
    step, validation_reward = validation_rewards[-1]
    training_reward = rewards.up_to(step).last.mean
    gap, measured = training_reward - validation_reward, f"{training_reward:.3f} - {validation_reward:.3f}"
    if gap <= GAP_WARN:
        return ok_result(gap, measured, "The model does as well on rows that it was not trained on.")
    meaning = "The model does better on the rows that it was trained on: it has memorised some of them."
    build_result = failure_result if gap > GAP_FAIL else warning_result
    return build_result(
        gap, measured, meaning, "Fewer epochs or an earlier checkpoint; more rows, and more varied ones."
    )


def _checkpoints_in_log(rule_input: RuleInput, rewards: TimeSeries) -> list[Checkpoint]:
    """Return the checkpoints that the log has a reward for: those from its first step on."""
    return [checkpoint for checkpoint in rule_input.checkpoints if checkpoint.step >= rewards.steps[0]]


def _validation_reward(checkpoint: Checkpoint) -> float | None:
    # Unverified: no checkpoint of an open-weight job was ever published; verl's name is `val-score/rewards/mean@1`.
    names = sorted(name for name in checkpoint.metrics if all(part in name for part in ("val", "reward", "mean")))
    return finite_number(checkpoint.metrics[names[0]]) if names else None


def _held_out_rows(rule_input: RuleInput) -> int | None:
    if rule_input.validation_rows is not None or rule_input.job.body.get("validation_file"):
        return rule_input.validation_rows
    # INFERRED: without a validation file a tenth is held out, that is a ninth of the rows that are trained on.
    hyperparameters = rule_input.job.hyperparameters
    batch_size, epochs = (finite_number(hyperparameters.get(name)) for name in ("batch_size", "n_epochs"))
    if not (rule_input.metrics.total_steps and batch_size and epochs):
        return None
    return int(rule_input.metrics.total_steps * batch_size / epochs) // (HELD_OUT_DIVISOR - 1)
