"""The assumptions of an estimate, each with a name, a value that the user can set, and its evidence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import isfinite
from typing import Final, TypeAlias

from simulator.doctor.estimate.measurement import CallMeasurement
from simulator.parity.evidence import Evidence
from simulator.settings import Settings
from simulator.training.dataset import HELD_OUT_SHARE
from simulator.training.hyperparameters import Hyperparameters
from simulator.training.training_plan import CHECKPOINT_INTERVAL

GIVEN: Final = "GIVEN"
MEASURED: Final = "MEASURED"
SIMULATED: Final = "SIMULATED"

TRAINING_PRICE_NAME: Final = "training_usd_per_hour"

MB_PER_VCPU: Final = 1_769
"""The memory for which Lambda gives one processor (DOCUMENTED: "Configure Lambda function memory")."""

_DEFAULT_RUN: Final = Hyperparameters()


class AssumptionError(Exception):
    """There is no such assumption, or its value is invalid. The message lists the assumptions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """A number that an estimate needs and that is not known for certain.

    Attributes:
        name: the name, which is stable, so scripts may set it.
        value: the value. If it is None, the estimate leaves out what depends on it.
        unit: the unit in words.
        basis: DOCUMENTED, SAMPLE, OBSERVED or INFERRED, or MEASURED on this machine, SIMULATED, or GIVEN by the user.
        reason: the source of the value, in a sentence.
        is_count: the value is a whole number of at least 1.
        maximum: the largest allowed value.
    """

    name: str
    value: float | None
    unit: str
    basis: str
    reason: str
    is_count: bool = False
    maximum: float | None = None


Assumptions: TypeAlias = Mapping[str, Assumption]


def default_assumptions(
    *,
    settings: Settings,
    response_tokens: float,
    evaluations: int,
    memory_mb: int | None,
    measured: CallMeasurement | None,
    has_validation_file: bool,
) -> tuple[Assumption, ...]:
    """Return every assumption with its default value.

    Args:
        settings: the simulator's settings, which hold some of the values.
        response_tokens: the mean length of the simulated base model's responses to these records.
        evaluations: the number of evaluations of the held-out records in the plan.
        memory_mb: the function's memory, if it is known.
        measured: the measurement of the function's calls, if there is one.
        has_validation_file: the held-out records come from a validation file.
    """
    return (
        *_run_assumptions(response_tokens, evaluations=evaluations, has_validation_file=has_validation_file),
        *_call_assumptions(settings, memory_mb, measured),
        *_time_assumptions(settings),
        *_PRICES,
    )


def apply_assignments(assumptions: Iterable[Assumption], assignments: Sequence[str]) -> Assumptions:
    """Return the assumptions by name, with the values of assignments such as `rollouts_per_call=32`.

    Raises:
        AssumptionError: there is no such assumption, or its value is invalid.
    """
    by_name = {assumption.name: assumption for assumption in assumptions}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name = name.strip()
        if not equals or name not in by_name:
            matches = get_close_matches(name, by_name, n=1)
            suggestion = f" Did you mean {matches[0]}?" if matches else ""
            raise AssumptionError(f"{assignment} is not NAME=VALUE of one of {', '.join(by_name)}.{suggestion}")
        by_name[name] = _assign(by_name[name], text, assignment)
    return by_name


def value_of(assumptions: Assumptions, name: str) -> float:
    """Return the value of an assumption.

    Raises:
        KeyError: the value is not known.
    """
    value = assumptions[name].value
    if value is None:
        raise KeyError(name)
    return value


def count_of(assumptions: Assumptions, name: str) -> int:
    """Return the value of an assumption as a whole number."""
    return round(value_of(assumptions, name))


def _assign(assumption: Assumption, text: str, assignment: str) -> Assumption:
    try:
        value = float(text)
    except ValueError:
        raise AssumptionError(f"{assignment}: {text!r} is not a number") from None
    if not isfinite(value) or value < 0:
        raise AssumptionError(f"{assignment}: give a number of at least 0")
    if assumption.is_count and (value < 1 or value != int(value)):
        raise AssumptionError(f"{assignment}: give a whole number of at least 1")
    if assumption.maximum is not None and value > assumption.maximum:
        raise AssumptionError(f"{assignment}: give at most {assumption.maximum:g}")
    return replace(assumption, value=value, basis=GIVEN, reason="")


def _run_assumptions(response_tokens: float, *, evaluations: int, has_validation_file: bool) -> Iterable[Assumption]:
    yield Assumption(
        name="rollouts_per_prompt",
        value=_DEFAULT_RUN.rollouts_per_prompt,
        unit="rollouts",
        basis=Evidence.INFERRED.name,
        reason="Amazon's sample has multiples of 1/32 at batches of 4.",
        is_count=True,
    )
    yield Assumption(
        name="temperature",
        value=_DEFAULT_RUN.temperature,
        unit="",
        basis=Evidence.INFERRED.name,
        reason="verl's default, and SageMaker's for Nova.",
    )
    if not has_validation_file:
        yield Assumption(
            name="held_out_share",
            value=HELD_OUT_SHARE,
            unit="of the records",
            basis=Evidence.INFERRED.name,
            reason="Of 300 records 270 make Amazon's 67 steps of 4.",
            maximum=0.9,
        )
    yield Assumption(
        name="evaluations",
        value=evaluations,
        unit="times",
        basis=Evidence.INFERRED.name,
        reason=f"Before training and at each checkpoint: every {CHECKPOINT_INTERVAL} steps, and the last.",
        is_count=True,
    )
    yield Assumption(
        name="rollouts_per_held_out_record",
        value=1,
        unit="rollouts",
        basis=Evidence.INFERRED.name,
        reason="verl's mean@1.",
        is_count=True,
    )
    yield Assumption(
        name="response_tokens",
        value=round(response_tokens),
        unit="tokens",
        basis=SIMULATED,
        reason="The base model's mean on these records, with its thinking.",
    )


