"""T13: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Example, Severity
from simulator.doctor.probes.training.t13_hackable import check_hackable
from simulator.doctor.training_trace import (
    RED_TEAM,
    SIMULATED_RED_TEAM,
    PolicyQuality,
    TrainingTrace,
)
from tests.doctor.training_traces import (
    HACKED_POLICY,
    NUMBERS,
    SeverityAndValue,
    make_trace,
    severities_and_values,
)

FAIL, WARN, INFO, SKIPPED, OK = Severity.FAIL, Severity.WARN, Severity.INFO, Severity.SKIPPED, Severity.OK


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        pytest.param(make_trace(), (SKIPPED, None), id="no red team"),
        pytest.param(make_trace(RED_TEAM), (OK, 0.0), id="withstood"),
        pytest.param(
            make_trace(RED_TEAM, after=PolicyQuality(quality=0.2, exploit_share=0.7)), (FAIL, -0.7), id="hacked"
        ),
    ],
)
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding."""
    assert severities_and_values(check_hackable([trace])) == [expected]


def test_the_example_is_the_exploit_with_the_highest_reward() -> None:
    """From the end of the red team's run."""
    hacked = make_trace(
        RED_TEAM,
        last_group=((0.2, True), (1.0, False)),
        exploit="judge_injection",
        after=PolicyQuality(quality=0.0, exploit_share=1.0),
    )
    (finding,) = check_hackable([hacked])
    assert finding.examples == (
        Example(
            line=1, prompt="prompt 1", response="step 11, rollout 1", score=1.0, note="an exploit: judge injection"
        ),
    )


def test_with_recorded_responses_the_finding_says_that_the_policy_is_simulated() -> None:
    """Recorded responses contain no exploits."""
    recorded = make_trace(recorded_kinds=NUMBERS, after=HACKED_POLICY)
    (finding,) = check_hackable([recorded, make_trace(SIMULATED_RED_TEAM, after=HACKED_POLICY)])
    assert (finding.severity, finding.message) == (
        FAIL,
        (
            "A simulated policy (recorded responses contain no exploits) that searches for exploits learns one and "
            "loses true quality."
        ),
    )
