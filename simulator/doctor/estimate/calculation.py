"""Calculates the estimate of a run from its plan and the assumptions."""

import math
from dataclasses import dataclass

from simulator.doctor.estimate.assumptions import TRAINING_PRICE_NAME, Assumptions, count_of, value_of
from simulator.training.dataset import HELD_OUT_SHARE, HeldOutChoice, Record
from simulator.training.training_plan import CHECKPOINT_INTERVAL, DatasetSplit, TrainingPlan, split_dataset

_MB_PER_GB = 1024  # Lambda bills with this factor
_MILLION = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The lowest and the highest value that the assumptions allow."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The calls, time and cost of a run.

    Attributes:
        steps: the steps of the whole run.
        evaluations: the number of evaluations of the held-out records.
        rollouts: the training rollouts.
        held_out_rollouts: the rollouts of all evaluations.
        calls: the calls of the function in training steps.
        held_out_calls: the calls of the function in evaluations.
        peak_concurrency: the most calls at once.
        tokens: the sampled tokens.
        gb_seconds: the time that Lambda bills.
        lambda_usd: the cost of calls and time.
        log_bytes: the size of the log in CloudWatch.
        log_usd: the cost of the log.
        wall_seconds: the time from the job's creation to its end.
        training_usd: the cost of training. None while the price is not known.
    """

    steps: int
    steps_per_epoch: int
    checkpoints: int
    evaluations: int
    rollouts: int
    held_out_rollouts: int
    calls: int
    held_out_calls: int
    peak_concurrency: int
    tokens: float
    gb_seconds: Range
    lambda_usd: Range
    log_bytes: float
    log_usd: float
    wall_seconds: Range
    training_usd: Range | None


def split_records(
    records: tuple[Record, ...],
    validation: tuple[Record, ...] | None,
    *,
    share: float,
    seed: int,
    choice: HeldOutChoice,
) -> DatasetSplit:
    """Split the records into training and held-out records as a job does.

    If `share` is not the default, the held-out records are the last ones of the file.
    """
    if validation is not None or share == HELD_OUT_SHARE:
        return split_dataset(records, validation, seed=seed, held_out_choice=choice)
    train = len(records) - int(len(records) * share)
    return split_dataset(records[:train], records[train:], seed=seed)


def count_checkpoints(plan: TrainingPlan) -> int:
    """Return the number of checkpoints of a run, without a list of their steps."""
    return len(range(CHECKPOINT_INTERVAL, plan.total_steps, CHECKPOINT_INTERVAL)) + 1


def calculate_estimate(plan: TrainingPlan, assumptions: Assumptions) -> Estimate:
    """Return the estimate."""
    per_prompt, per_call = count_of(assumptions, "rollouts_per_prompt"), count_of(assumptions, "rollouts_per_call")
    concurrent_calls, tokens = count_of(assumptions, "concurrent_calls"), value_of(assumptions, "response_tokens")
    evaluations = count_of(assumptions, "evaluations") if plan.held_out else 0
    step_rollouts = plan.batch_size * per_prompt
    evaluation_rollouts = len(plan.held_out) * count_of(assumptions, "rollouts_per_held_out_record")
    step_calls, evaluation_calls = math.ceil(step_rollouts / per_call), math.ceil(evaluation_rollouts / per_call)
    total_calls = plan.total_steps * step_calls + evaluations * evaluation_calls
    rollouts = plan.total_steps * step_rollouts + evaluations * evaluation_rollouts

    call_seconds = Range(
        low=value_of(assumptions, "call_seconds_low"),
        high=value_of(assumptions, "call_seconds_high") * value_of(assumptions, "slowdown_high"),
    )
    gigabytes = value_of(assumptions, "memory_mb") / _MB_PER_GB
    gb_seconds = Range(low=total_calls * call_seconds.low * gigabytes, high=total_calls * call_seconds.high * gigabytes)
    request_usd = total_calls / _MILLION * value_of(assumptions, "lambda_usd_per_million_calls")
    usd_per_gb_second = value_of(assumptions, "lambda_usd_per_gb_second")
    log_bytes = total_calls * value_of(assumptions, "log_bytes_per_call")

    call_rounds = plan.total_steps * math.ceil(step_calls / concurrent_calls) + evaluations * math.ceil(
        evaluation_calls / concurrent_calls
    )
    wall_seconds = Range(
        low=value_of(assumptions, "start_seconds_low")
        + plan.total_steps * value_of(assumptions, "step_seconds_low")
        + rollouts * tokens / max(value_of(assumptions, "tokens_per_second_high"), 1.0)
        + call_rounds * call_seconds.low,
        high=value_of(assumptions, "start_seconds_high")
        + plan.total_steps * value_of(assumptions, "step_seconds_high")
        + rollouts * tokens / max(value_of(assumptions, "tokens_per_second_low"), 1.0)
        + call_rounds * call_seconds.high,
    )
    usd_per_hour = assumptions[TRAINING_PRICE_NAME].value
    return Estimate(
        steps=plan.total_steps,
        steps_per_epoch=plan.steps_per_epoch,
        checkpoints=count_checkpoints(plan),
        evaluations=evaluations,
        rollouts=plan.total_steps * step_rollouts,
        held_out_rollouts=evaluations * evaluation_rollouts,
        calls=plan.total_steps * step_calls,
        held_out_calls=evaluations * evaluation_calls,
        peak_concurrency=min(concurrent_calls, max(step_calls, evaluation_calls)),
        tokens=rollouts * tokens,
        gb_seconds=gb_seconds,
        lambda_usd=Range(
            low=gb_seconds.low * usd_per_gb_second + request_usd, high=gb_seconds.high * usd_per_gb_second + request_usd
        ),
        log_bytes=log_bytes,
        log_usd=log_bytes / 1e9 * value_of(assumptions, "log_usd_per_gb"),
        wall_seconds=wall_seconds,
        training_usd=None
        if usd_per_hour is None
        else Range(low=wall_seconds.low / 3600 * usd_per_hour, high=wall_seconds.high / 3600 * usd_per_hour),
    )
