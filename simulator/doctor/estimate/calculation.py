"""Calculates the estimate of a run from its plan and the assumptions."""

import math
from dataclasses import dataclass

from simulator.doctor.estimate.assumptions import TRAINING_PRICE_NAME, Assumptions, count_of, value_of
from simulator.training.dataset import HELD_OUT_SHARE, HeldOutChoice, Record
from simulator.training.training_plan import CHECKPOINT_INTERVAL, DatasetSplit, TrainingPlan, split_dataset

_MB_PER_GB = 1024  # as Lambda bills
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
    """Split the records into training and held-out records as a job does. Another share takes the end of the file."""
    if validation is not None or share == HELD_OUT_SHARE:
        return split_dataset(records, validation, seed=seed, held_out_choice=choice)
    train = len(records) - int(len(records) * share)
    return split_dataset(records[:train], records[train:], seed=seed)


def count_checkpoints(plan: TrainingPlan) -> int:
    """Return the number of checkpoints of a run, without a list, which would be long for a long run."""
    return len(range(CHECKPOINT_INTERVAL, plan.total_steps, CHECKPOINT_INTERVAL)) + 1


def calculate_estimate(plan: TrainingPlan, assumptions: Assumptions) -> Estimate:
    """Return the estimate."""
    per_prompt, per_call = count_of(assumptions, "rollouts_per_prompt"), count_of(assumptions, "rollouts_per_call")
    at_once, tokens = count_of(assumptions, "concurrent_calls"), value_of(assumptions, "response_tokens")
    evaluations = count_of(assumptions, "evaluations") if plan.held_out else 0
    in_step = plan.batch_size * per_prompt
    in_evaluation = len(plan.held_out) * count_of(assumptions, "rollouts_per_held_out_record")
    step_calls, evaluation_calls = math.ceil(in_step / per_call), math.ceil(in_evaluation / per_call)
    calls = plan.total_steps * step_calls + evaluations * evaluation_calls
    rollouts = plan.total_steps * in_step + evaluations * in_evaluation

    call = Range(
        low=value_of(assumptions, "call_seconds_low"),
        high=value_of(assumptions, "call_seconds_high") * value_of(assumptions, "slowdown_high"),
    )
    gigabytes = value_of(assumptions, "memory_mb") / _MB_PER_GB
    gb_seconds = Range(low=calls * call.low * gigabytes, high=calls * call.high * gigabytes)
    requests = calls / _MILLION * value_of(assumptions, "lambda_usd_per_million_calls")
    price = value_of(assumptions, "lambda_usd_per_gb_second")
    log_bytes = calls * value_of(assumptions, "log_bytes_per_call")

    waves = plan.total_steps * math.ceil(step_calls / at_once) + evaluations * math.ceil(evaluation_calls / at_once)
    wall = Range(
        low=value_of(assumptions, "start_seconds_low")
        + plan.total_steps * value_of(assumptions, "step_seconds_low")
        + rollouts * tokens / max(value_of(assumptions, "tokens_per_second_high"), 1.0)
        + waves * call.low,
        high=value_of(assumptions, "start_seconds_high")
        + plan.total_steps * value_of(assumptions, "step_seconds_high")
        + rollouts * tokens / max(value_of(assumptions, "tokens_per_second_low"), 1.0)
        + waves * call.high,
    )
    hourly = assumptions[TRAINING_PRICE_NAME].value
    return Estimate(
        steps=plan.total_steps,
        steps_per_epoch=plan.steps_per_epoch,
        checkpoints=count_checkpoints(plan),
        evaluations=evaluations,
        rollouts=plan.total_steps * in_step,
        held_out_rollouts=evaluations * in_evaluation,
        calls=plan.total_steps * step_calls,
        held_out_calls=evaluations * evaluation_calls,
        peak_concurrency=min(at_once, max(step_calls, evaluation_calls)),
        tokens=rollouts * tokens,
        gb_seconds=gb_seconds,
        lambda_usd=Range(low=gb_seconds.low * price + requests, high=gb_seconds.high * price + requests),
        log_bytes=log_bytes,
        log_usd=log_bytes / 1e9 * value_of(assumptions, "log_usd_per_gb"),
        wall_seconds=wall,
        training_usd=None if hourly is None else Range(low=wall.low / 3600 * hourly, high=wall.high / 3600 * hourly),
    )
