"""`rft diagnose` and the doctor use the same thresholds, without shared code."""

import pytest

from client.diagnosis import policy_rules, reward_rules, rule, rules, time_series
from simulator.doctor.probes.static.s06_saturation import SATURATED_SCORE, SPARSE_SCORE
from simulator.doctor.probes.training import (
    t03_sparse,
    t04_no_learning,
    t06_length,
    t07_entropy,
    t08_held_out_gap,
    t10_zero_gradients,
    trace_windows,
)
from simulator.doctor.report.explanations import ALL_PROBES
from simulator.training.convergence import WINDOW_STEPS


@pytest.mark.parametrize(
    ("client_values", "doctor_values"),
    [
        pytest.param(
            (time_series.WINDOW, rule.MIN_STEPS_FOR_TREND), (WINDOW_STEPS, trace_windows.MIN_STEPS), id="windows"
        ),
        pytest.param(reward_rules.SATURATED_REWARD, SATURATED_SCORE, id="T2"),
        pytest.param(
            (reward_rules.SPARSE_REWARD, reward_rules.PLATEAU_REWARD),
            (SPARSE_SCORE, t03_sparse.MIN_FINAL_REWARD),
            id="T3",
        ),
        pytest.param(
            (reward_rules.MIN_REWARD_GAIN, reward_rules.HIGH_INITIAL_REWARD),
            (t04_no_learning.MIN_GAIN, t04_no_learning.NEAR_MAXIMUM_SHARE),
            id="T4",
        ),
        pytest.param(
            (policy_rules.MAX_LENGTH_RATIO, policy_rules.MIN_LENGTH_RATIO),
            (t06_length.MAX_LENGTH_RATIO, t06_length.MIN_LENGTH_RATIO),
            id="T6",
        ),
        pytest.param(
            (policy_rules.MIN_ENTROPY_RATIO, policy_rules.MAX_ENTROPY_RATIO),
            (t07_entropy.MIN_ENTROPY_RATIO, t07_entropy.MAX_ENTROPY_RATIO),
            id="T7",
        ),
        pytest.param(
            (reward_rules.GAP_WARN, reward_rules.GAP_FAIL, reward_rules.MIN_GAP_ROWS),
            (t08_held_out_gap.GAP_WARN, t08_held_out_gap.GAP_FAIL, t08_held_out_gap.MIN_HELD_OUT_RECORDS),
            id="T8",
        ),
        pytest.param(policy_rules.MAX_DEAD_STEP_SHARE, t10_zero_gradients.MAX_DEAD_STEP_SHARE, id="T10"),
    ],
)
def test_the_client_and_the_doctor_use_the_same_thresholds(client_values: object, doctor_values: object) -> None:
    """A real run and its simulation get the same findings."""
    assert client_values == doctor_values


def test_each_rule_of_the_client_is_a_probe_of_the_doctor() -> None:
    """So the doctor's explanations describe it."""
    assert {rule.id for rule in rules.RULES} <= {probe.id for probe in ALL_PROBES}
