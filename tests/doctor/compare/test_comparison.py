"""What an edit of a reward function changed."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

import pytest

from simulator.doctor.compare.comparison import (
    FindingChange,
    ScoreChanges,
    compare_findings,
    compare_reports,
)
from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.finding import Finding, Severity
from simulator.doctor.invocation import CaseResult
from tests.doctor.sample_reports import FAIL_FINDING, HEADLINE, OK_FINDING, WARN_FINDING, sample_report, sample_results


def ok(probe: str) -> Finding:
    """Return a finding that a probe is ok."""
    return replace(OK_FINDING, probe=probe)


def report_with(*scores: float | None, label: str = "right answer") -> DoctorReport:
    """Return a report on responses with these scores."""
    return sample_report(OK_FINDING, results_by_label={label: sample_results(*scores, label=label)})


def test_findings_are_new_fixed_changed_or_the_same() -> None:
    """Those of one probe with another message are one that changed."""
    other = replace(FAIL_FINDING, probe="S9", message="An exploit scores.")
    reworded = replace(other, severity=Severity.WARN, message="A little is paid.")
    changes = compare_findings(
        sample_report(FAIL_FINDING, WARN_FINDING, other, ok("S5")),
        sample_report(ok("S4"), WARN_FINDING, reworded, replace(FAIL_FINDING, probe="S5")),
    )
    assert [finding.probe for finding in changes.new] == ["S5"]
    assert [finding.probe for finding in changes.fixed] == ["S4"]
    assert changes.changed == (FindingChange(old=other, new=reworded),)
    assert changes.same == (WARN_FINDING,)


def test_another_measured_value_is_a_change() -> None:
    """Of the same finding."""
    after = replace(WARN_FINDING, measured="1 of 18 forms")
    changes = compare_findings(sample_report(WARN_FINDING), sample_report(after))
    assert (changes.changed, changes.same) == ((FindingChange(old=WARN_FINDING, new=after),), ())


def test_a_finding_that_the_other_run_could_not_measure_is_not_compared() -> None:
    """A version that raises has not fixed anything."""
    skipped = replace(FAIL_FINDING, severity=Severity.SKIPPED, message="It raises.")
    changes = compare_findings(sample_report(FAIL_FINDING), sample_report(skipped))
    assert (changes.fixed, changes.not_compared) == ((), (FAIL_FINDING,))


@pytest.mark.parametrize(
    ("old", "new", "passes"),
    [
        ((FAIL_FINDING,), (FAIL_FINDING,), True),
        ((FAIL_FINDING,), (ok("S4"),), True),
        ((ok("S4"),), (replace(FAIL_FINDING, severity=Severity.WARN),), True),
        ((ok("S4"),), (FAIL_FINDING,), False),
        ((replace(FAIL_FINDING, severity=Severity.WARN),), (FAIL_FINDING,), False),
    ],
)
def test_only_a_failure_that_the_old_version_has_not_fails(
    old: Sequence[Finding], new: Sequence[Finding], passes: bool
) -> None:
    """An edit may leave failures as they were."""
    assert compare_reports(sample_report(*old), sample_report(*new)).passes is passes


def test_versions_whose_scores_were_not_measured_do_not_pass() -> None:
    """Nothing is known of the edit."""
    comparison = compare_reports(sample_report(OK_FINDING), replace(sample_report(OK_FINDING), is_judged=False))
    assert (comparison.passes, comparison.verdict) == (
        False,
        "The scores of at least one version were not measured, so the two cannot be compared.",
    )


def test_the_scores_of_the_same_responses_are_compared_by_group() -> None:
    """Higher, lower, lost and gained. The means are those of responses with a score in both versions."""
    comparison = compare_reports(report_with(1.0, 0.0, 0.5, 1.0, None), report_with(1.0, 1.0, 0.25, None, 0.5))
    assert comparison.scores == (
        ScoreChanges(group="right answers", count=5, up=1, down=1, lost=1, gained=1, mean_old=0.5, mean_new=0.75),
    )
    assert comparison.verdict == "0 new, 0 fixed, 0 changed, 0 unchanged findings; 4 of 5 scores changed."


@pytest.mark.parametrize(
    ("label", "group"),
    [
        ("right answer, number: in bold", "right answers"),
        ("right answer as boxed", "right answers"),
        ("wrong answer: far off", "wrong answers"),
        ("exploit, number: marker only", "responses without an answer"),
        ("exploit, number: marker only, no reference", "other responses"),
        ("rollout of the base model", "rollouts of the base model"),
        ("odd: null", "other responses"),
    ],
)
def test_a_response_belongs_to_a_group_by_its_label(label: str, group: str) -> None:
    """What is good differs: right answers should score more, and others less."""
    (scores,) = compare_reports(report_with(1.0, label=label), report_with(0.0, label=label)).scores
    assert scores.group == group


def test_equal_responses_to_one_record_are_matched_in_order() -> None:
    """The same rollout may be drawn twice."""
    twice: dict[str, list[CaseResult]] = {"right answer": sample_results(0.0) + sample_results(1.0)}
    comparison = compare_reports(sample_report(OK_FINDING, results_by_label=twice), report_with(0.0, label="x"))
    assert (comparison.scores, comparison.unmatched) == ((), 3)
    same = compare_reports(*[sample_report(OK_FINDING, results_by_label=twice)] * 2)
    assert [(group.count, group.changed) for group in same.scores] == [(2, 0)]


def test_the_largest_differences_are_of_different_kinds_and_a_lost_score_is_the_largest() -> None:
    """So that one kind of response does not hide the others."""
    old = {"a": sample_results(0.0, 0.0, label="a"), "b": sample_results(1.0, label="b"), "c": sample_results(1.0)}
    new = {"a": sample_results(0.5, 1.0, label="a"), "b": sample_results(None, label="b"), "c": sample_results(1.0)}
    reports = [sample_report(OK_FINDING, results_by_label=results) for results in (old, new)]
    largest = compare_reports(*reports).largest
    assert [(pair.label, pair.old.case.record.line, pair.difference) for pair in largest] == [
        ("b", 1, inf),
        ("a", 2, 1),
    ]


def test_the_headline_numbers_stand_side_by_side() -> None:
    """If both versions have them."""
    better = replace(HEADLINE, false_pass_ceiling=replace(HEADLINE.false_pass_ceiling, value=0.0))
    reports = [sample_report(OK_FINDING, headline=headline) for headline in (HEADLINE, better)]
    numbers = compare_reports(*reports).numbers
    assert [(change.name, change.old.value, change.new.value) for change in numbers] == [
        ("false-pass ceiling", 0.4, 0.0),
        ("laziest response", 0.28125, 0.28125),
        ("false-fail rate", 0.05, 0.05),
    ]
    assert compare_reports(sample_report(OK_FINDING), reports[0]).numbers == ()
