"""T6: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.training.t06_length import check_length
from simulator.doctor.training_trace import (
    TrainingTrace,
)
from tests.doctor.training_traces import (
    SeverityAndValue,
    make_trace,
    severities_and_values,
)

FAIL, WARN, INFO, SKIPPED, OK = Severity.FAIL, Severity.WARN, Severity.INFO, Severity.SKIPPED, Severity.OK


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        pytest.param(make_trace(lengths=(500.0, 700.0)), (OK, 1.4), id="at the threshold"),
        pytest.param(make_trace(lengths=(500.0, 750.0)), (WARN, 1.5), id="growing"),
        pytest.param(make_trace(lengths=(500.0, 250.0)), (WARN, 0.5), id="shrinking"),
        pytest.param(make_trace(correlation=0.3), (WARN, 0.3), id="length pays"),
        pytest.param(make_trace(correlation=-0.9), (OK, 1.0), id="brevity pays"),
    ],
)
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding."""
    assert severities_and_values(check_length([trace])) == [expected]


def test_longer_responses_and_a_reward_for_length_are_two_findings() -> None:
    """The growth and its cause."""
    assert severities_and_values(check_length([make_trace(lengths=(500.0, 1000.0), correlation=0.7)])) == [
        (WARN, 2.0),
        (WARN, 0.7),
    ]
