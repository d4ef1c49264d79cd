"""The verdict of a doctor report."""

from dataclasses import replace

import pytest

from simulator.doctor.finding import Finding
from tests.doctor.sample_reports import (
    FAIL_FINDING,
    INFO_FINDING,
    NOT_MEASURED_FINDING,
    OK_FINDING,
    WARN_FINDING,
    sample_report,
)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ((OK_FINDING, INFO_FINDING), "No finding speaks against paying for this run."),
        ((OK_FINDING, WARN_FINDING), "1 warning: check it before you pay for this run."),
        ((WARN_FINDING, WARN_FINDING), "2 warnings: check them before you pay for this run."),
        (
            (FAIL_FINDING, FAIL_FINDING, WARN_FINDING, NOT_MEASURED_FINDING),
            "2 failures, 1 warning, 1 of 3 probes not measured: do not pay for this run yet.",
        ),
        (
            (OK_FINDING, NOT_MEASURED_FINDING),
            "No finding speaks against paying for this run, but 1 of 2 probes lack a measurement.",
        ),
        (
            (NOT_MEASURED_FINDING,),
            "Nothing was measured, so the doctor cannot say whether to pay for this run.",
        ),
    ],
)
def test_the_verdict_follows_from_the_worst_finding(findings: tuple[Finding, ...], verdict: str) -> None:
    """With the number of probes that were not measured."""
    assert sample_report(*findings).verdict == verdict


def test_the_verdict_on_selected_probes_names_them() -> None:
    """It says nothing of the others."""
    assert sample_report(OK_FINDING, is_partial=True).verdict == (
        "No finding speaks against paying for this run. Only S10 ran."
    )


@pytest.mark.parametrize(
    ("model", "warning"),
    [
        ("openai.gpt-oss-20b", ""),
        ("openai.gpt-oss-20b-1:0", ""),
        (
            "amazon.nova-lite",
            (
                "The simulation of amazon.nova-lite is a guess: only openai.gpt-oss-20b and qwen.qwen3-32b are fitted "
                "to published runs."
            ),
        ),
    ],
)
def test_an_uncalibrated_model_has_a_warning(model: str, warning: str) -> None:
    """Its profile is derived from that of another model."""
    assert sample_report(OK_FINDING, inputs={"model": model}).calibration_warning == warning


@pytest.mark.parametrize(
    ("finding", "passes"),
    [
        (FAIL_FINDING, (False, False)),
        (WARN_FINDING, (True, False)),
        (NOT_MEASURED_FINDING, (True, False)),
        (replace(NOT_MEASURED_FINDING, is_left_out=True), (True, True)),
        (INFO_FINDING, (True, True)),
    ],
    ids=["failure", "warning", "not measured", "left out by the user", "information"],
)
def test_a_warning_and_what_is_not_measured_fail_only_if_strict(finding: Finding, passes: tuple[bool, bool]) -> None:
    """A failure always does, information never, nor what the user left out."""
    report = sample_report(finding)
    assert (report.passes(strict=False), report.passes(strict=True)) == passes
