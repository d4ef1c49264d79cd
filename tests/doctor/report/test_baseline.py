"""Baselines: which findings are new, known and fixed."""

from dataclasses import replace

import pytest

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Finding, Severity
from simulator.doctor.probe_runner import TRAINING_SKIPPED
from simulator.doctor.report.baseline import (
    Baseline,
    BaselineComparison,
    BaselineFileError,
    baseline_from_report,
    compare_with_baseline,
    describe_comparison,
    parse_baseline,
    render_baseline,
)
from tests.doctor.sample_reports import FAIL_FINDING, FULL_REPORT, INFO_FINDING, OK_FINDING, WARN_FINDING, sample_report


def ok(probe: str) -> Finding:
    """Return a finding that a probe is ok."""
    return Finding(probe=probe, name="x", severity=Severity.OK, message="Well.")


def compare(before: DoctorReport, now: DoctorReport) -> BaselineComparison:
    """Return the comparison through the file format."""
    return compare_with_baseline(parse_baseline(render_baseline(baseline_from_report(before))), now)


def names(findings: tuple[Finding, ...]) -> list[str]:
    """Return the probes of findings."""
    return [finding.probe for finding in findings]


def test_a_file_holds_the_failures_and_warnings_without_examples() -> None:
    """And reads back as it was written."""
    baseline = baseline_from_report(FULL_REPORT)
    read = parse_baseline(render_baseline(baseline))
    assert (read.inputs, read.probes) == (baseline.inputs, baseline.probes)
    assert [(finding.probe, finding.severity, finding.measured) for finding in read.findings] == [
        ("S4", Severity.FAIL, "0 of 32 right answers"),
        ("S7", Severity.WARN, "3 of 18 forms"),
    ]


def test_a_finding_is_new_known_or_fixed() -> None:
    """Information and what is ok are not part of a baseline."""
    comparison = compare(
        sample_report(FAIL_FINDING, WARN_FINDING, ok("S5")),
        sample_report(ok("S4"), WARN_FINDING, INFO_FINDING, OK_FINDING, replace(FAIL_FINDING, probe="S5")),
    )
    assert [names(group) for group in (comparison.new, comparison.known, comparison.fixed)] == [["S5"], ["S7"], ["S4"]]
    assert comparison.summary == "1 new, 1 known, 1 fixed"
    assert describe_comparison(comparison) == (
        f"new: fail S5 wire shapes: {FAIL_FINDING.message}",
        f"fixed: fail S4 wire shapes: {FAIL_FINDING.message}",
    )


def test_another_number_in_the_message_is_the_same_finding() -> None:
    """And other rows are too: only the scores of golden files need the same inputs."""
    before = replace(FAIL_FINDING, message="12 of 32 rows lose 0.5.")
    now = sample_report(replace(before, message="3 of 8 rows lose 0.25."), inputs={"rows": "8"})
    comparison = compare(sample_report(before), now)
    assert (names(comparison.known), comparison.changed_inputs) == (["S4"], ("rows",))
    assert describe_comparison(comparison) == ("The inputs differ: rows.",)


@pytest.mark.parametrize(
    ("before", "now", "is_new"),
    [
        (Severity.WARN, Severity.FAIL, True),
        (Severity.FAIL, Severity.WARN, False),
        (Severity.FAIL, Severity.FAIL, False),
    ],
)
def test_a_finding_that_became_worse_is_new(before: Severity, now: Severity, *, is_new: bool) -> None:
    """A warning of the baseline does not cover a failure."""
    first, second = (sample_report(replace(FAIL_FINDING, severity=severity)) for severity in (before, now))
    assert bool(compare(first, second).new) is is_new


def test_a_finding_is_counted_once() -> None:
    """One known finding covers one of two equal ones."""
    comparison = compare(sample_report(FAIL_FINDING), sample_report(FAIL_FINDING, FAIL_FINDING))
    assert (len(comparison.known), len(comparison.new)) == (1, 1)


def test_what_the_run_cannot_measure_is_not_fixed() -> None:
    """A function that raises does not get rid of its findings."""
    skipped = replace(FAIL_FINDING, severity=Severity.SKIPPED, message="It raises.")
    comparison = compare(sample_report(FAIL_FINDING), sample_report(skipped))
    assert (comparison.fixed, names(comparison.not_measured)) == ((), ["S4"])
    assert comparison.summary == "0 new, 0 known, 0 fixed, 1 not measured now"


def test_only_probes_of_both_runs_are_compared() -> None:
    """The run of the baseline had no training: a finding of training is neither new nor known, and is listed."""
    training = replace(FAIL_FINDING, probe="T1")
    untrained = replace(training, severity=Severity.SKIPPED, message=TRAINING_SKIPPED)
    comparison = compare(sample_report(OK_FINDING, untrained), sample_report(OK_FINDING, training))
    assert (comparison.new, names(comparison.not_compared), comparison.passes(strict=True)) == ((), ["T1"], True)


def test_what_the_plan_of_the_baseline_left_out_is_not_compared() -> None:
    """A larger plan finds more, and that is no new fault. A smaller one does not mend anything."""
    failure = replace(FAIL_FINDING, probe="S13")
    left_out = replace(failure, severity=Severity.SKIPPED, message="The plan leaves it out.")
    minimal = replace(sample_report(OK_FINDING, left_out), plan="minimal")
    full = sample_report(OK_FINDING, failure)
    grown, shrunk = compare(minimal, full), compare(full, minimal)
    assert (grown.new, names(grown.not_compared)) == ((), ["S13"])
    assert (shrunk.fixed, names(shrunk.not_measured)) == ((), ["S13"])


def test_a_failure_of_a_probe_that_a_broken_function_kept_from_measuring_is_new() -> None:
    """The run of the baseline was to measure it."""
    skipped = replace(FAIL_FINDING, severity=Severity.SKIPPED, message="It raises.")
    assert names(compare(sample_report(OK_FINDING, skipped), sample_report(OK_FINDING, FAIL_FINDING)).new) == ["S4"]


@pytest.mark.parametrize(
    ("new", "passes"), [((), (True, True)), ((WARN_FINDING,), (True, False)), ((FAIL_FINDING,), (False, False))]
)
def test_only_new_failures_count_and_new_warnings_if_strict(
    new: tuple[Finding, ...], passes: tuple[bool, bool]
) -> None:
    """Known failures pass."""
    comparison = BaselineComparison(new=new, known=(FAIL_FINDING,))
    assert (comparison.passes(strict=False), comparison.passes(strict=True)) == passes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this is not a file that --baseline wrote: Expecting value"),
        ("[]", "this is not a file that --baseline wrote: it needs inputs, probes, findings"),
        ('{"inputs": {}, "probes": [], "findings": []}', "schema_version is None, and this release reads 1"),
        (
            '{"schema_version": 1, "inputs": {}, "probes": [], "findings": [{"probe": "S1"}]}',
            "finding 1 needs the texts probe, name, severity, what, measured",
        ),
        (
            render_baseline(Baseline(inputs={}, probes=frozenset(), findings=(OK_FINDING,))),
            "finding 1 has the severity 'ok', not fail or warn",
        ),
    ],
)
def test_another_file_is_refused(text: str, message: str) -> None:
    """The message says what is missing."""
    with pytest.raises(BaselineFileError) as caught:
        parse_baseline(text)
    assert str(caught.value).startswith(message)
