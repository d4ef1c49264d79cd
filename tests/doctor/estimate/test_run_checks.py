"""The run checks E1 to E6."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from simulator.doctor.estimate.calculation import count_checkpoints
from simulator.doctor.estimate.run_checks import PlannedRun, check_run
from simulator.doctor.finding import Finding, findings_pass
from simulator.training.training_plan import TrainingPlan


def plan_for(train: int, *, batch_size: int = 4, n_epochs: int = 1) -> TrainingPlan:
    """Return the plan of a run on this number of training records."""
    return TrainingPlan(train=tuple(range(1, train + 1)), held_out=(), batch_size=batch_size, n_epochs=n_epochs, seed=0)


SOUND_RUN = PlannedRun(
    batch_size=4,
    train=400,
    held_out=100,
    plan=plan_for(400),
    rollouts_per_prompt=8,
    temperature=1.0,
    timeout=300.0,
    p95=0.5,
)


def severities(findings: Sequence[Finding]) -> dict[str, str]:
    """Return the severity of each check."""
    return {finding.probe: finding.severity.value for finding in findings}


def test_a_sound_run_passes_every_check() -> None:
    """E1 to E6."""
    assert severities(check_run(SOUND_RUN)) == {f"E{number}": "ok" for number in range(1, 7)}


@pytest.mark.parametrize(("steps", "severity"), [(9, "fail"), (10, "warn"), (49, "warn"), (50, "ok")])
def test_e1_reports_too_few_steps(steps: int, severity: str) -> None:
    """Fewer than 10 are a failure, fewer than 50 a warning."""
    run = replace(SOUND_RUN, train=steps * 4, plan=plan_for(steps * 4))
    assert severities(check_run(run))["E1"] == severity


def test_each_fix_for_too_few_steps_gives_enough_steps() -> None:
    """A smaller batch or more epochs."""
    run = replace(SOUND_RUN, batch_size=64, train=270, plan=plan_for(270, batch_size=64))
    assert check_run(run)[0].fix == "For 50 steps, use --batch-size 5 or --epochs 13."
    assert plan_for(270, batch_size=5).total_steps >= 50
    assert plan_for(270, batch_size=64, n_epochs=13).total_steps >= 50


def test_e2_fails_if_the_batch_is_larger_than_the_training_records() -> None:
    """Checks that need steps are not measured."""
    assert severities(check_run(replace(SOUND_RUN, batch_size=500, plan=None))) == {
        "E1": "not measured",
        "E2": "fail",
        "E3": "ok",
        "E4": "ok",
        "E5": "not measured",
        "E6": "ok",
    }


@pytest.mark.parametrize(("rollouts", "temperature"), [(1, 1.0), (8, 0.0)])
def test_e3_fails_if_the_rollouts_of_a_prompt_cannot_differ(rollouts: int, temperature: float) -> None:
    """There is one, or all are equal."""
    run = replace(SOUND_RUN, rollouts_per_prompt=rollouts, temperature=temperature)
    assert severities(check_run(run))["E3"] == "fail"


@pytest.mark.parametrize(
    ("timeout", "p95", "severity"),
    [
        (10.0, 5.0, "ok"),
        (10.0, 5.1, "fail"),
        (None, 1.5, "ok"),
        (None, 1.6, "warn"),
        (10.0, None, "not measured"),
    ],
)
def test_e4_needs_a_time_out_of_twice_the_p95(timeout: float | None, p95: float | None, severity: str) -> None:
    """Without a known time-out, Lambda's default of 3 seconds gives only a warning."""
    assert severities(check_run(replace(SOUND_RUN, timeout=timeout, p95=p95)))["E4"] == severity


@pytest.mark.parametrize(
    ("train", "n_epochs", "severity"), [(400, 1, "ok"), (402, 1, "info"), (43, 1, "warn"), (43, 9, "ok")]
)
def test_e5_reports_unused_training_records(train: int, n_epochs: int, severity: str) -> None:
    """More than 5 % are a warning. With more epochs each record is used."""
    run = replace(SOUND_RUN, train=train, plan=plan_for(train, n_epochs=n_epochs))
    assert severities(check_run(run))["E5"] == severity


@pytest.mark.parametrize(("held_out", "severity"), [(0, "info"), (99, "info"), (100, "ok")])
def test_e6_reports_few_held_out_records(held_out: int, severity: str) -> None:
    """As information, because the run itself is not affected."""
    assert severities(check_run(replace(SOUND_RUN, held_out=held_out)))["E6"] == severity


@pytest.mark.parametrize(
    ("run", "passes"),
    [
        (SOUND_RUN, (True, True)),
        (replace(SOUND_RUN, held_out=0), (True, True)),
        (replace(SOUND_RUN, timeout=None, p95=2.0), (True, False)),
        (replace(SOUND_RUN, rollouts_per_prompt=1), (False, False)),
    ],
    ids=["sound", "information", "warning", "failure"],
)
def test_a_warning_fails_only_if_strict(run: PlannedRun, passes: tuple[bool, bool]) -> None:
    """A failure always does, information never."""
    findings = check_run(run)
    assert (findings_pass(findings, strict=False), findings_pass(findings, strict=True)) == passes


@pytest.mark.parametrize(("train", "n_epochs"), [(4, 1), (80, 1), (84, 1), (267, 1), (4, 50)])
def test_the_number_of_checkpoints_is_that_of_the_plan(train: int, n_epochs: int) -> None:
    """It is calculated without the list."""
    plan = plan_for(train, n_epochs=n_epochs)
    assert count_checkpoints(plan) == len(plan.checkpoint_steps)
