"""An estimate from beginning to end: the data parted, the run planned, the figures reckoned, and what to say of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.doctor.estimate.assumptions import Assumptions, assumed, usual, value_of, whole
from simulator.doctor.estimate.calculation import Estimate, apart, checkpoints_of, reckoned
from simulator.doctor.estimate.measurement import Measured, mean_response_tokens
from simulator.doctor.estimate.run_checks import Intent, findings_of
from simulator.doctor.finding import Finding
from simulator.settings import Settings
from simulator.training.dataset import HELD_OUT_SHARE, Record
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_plan import Division, Plan, PlanError, planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An estimate with all that it was made of.

    Attributes:
        data: the training file's name.
        records: how many it holds.
        train: how many there are to train on.
        estimate: None where the run cannot take a single step.
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
class Function:
    """What is known of the reward function; None where nothing is said or measured.

    Attributes:
        timeout: in seconds.
        measured: what its calls take.
    """

    timeout: float | None = None
    memory_mb: int | None = None
    measured: Measured | None = None


def told(
    records: tuple[Record, ...],
    validation: tuple[Record, ...] | None,
    *,
    data: str,
    model: str,
    run: Hyperparameters,
    settings: Settings,
    function: Function,
    assignments: Sequence[str],
) -> Told:
    """Estimate a run; `assignments` are assumptions as `NAME=VALUE`.

    Raises:
        AssumptionError: there is no such assumption, or its value cannot be.
    """
    tokens = mean_response_tokens(records, settings=settings, model=model, run=run)

    def assumptions_for(evaluations: int) -> Assumptions:
        usually = usual(
            settings=settings,
            response_tokens=tokens,
            evaluations=evaluations,
            memory_mb=function.memory_mb,
            measured=function.measured,
            own_validation=validation is not None,
        )
        return assumed(usually, assignments)

    assumptions = assumptions_for(1)
    share = value_of(assumptions, "held_out_share") if validation is None else HELD_OUT_SHARE
    division = apart(records, validation, share=share, seed=settings.seed, choice=settings.held_out)
    plan = _plan(division, run, seed=settings.seed)
    if plan is not None:
        assumptions = assumptions_for(1 + checkpoints_of(plan))  # and before any training
    intent = Intent(
        batch_size=run.batch_size,
        train=len(division.train),
        held_out=len(division.held_out),
        plan=plan,
        rollouts_per_prompt=whole(assumptions, "rollouts_per_prompt"),
        temperature=value_of(assumptions, "temperature"),
        timeout=function.timeout,
        p95=function.measured.high if function.measured else None,
    )
    return Told(
        data=data,
        records=len(records),
        train=intent.train,
        held_out=intent.held_out,
        model=model,
        hyperparameters=run,
        estimate=None if plan is None else reckoned(plan, assumptions),
        assumptions=assumptions,
        findings=findings_of(intent),
    )


def _plan(division: Division, run: Hyperparameters, *, seed: int) -> Plan | None:
    try:
        return planned(division, batch_size=run.batch_size, n_epochs=run.n_epochs, seed=seed)
    except PlanError:
        return None
