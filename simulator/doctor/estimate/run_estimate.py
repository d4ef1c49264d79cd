"""Estimates a run: splits the data, plans the run, calculates the estimate and checks the run."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.doctor.estimate.assumptions import (
    Assumptions,
    apply_assignments,
    count_of,
    default_assumptions,
    value_of,
)
from simulator.doctor.estimate.calculation import Estimate, calculate_estimate, count_checkpoints, split_records
from simulator.doctor.estimate.measurement import CallMeasurement, mean_response_tokens
from simulator.doctor.estimate.run_checks import PlannedRun, check_run
from simulator.doctor.finding import Finding
from simulator.settings import Settings
from simulator.training.dataset import HELD_OUT_SHARE, Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_plan import DatasetSplit, PlanError, TrainingPlan, build_plan


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateReport:
    """An estimate with everything that it is based on.

    Attributes:
        data: the training file's name.
        records: the number of its records.
        train: the number of training records.
        held_out: the number of held-out records.
        estimate: None if the run has no step.
    """

    data: str
    records: int
    train: int
    held_out: int
    model: str
    hyperparameters: Hyperparameters
    estimate: Estimate | None
    assumptions: Assumptions
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionProfile:
    """What is known of the reward function. None means unknown.

    Attributes:
        timeout: its time-out in seconds.
        memory_mb: its memory.
        measurement: the measurement of its calls.
    """

    timeout: float | None = None
    memory_mb: int | None = None
    measurement: CallMeasurement | None = None


def estimate_run(
    records: tuple[Record, ...],
    validation: tuple[Record, ...] | None,
    *,
    data: str,
    model: str,
    run: Hyperparameters,
    settings: Settings,
    function: FunctionProfile,
    assignments: Sequence[str],
) -> EstimateReport:
    """Estimate a run. `assignments` sets assumptions, each as `NAME=VALUE`.

    Raises:
        AssumptionError: there is no such assumption, or its value is invalid.
    """
    tokens = mean_response_tokens(records, settings=settings, model=model, run=run)

    def assumptions_for(evaluations: int) -> Assumptions:
        defaults = default_assumptions(
            settings=settings,
            response_tokens=tokens,
            evaluations=evaluations,
            memory_mb=function.memory_mb,
            measured=function.measurement,
            has_validation_file=validation is not None,
        )
        return apply_assignments(defaults, assignments)

    assumptions = assumptions_for(1)
    share = value_of(assumptions, "held_out_share") if validation is None else HELD_OUT_SHARE
    split = split_records(records, validation, share=share, seed=settings.seed, choice=settings.held_out)
    plan = _build_plan(split, run, seed=settings.seed)
    if plan is not None:
        assumptions = assumptions_for(1 + count_checkpoints(plan))  # one evaluation before training
    planned = PlannedRun(
        batch_size=run.batch_size,
        train=len(split.train),
        held_out=len(split.held_out),
        plan=plan,
        rollouts_per_prompt=count_of(assumptions, "rollouts_per_prompt"),
        temperature=value_of(assumptions, "temperature"),
        timeout=function.timeout,
        p95=function.measurement.p95_seconds if function.measurement else None,
    )
    return EstimateReport(
        data=data,
        records=len(records),
        train=planned.train,
        held_out=planned.held_out,
        model=model,
        hyperparameters=run,
        estimate=None if plan is None else calculate_estimate(plan, assumptions),
        assumptions=assumptions,
        findings=check_run(planned),
    )


def _build_plan(split: DatasetSplit, run: Hyperparameters, *, seed: int) -> TrainingPlan | None:
    try:
        return build_plan(split, batch_size=run.batch_size, n_epochs=run.n_epochs, seed=seed)
    except PlanError:
        return None
