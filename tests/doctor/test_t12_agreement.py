"""T12: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.training.t12_agreement import check_agreement
from simulator.doctor.training_trace import (
    RED_TEAM,
    SIMULATED_RED_TEAM,
    TrainingTrace,
)
from tests.doctor.training_traces import (
    ANSWER_CHECK_NOTE,
    BOTH_SCORE,
    NUMBERS,
    TEXTS,
    UNKNOWN,
    SeverityAndValue,
    make_trace,
    severities_and_values,
)

FAIL, WARN, INFO, SKIPPED, OK = Severity.FAIL, Severity.WARN, Severity.INFO, Severity.SKIPPED, Severity.OK


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        pytest.param(make_trace(), (OK, 1.0), id="right ones ahead"),
        pytest.param(make_trace(group=((0.0, True), (1.0, False))), (FAIL, 0.0), id="inverted"),
        pytest.param(make_trace(group=BOTH_SCORE, last_group=((1.0, True), (0.0, False))), (WARN, 0.75), id="half"),
        pytest.param(make_trace(group=((0.0, True), (1.0, True), (0.0, False))), (OK, 1.0), id="a form not accepted"),
        pytest.param(make_trace(group=BOTH_SCORE), (SKIPPED, None), id="one score"),
        pytest.param(make_trace(group=((1.0, True),)), (SKIPPED, None), id="no wrong one"),
        pytest.param(make_trace(group=UNKNOWN), (SKIPPED, None), id="truth unknown"),
    ],
)
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding."""
    assert severities_and_values(check_agreement([trace])) == [expected]


def test_exploits_do_not_count_as_wrong_answers() -> None:
    """T12 reads the red team's run without its exploits, which T9 and T13 measure."""
    attempts = ((1.0, True), (0.0, False))
    hacked = make_trace(RED_TEAM, group=attempts, last_group=((0.9, True), (1.0, False)), exploit="judge_injection")
    assert severities_and_values(check_agreement([make_trace(group=BOTH_SCORE), hacked])) == [(OK, 1.0)]


def test_agreement_is_measured_on_the_recorded_responses() -> None:
    """They are real, and the red team's are simulated."""
    hunted = make_trace(SIMULATED_RED_TEAM)
    (finding,) = check_agreement([make_trace(recorded_kinds=NUMBERS, group=((0.0, True), (1.0, False))), hunted])
    assert (finding.severity, finding.measured) == (
        FAIL,
        "0.00; our answer check decides which responses are right",
    )


def test_a_failure_on_free_text_is_only_a_warning() -> None:
    """The answer check may count a recorded text in other words as wrong, so it is only said to differ."""
    (finding,) = check_agreement([make_trace(recorded_kinds=TEXTS, group=((0.0, True), (1.0, False)))])
    assert (finding.severity, finding.measured) == (WARN, f"0.00{ANSWER_CHECK_NOTE}")
    assert (finding.message, finding.examples[0].note) == (
        "Many responses that differ from the reference score like those that agree.",
        "it differs from the reference",
    )
