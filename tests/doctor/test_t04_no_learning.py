"""T4: the finding on both sides of each threshold."""

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.training.t04_no_learning import check_no_learning
from simulator.doctor.training_trace import (
    HIGHER_RATE,
    LOWER_RATE,
    RED_TEAM,
    SIMULATED_RED_TEAM,
    PolicyQuality,
    TrainingTrace,
)
from tests.doctor.training_traces import (
    NUMBERS,
    SeverityAndValue,
    make_trace,
    severities_and_values,
)

FAIL, WARN, INFO, SKIPPED, OK = Severity.FAIL, Severity.WARN, Severity.INFO, Severity.SKIPPED, Severity.OK


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        pytest.param(make_trace(rewards=(0.5, 0.56)), (OK, 0.06), id="a rise"),
        pytest.param(make_trace(rewards=(0.5, 0.54)), (FAIL, 0.04), id="no rise"),
        pytest.param(make_trace(rewards=(0.5, 0.4)), (FAIL, -0.1), id="a fall"),
        pytest.param(make_trace(rewards=(0.9, 0.9)), (OK, 0.0), id="no room to rise"),
        pytest.param(make_trace(rewards=(0.46, 0.47), group=((0.5, True), (0.3, False))), (OK, 0.01), id="a low top"),
        pytest.param(
            make_trace(rewards=(0.0, 0.0), group=((0.0, True), (0.0, False))), (FAIL, 0.0), id="nothing scores"
        ),
        pytest.param(make_trace(steps=19), (WARN, 19.0), id="too few steps"),
        pytest.param(make_trace(steps=5, total_steps=40, error="it broke"), (SKIPPED, None), id="cut short"),
        pytest.param(
            make_trace(steps=0, total_steps=0, error="80 records do not fill a batch"), (FAIL, 0.0), id="none"
        ),
    ],
)
def test_severity_and_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """One trace gives one finding."""
    assert severities_and_values(check_no_learning([trace])) == [expected]


@pytest.mark.parametrize("name", [HIGHER_RATE, RED_TEAM])
def test_a_reward_that_rises_at_a_higher_rate_or_in_a_longer_run_can_teach(name: str) -> None:
    """T4 blames the run, not the reward: no rise as it is, a rise elsewhere, quality kept; a warning all the same."""
    (finding,) = check_no_learning([make_trace(rewards=(0.5, 0.52)), make_trace(name, rewards=(0.5, 0.7))])
    assert (finding.severity, finding.fix) == (WARN, "Raise learning_rate_multiplier or n_epochs.")
    assert finding.message.endswith("So the reward can teach, and the run is too slow.")


def test_a_run_that_is_slow_and_moves_is_told_and_no_more() -> None:
    """T4: the reward rises a little in it, and by the hidden truth so does the share of right answers."""
    slow = make_trace(rewards=(0.5, 0.53), after=PolicyQuality(quality=0.92, exploit_share=0.0))
    assert severities_and_values(check_no_learning([slow, make_trace(HIGHER_RATE, rewards=(0.5, 0.7))])) == [
        (INFO, 0.03)
    ]


def test_a_reward_that_rises_at_a_higher_rate_by_a_loophole_cannot_teach() -> None:
    """T4 stays a failure where the faster run has become worse by the hidden truth."""
    hacked = make_trace(HIGHER_RATE, rewards=(0.5, 0.7), after=PolicyQuality(quality=0.5, exploit_share=0.4))
    assert severities_and_values(check_no_learning([make_trace(rewards=(0.5, 0.52)), hacked])) == [(FAIL, 0.02)]


def test_a_part_of_a_large_run_is_said_to_be_one() -> None:
    """T4 tells how many of the steps and of the records were rehearsed."""
    (finding,) = check_no_learning([make_trace(total_steps=1_500, sampled_records=300, available_records=6_000)])
    assert finding.measured == "0.500, then 0.800 over 20 steps of 1,500, on 300 of 6,000 training records"


def test_a_simulated_policy_that_learns_does_not_speak_for_a_recorded_one() -> None:
    """T4: that the red team's reward rises says nothing of a run on recorded responses."""
    flat, rising = (0.5, 0.5), make_trace(SIMULATED_RED_TEAM, rewards=(0.5, 0.9))
    assert severities_and_values(check_no_learning([make_trace(rewards=flat, recorded_kinds=NUMBERS), rising])) == [
        (FAIL, 0.0)
    ]


def test_a_learning_rate_that_breaks_the_model_is_the_cause() -> None:
    """At a lower rate the reward rises, so the reward is not at fault."""
    slower = make_trace(LOWER_RATE, rewards=(0.5, 0.9))
    (finding,) = check_no_learning([make_trace(rewards=(0.5, 0.1)), slower, make_trace(RED_TEAM, rewards=(0.5, 1.0))])
    assert (finding.severity, finding.fix) == (FAIL, "Lower learning_rate_multiplier.")
