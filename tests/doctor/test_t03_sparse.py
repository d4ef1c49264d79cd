"""T3: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.training.t03_sparse import check_sparse
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
        pytest.param(make_trace(rewards=(0.05, 0.3)), (OK, 0.05), id="at the threshold"),
        pytest.param(make_trace(rewards=(0.04, 0.3)), (FAIL, 0.04), id="sparse"),
        pytest.param(make_trace(rewards=(0.06, 0.1)), (FAIL, 0.1), id="a plateau"),
        pytest.param(make_trace(rewards=(0.06, 0.14)), (WARN, 0.14), id="low but rising"),
    ],
)
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding."""
    assert severities_and_values(check_sparse([trace])) == [expected]
