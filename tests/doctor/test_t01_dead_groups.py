"""T1: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Example, Severity
from simulator.doctor.probes.training.t01_dead_groups import check_dead_groups
from simulator.doctor.training_trace import (
    TrainingTrace,
)
from tests.doctor.training_traces import (
    BOTH_SCORE,
    SeverityAndValue,
    make_trace,
    severities_and_values,
)

FAIL, WARN, INFO, SKIPPED, OK = Severity.FAIL, Severity.WARN, Severity.INFO, Severity.SKIPPED, Severity.OK


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        pytest.param(make_trace(), (OK, 0.0), id="groups that differ"),
        pytest.param(make_trace(group=BOTH_SCORE), (FAIL, 1.0), id="right and wrong score the same"),
        pytest.param(make_trace(group=((1.0, True), (1.0, True))), (SKIPPED, None), id="nothing but right ones"),
        pytest.param(make_trace(group=((0.0, None), (0.0, None))), (FAIL, 1.0), id="truth unknown"),
    ],
)
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding."""
    assert severities_and_values(check_dead_groups([trace])) == [expected]


def test_a_dead_group_is_not_said_to_hold_wrong_rollouts_where_that_is_not_known() -> None:
    """No right answer to compare with."""
    (finding,) = check_dead_groups([make_trace(group=((0.0, None), (0.0, None)))])
    assert finding.message == "In most groups every rollout gets the same reward."


def test_the_examples_of_a_dead_group_are_a_right_and_a_wrong_rollout() -> None:
    """They are two responses to one prompt with one score."""
    (finding,) = check_dead_groups([make_trace(group=BOTH_SCORE)])
    assert finding.examples == (
        Example(line=1, prompt="prompt 1", response="step 1, rollout 0", score=1.0, note="it is really right"),
        Example(
            line=1,
            prompt="prompt 1",
            response="step 1, rollout 1",
            score=1.0,
            note="it is really wrong, to the same prompt",
        ),
    )
