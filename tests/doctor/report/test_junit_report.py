"""The report as JUnit XML."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Finding, Severity
from simulator.doctor.report.annotations import Annotations
from simulator.doctor.report.baseline import BaselineComparison
from simulator.doctor.report.junit_report import render_junit
from simulator.http.service_calls import ServiceCalls
from tests.doctor.sample_reports import FAIL_FINDING, FULL_REPORT, NOT_MEASURED_FINDING, WARN_FINDING, sample_report


def suite_of(report: DoctorReport, *, strict: bool = False) -> ET.Element:
    """Return the test suite of a report."""
    return ET.fromstring(render_junit(report, strict=strict))[0]


def test_each_probe_is_a_test_case() -> None:
    """A failure fails it, a warning is output of a case that passes, and what was not measured is skipped."""
    suite = suite_of(FULL_REPORT)
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "0", "skipped": "1"}
    assert [
        (case.get("classname"), case.get("name"), [child.tag for child in case]) for case in suite.iter("testcase")
    ] == [
        ("reward", "S10 determinism", ["system-out"]),
        ("reward", "S4 wire shapes", ["failure"]),
        ("reward", "S7 false negatives", ["system-out"]),
        ("reward", "T8 held-out gap", ["skipped"]),
        ("reward", "T14 learning rate", ["system-out"]),
    ]


def test_a_warning_and_what_is_not_measured_fail_their_cases_if_strict() -> None:
    """The command fails too."""
    failures = suite_of(FULL_REPORT, strict=True).iter("failure")
    assert [(failure.get("type"), failure.get("message")) for failure in failures] == [
        ("fail", FAIL_FINDING.message),
        ("warn", WARN_FINDING.message),
        ("not measured", NOT_MEASURED_FINDING.message),
    ]


def test_a_failure_that_a_baseline_knows_does_not_fail_its_case() -> None:
    """A new one does, and neither does one that cannot be compared."""
    other, third = (replace(FAIL_FINDING, probe=probe) for probe in ("S5", "S9"))
    annotations = Annotations(comparison=BaselineComparison(new=(other,), known=(FAIL_FINDING,), not_compared=(third,)))
    report = sample_report(FAIL_FINDING, other, third)
    suite = ET.fromstring(render_junit(report, strict=False, annotations=annotations))[0]
    cases = [(str(case.get("name")).split()[0], case[0].tag) for case in suite.iter("testcase")]
    assert cases == [("S4", "system-out"), ("S5", "failure"), ("S9", "system-out")]


def test_a_case_contains_the_whole_finding() -> None:
    """The measured value, the threshold, the fix, the page and the examples."""
    (failure,) = suite_of(sample_report(FAIL_FINDING)).iter("failure")
    assert str(failure.text).splitlines()[:8] == [
        f"fail: {FAIL_FINDING.message}",
        "measured: 0 of 32 right answers",
        "threshold: above 0",
        f"fix: {FAIL_FINDING.fix}",
        "page: docs/findings.md#s4",
        f"  line 12, prompt: {FAIL_FINDING.examples[0].prompt}",
        "  response: In April Natalia sold 48 clips.↵In May she sold 48 / 2 = 24 clips.↵↵#### 72",
        '  score: 0 (reference {"text": "72"})',
    ]


def test_the_findings_of_one_probe_are_one_case() -> None:
    """It fails if one of them is a failure, and contains the others."""
    info = Finding(probe="S4", name="wire shapes", severity=Severity.INFO, message="It reads the root.")
    cases = suite_of(sample_report(info, FAIL_FINDING)).iter("testcase")
    assert [[child.tag for child in case] for case in cases] == [["failure", "system-out"]]


def test_failed_calls_of_the_function_are_the_first_test_case() -> None:
    """It fails, because the scores were not measured."""
    failed = ServiceCalls(service="s3", calls=9, failed=8, error="Denied: no")
    suite = suite_of(replace(sample_report(WARN_FINDING), failed_calls=(failed,)))
    case = next(suite.iter("testcase"))
    assert (suite.get("tests"), suite.get("failures"), case.get("name"), case[0].get("message")) == (
        *("2", "1", "calls to s3"),
        "8 of 9 calls to s3 failed; these scores are the function's fallback: Denied: no",
    )
