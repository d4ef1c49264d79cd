"""T10: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.training.t10_zero_gradients import check_zero_gradients
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
        pytest.param(make_trace(zero_steps=10), (OK, 0.5), id="half of the steps"),
        pytest.param(make_trace(zero_steps=11), (FAIL, 0.55), id="more than half"),
        pytest.param(make_trace(steps=4, zero_steps=4), (FAIL, 1.0), id="of few steps"),
        pytest.param(make_trace(steps=40, live_steps=15), (INFO, 0.625), id="after the reward rose"),
        pytest.param(
            make_trace(steps=40, live_steps=15, rewards=(0.5, 0.5)), (FAIL, 0.625), id="after it did not rise"
        ),
        pytest.param(make_trace(zero_steps=19, rewards=(0.98, 0.98)), (INFO, 0.95), id="of a task that is too easy"),
        pytest.param(make_trace(zero_steps=20, rewards=(1.0, 1.0)), (FAIL, 1.0), id="of a reward that is always 1"),
        pytest.param(make_trace(steps=40, live_steps=4), (FAIL, 0.9), id="from almost the beginning"),
    ],
)
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding. A dead step's gradient norm is not 0: the KL penalty leaves 2e-7."""
    assert severities_and_values(check_zero_gradients([trace])) == [expected]
