"""T2: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.training.t02_saturated import check_saturated
from simulator.doctor.training_trace import (
    TrainingTrace,
)
from tests.doctor.training_traces import (
    BOTH_SCORE,
    NUMBERS,
    PARTIAL_CREDIT,
    UNKNOWN,
    SeverityAndValue,
    make_trace,
    severities_and_values,
)

FAIL, WARN, INFO, SKIPPED, OK = Severity.FAIL, Severity.WARN, Severity.INFO, Severity.SKIPPED, Severity.OK


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        pytest.param(make_trace(rewards=(0.95, 1.0)), (OK, 0.95), id="at the threshold"),
        pytest.param(make_trace(rewards=(0.96, 1.0), group=BOTH_SCORE), (WARN, 0.96), id="wrong ones too"),
        pytest.param(make_trace(rewards=(0.96, 1.0), group=PARTIAL_CREDIT), (WARN, 0.96), id="half for wrong"),
        pytest.param(make_trace(rewards=(0.96, 1.0)), (INFO, 0.96), id="above, for right ones alone"),
        pytest.param(make_trace(rewards=(0.96, 1.0), group=((1.0, True),)), (INFO, 0.96), id="above, all right"),
        pytest.param(make_trace(rewards=(0.96, 1.0), group=UNKNOWN), (WARN, 0.96), id="truth unknown"),
    ],
)
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding."""
    assert severities_and_values(check_saturated([trace])) == [expected]


def test_a_recorded_model_that_earns_nearly_everything_is_a_warning() -> None:
    """The recorded model is real and needs no tuning. For a simulated model it is information."""
    simulated, recorded = make_trace(rewards=(0.96, 1.0)), make_trace(rewards=(0.96, 1.0), recorded_kinds=NUMBERS)
    assert (
        severities_and_values(check_saturated([simulated])),
        severities_and_values(check_saturated([recorded])),
    ) == ([(INFO, 0.96)], [(WARN, 0.96)])
