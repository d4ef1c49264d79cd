"""How long a job waits for its rewards, from the duration of one call."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_plan import PlanError, build_plan, split_dataset

_MINUTE, _HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingCost:
    """The calls of a job, and how long they take.

    Attributes:
        call_seconds: the duration of one call.
        calls: the number of calls, with those of the evaluations.
        concurrency: the number of calls at the same time.
        seconds: the time of all calls. A step waits for its last call.
    """

    call_seconds: float
    calls: int
    concurrency: int
    seconds: float

    @property
    def sentence(self) -> str:
        """The cost in words."""
        return f"A call takes {format_time(self.call_seconds)}: this job would take {self.duration}."

    @property
    def duration(self) -> str:
        """The time of all calls in words."""
        return (
            f"{format_time(self.seconds)} of grading, for {self.calls:,} calls, {self.concurrency} at a time (setting "
            "grading.concurrency)"
        )


def grading_cost(
    records: Sequence[Record], *, settings: Settings, hyperparameters: Hyperparameters, call_seconds: float
) -> GradingCost | None:
    """Return the cost of a job with these records. None if it cannot start."""
    split = split_dataset(tuple(records), None, seed=settings.seed, held_out_choice=settings.held_out)
    try:
        plan = build_plan(
            split, batch_size=hyperparameters.batch_size, n_epochs=hyperparameters.n_epochs, seed=settings.seed
        )
    except PlanError:
        return None
    per_call, concurrency = settings.grading.rollouts_per_call, settings.grading.concurrency
    step_calls = math.ceil(plan.batch_size * hyperparameters.rollouts_per_prompt / per_call)
    evaluation_calls = math.ceil(len(plan.held_out) / per_call)
    evaluations = len(plan.evaluation_steps)
    rounds = plan.total_steps * math.ceil(step_calls / concurrency) + evaluations * math.ceil(
        evaluation_calls / concurrency
    )
    return GradingCost(
        call_seconds=call_seconds,
        calls=plan.total_steps * step_calls + evaluations * evaluation_calls,
        concurrency=concurrency,
        seconds=rounds * call_seconds,
    )


def format_time(seconds: float) -> str:
    """Return a duration in ms, s, minutes or hours."""
    if seconds < 1:
        return f"{1e3 * seconds:.0f} ms"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.2g} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} minutes"
    return f"{seconds / _HOUR:.1f} hours"