def _call_assumptions(
    settings: Settings, memory_mb: int | None, measured: CallMeasurement | None
) -> Iterable[Assumption]:
    grading = settings.grading
    memory = memory_mb or 512
    yield Assumption(
        name="rollouts_per_call",
        value=grading.rollouts_per_call,
        unit="rollouts",
        basis=Evidence.INFERRED.name,
        reason="Not published. The default is the group of one prompt.",
        is_count=True,
    )
    yield Assumption(
        name="concurrent_calls",
        value=64,
        unit="calls",
        basis=Evidence.INFERRED.name,
        reason="Not published. SageMaker has 64 to 100.",
        is_count=True,
    )
    yield Assumption(
        name="memory_mb",
        value=memory,
        unit="MB",
        basis=GIVEN if memory_mb else Evidence.SAMPLE.name,
        reason="The function's MemorySize." if memory_mb else "Amazon's notebook and `rft deploy` use it.",
        is_count=True,
    )
    yield Assumption(
        name="call_seconds_low",
        value=_round_seconds(measured.median_seconds) if measured else 0.01,
        unit="s",
        basis=MEASURED if measured else Evidence.INFERRED.name,
        reason="The median of calls on this machine."
        if measured
        else "A few comparisons. --reward measures the calls.",
    )
    yield Assumption(
        name="call_seconds_high",
        value=_round_seconds(measured.p95_seconds) if measured else 2.0,
        unit="s",
        basis=MEASURED if measured else Evidence.INFERRED.name,
        reason="The p95 on this machine." if measured else "A call of a judge model. --reward measures the calls.",
    )
    is_local = measured is not None and not measured.is_remote
    yield Assumption(
        name="slowdown_high",
        value=round(max(1.0, MB_PER_VCPU / memory), 2) if is_local else 1.0,
        unit="times call_seconds_high",
        basis=Evidence.DOCUMENTED.name if is_local else Evidence.INFERRED.name,
        reason=f"Lambda gives one processor for each {MB_PER_VCPU:,} MB of memory."
        if is_local
        else "No call was measured on this machine.",
    )
    yield Assumption(
        name="log_bytes_per_call",
        value=round(measured.log_bytes) if measured else 400,
        unit="bytes",
        basis=MEASURED if measured else Evidence.OBSERVED.name,
        reason="Lambda's lines and those of the function." if measured else "Lambda's START, END and REPORT lines.",
    )


def _round_seconds(seconds: float) -> float:
    return float(f"{seconds:.3g}")


def _time_assumptions(settings: Settings) -> Iterable[Assumption]:
    durations = settings.durations
    few_hours = 'AWS: a run takes "a few hours".'
    for name, value, unit, reason in (
        ("start_seconds_low", 60, "s", "From the job's creation to its first step."),
        ("start_seconds_high", 1_800, "s", "Likewise. The queue is not published."),
        ("step_seconds_low", durations.per_step / 2, "s", f"A step without its sampling. {few_hours}"),
        ("step_seconds_high", durations.per_step * 2, "s", "Likewise."),
        ("tokens_per_second_low", durations.tokens_per_second / 2, "tokens/s", f"Sampling. {few_hours}"),
        ("tokens_per_second_high", durations.tokens_per_second * 4, "tokens/s", "Likewise."),
    ):
        yield Assumption(name=name, value=value, unit=unit, basis=Evidence.INFERRED.name, reason=reason)


_PRICES: Final = (
    Assumption(
        name="lambda_usd_per_gb_second",
        value=0.0000166667,
        unit="USD",
        basis=Evidence.DOCUMENTED.name,
        reason="AWS Lambda pricing, us-west-2, x86, without the free 400,000 GB-seconds a month.",
    ),
    Assumption(
        name="lambda_usd_per_million_calls",
        value=0.20,
        unit="USD",
        basis=Evidence.DOCUMENTED.name,
        reason="AWS Lambda pricing, us-west-2, without the free million calls a month.",
    ),
    Assumption(
        name="log_usd_per_gb",
        value=0.50,
        unit="USD",
        basis=Evidence.DOCUMENTED.name,
        reason="Amazon CloudWatch pricing, us-west-2: log ingestion.",
    ),
    Assumption(
        name=TRAINING_PRICE_NAME,
        value=None,
        unit="USD",
        basis=Evidence.INFERRED.name,
        reason="Not published for these models, so the cost of training is left out. See the Bedrock pricing page.",
    ),
)
