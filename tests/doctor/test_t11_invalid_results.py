"""T11: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.training.t11_invalid_results import check_invalid_results
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
        pytest.param(make_trace(), (OK, 0.0), id="all scored"),
        pytest.param(make_trace(steps=3, total_steps=20, error="no id"), (FAIL, 3.0), id="cut short"),
        pytest.param(make_trace(steps=0, total_steps=0, error="no batch"), (SKIPPED, None), id="the data's fault"),
    ],
)
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding."""
    assert severities_and_values(check_invalid_results([trace])) == [expected]
