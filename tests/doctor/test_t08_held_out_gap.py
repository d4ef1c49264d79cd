"""T8: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.training.t08_held_out_gap import check_held_out_gap
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
        pytest.param(make_trace(rewards=(0.5, 0.9), held_out=0.5, held_out_records=99), (SKIPPED, None), id="too few"),
        pytest.param(make_trace(rewards=(0.5, 0.9), held_out=0.86, held_out_records=100), (OK, 0.04), id="no gap"),
        pytest.param(make_trace(rewards=(0.5, 1.0), held_out=0.93, held_out_records=200), (WARN, 0.07), id="a gap"),
        pytest.param(make_trace(rewards=(0.5, 1.0), held_out=0.5, held_out_records=100), (FAIL, 0.5), id="a wide gap"),
        pytest.param(make_trace(rewards=(0.5, 0.6), held_out=0.5, held_out_records=100), (OK, 0.1), id="within chance"),
    ],
)
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding."""
    assert severities_and_values(check_held_out_gap([trace])) == [expected]
