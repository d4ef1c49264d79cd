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
def test_the_trace_decides_the_severity_and_the_value(trace: TrainingTrace, expected: SeverityAndValue) -> None:
    """Each case has one finding."""
    assert severities_and_values(check_no_learning([trace])) == [expected]


@pytest.mark.parametrize("name", [HIGHER_RATE, RED_TEAM])
def test_a_reward_that_rises_at_a_higher_rate_or_in_a_longer_run_is_a_warning(name: str) -> None:
    """The cause is the run, not the reward function."""
    (finding,) = check_no_learning([make_trace(rewards=(0.5, 0.52)), make_trace(name, rewards=(0.5, 0.7))])
    assert (finding.severity, finding.fix) == (WARN, "Raise learning_rate_multiplier or n_epochs.")
    assert finding.message.endswith("So the model can learn from the reward, but the run is too slow.")


def test_a_slow_rise_is_information() -> None:
    """The reward rises a little, and so does the true share of right answers."""
    slow = make_trace(rewards=(0.5, 0.53), after=PolicyQuality(quality=0.92, exploit_share=0.0))
    assert severities_and_values(check_no_learning([slow, make_trace(HIGHER_RATE, rewards=(0.5, 0.7))])) == [
        (INFO, 0.03)
    ]


def test_a_reward_that_rises_at_a_higher_rate_only_through_an_exploit_is_a_failure() -> None:
    """The faster run loses true quality."""
    hacked = make_trace(HIGHER_RATE, rewards=(0.5, 0.7), after=PolicyQuality(quality=0.5, exploit_share=0.4))
    assert severities_and_values(check_no_learning([make_trace(rewards=(0.5, 0.52)), hacked])) == [(FAIL, 0.02)]


def test_a_partly_simulated_run_says_so() -> None:
    """With the numbers of simulated steps and records."""
    (finding,) = check_no_learning([make_trace(total_steps=1_500, sampled_records=300, available_records=6_000)])
    assert finding.measured == "0.500, then 0.800 over 20 steps of 1,500, on 300 of 6,000 training records"


def test_the_simulated_red_team_does_not_soften_a_recorded_failure() -> None:
    """The red team's policy is simulated, and the run uses recorded responses."""
    flat, rising = (0.5, 0.5), make_trace(SIMULATED_RED_TEAM, rewards=(0.5, 0.9))
    assert severities_and_values(check_no_learning([make_trace(rewards=flat, recorded_kinds=NUMBERS), rising])) == [
        (FAIL, 0.0)
    ]


def test_a_learning_rate_that_breaks_the_model_is_the_cause() -> None:
    """At a lower rate the reward rises, so the reward is not the cause."""
    slower = make_trace(LOWER_RATE, rewards=(0.5, 0.9))
    (finding,) = check_no_learning([make_trace(rewards=(0.5, 0.1)), slower, make_trace(RED_TEAM, rewards=(0.5, 1.0))])
    assert (finding.severity, finding.fix) == (FAIL, "Lower learning_rate_multiplier.")
