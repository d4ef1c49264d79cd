"""The assumptions of an estimate: their defaults, evidence and assignments."""

from dataclasses import replace

import pytest

from simulator.doctor.estimate.assumptions import AssumptionError, Assumptions, apply_assignments, default_assumptions
from simulator.doctor.estimate.measurement import CallMeasurement
from simulator.settings import Settings
from tests.doctor.estimate.sample_estimates import MEASUREMENT


def assumptions_with(*assignments: str, measured: CallMeasurement | None = None) -> Assumptions:
    """Return the assumptions after these assignments."""
    defaults = default_assumptions(
        settings=Settings(),
        response_tokens=300.0,
        evaluations=5,
        memory_mb=None,
        measured=measured,
        has_validation_file=False,
    )
    return apply_assignments(defaults, assignments)


def test_every_assumption_has_its_evidence_and_a_reason() -> None:
    """The basis is one of five."""
    bases = {"DOCUMENTED", "SAMPLE", "OBSERVED", "INFERRED", "SIMULATED"}
    assert [
        assumption.name
        for assumption in assumptions_with().values()
        if assumption.basis not in bases or not assumption.reason
    ] == []


def test_measured_values_have_the_basis_measured() -> None:
    """On this machine a processor is whole, but a function with 512 MB has 3.46 times less of one."""
    assumptions = assumptions_with(measured=MEASUREMENT)
    names = ("call_seconds_low", "call_seconds_high", "log_bytes_per_call", "slowdown_high")
    assert {name: (assumptions[name].value, assumptions[name].basis) for name in names} == {
        "call_seconds_low": (0.0101, "MEASURED"),
        "call_seconds_high": (0.0204, "MEASURED"),
        "log_bytes_per_call": (700, "MEASURED"),
        "slowdown_high": (3.46, "DOCUMENTED"),
    }


def test_calls_that_were_measured_at_aws_are_not_slowed_down() -> None:
    """They ran on the processor of the job."""
    remote = replace(MEASUREMENT, is_remote=True)
    assert assumptions_with(measured=remote)["slowdown_high"].value == 1.0


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("rollouts_per_promt=4", "Did you mean rollouts_per_prompt?"),
        ("rollouts_per_prompt", " is not NAME=VALUE of one of rollouts_per_prompt, temperature,"),
        ("rollouts_per_prompt=many", "'many' is not a number"),
        ("rollouts_per_prompt=0", "give a whole number of at least 1"),
        ("rollouts_per_call=1.5", "give a whole number of at least 1"),
        ("call_seconds_low=-1", "give a number of at least 0"),
        ("call_seconds_low=nan", "give a number of at least 0"),
        ("held_out_share=1", "give at most 0.9"),
    ],
)
def test_an_invalid_assignment_is_refused_with_the_reason(assignment: str, message: str) -> None:
    """An unknown name, or a value that is not allowed."""
    with pytest.raises(AssumptionError) as error:
        assumptions_with(assignment)
    assert str(error.value).startswith(assignment)
    assert message in str(error.value)
