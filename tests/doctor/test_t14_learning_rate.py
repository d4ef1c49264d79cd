"""T14: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.training.t14_learning_rate import check_learning_rate
from simulator.doctor.training_trace import (
    HIGHER_RATE,
    LOWER_RATE,
    PolicyQuality,
    TrainingTrace,
)
from tests.doctor.training_traces import (
    make_trace,
    severities_and_values,
)

FAIL, WARN, INFO, SKIPPED, OK = Severity.FAIL, Severity.WARN, Severity.INFO, Severity.SKIPPED, Severity.OK


def test_a_learning_rate_with_a_much_higher_reward_is_suggested() -> None:
    """With the last reward of each rate."""
    (finding,) = check_learning_rate(
        [make_trace(), make_trace(LOWER_RATE, rewards=(0.5, 0.6)), make_trace(HIGHER_RATE, rewards=(0.5, 0.9))]
    )
    assert (finding.severity, finding.value, finding.measured) == (INFO, 3.0, "x0.3: 0.600; x1: 0.800; x3: 0.900")


@pytest.mark.parametrize(
    "faster",
    [
        pytest.param(make_trace(HIGHER_RATE, rewards=(0.5, 0.85)), id="hardly higher"),
        pytest.param(
            make_trace(HIGHER_RATE, rewards=(0.5, 1.0), after=PolicyQuality(quality=0.8, exploit_share=0.0)),
            id="higher, and worse",
        ),
    ],
)
def test_a_rate_without_a_gain_or_with_lost_quality_is_not_suggested(faster: TrainingTrace) -> None:
    """The user's rate stays."""
    assert severities_and_values(check_learning_rate([make_trace(), faster])) == [(OK, 1.0)]
