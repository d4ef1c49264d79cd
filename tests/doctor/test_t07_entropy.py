"""T7: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.training.t07_entropy import check_entropy
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
        pytest.param(make_trace(entropies=(0.6, 0.3)), (OK, 0.5), id="some left"),
        pytest.param(make_trace(entropies=(0.5, 0.045)), (FAIL, 0.09), id="collapse"),
        pytest.param(make_trace(entropies=(0.5, 0.8)), (WARN, 1.6), id="scattered"),
        pytest.param(make_trace(entropies=(0.0, 0.0)), (SKIPPED, None), id="nothing to decide"),
    ],
)
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding."""
    assert severities_and_values(check_entropy([trace])) == [expected]
