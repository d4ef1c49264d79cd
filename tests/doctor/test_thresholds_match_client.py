"""`rft diagnose` reads a real job as the doctor reads a rehearsed one; the rooms share no code, so this holds them."""

import pytest

from client.diagnosis.report import rules as readings
from client.diagnosis.report import time_series as series
from simulator.doctor.probes.static.s06_saturation import SATURATED, SPARSE
from simulator.doctor.probes.training import t01_dead_groups as dead_groups
from simulator.doctor.probes.training import t02_saturated as level
from simulator.doctor.probes.training import t04_no_learning as gain
from simulator.doctor.probes.training import t06_length as drift
from simulator.doctor.probes.training import trace_windows as windows
from simulator.doctor.report.explanations import PROBES
from simulator.training.convergence import WINDOW


@pytest.mark.parametrize(
    ("of_the_client", "of_the_doctor"),
    [
        pytest.param((series.WINDOW, readings.APART), (WINDOW, windows.FEWEST_STEPS), id="windows"),
        pytest.param(readings.SATURATED, SATURATED, id="T2"),
        pytest.param((readings.SPARSE, readings.PLATEAU), (SPARSE, level.PLATEAU_REWARD), id="T3"),
        pytest.param((readings.GAIN, readings.HIGH_ENOUGH), (gain.GAIN, gain.HIGH_ENOUGH), id="T4"),
        pytest.param((readings.LONGER, readings.SHORTER), (drift.LONGER, drift.SHORTER), id="T6"),
        pytest.param((readings.COLLAPSED, readings.SCATTERED), (drift.COLLAPSED, drift.SCATTERED), id="T7"),
        pytest.param(
            (readings.GAP_WARN, readings.GAP_FAIL, readings.GAP_ROWS),
            (drift.GAP_WARN, drift.GAP_FAIL, drift.GAP_RECORDS),
            id="T8",
        ),
        pytest.param(readings.DEAD, dead_groups.ZERO_STEPS, id="T10"),
    ],
)
def test_both_hold_a_run_against_the_same_thresholds(of_the_client: object, of_the_doctor: object) -> None:
    """A run that was rehearsed clean is not called sick when it is real, and the other way round."""
    assert of_the_client == of_the_doctor


def test_each_reading_of_the_client_has_its_page() -> None:
    """Its ids are the doctor's."""
    assert {rule.id for rule in readings.RULES} <= {probe.id for probe in PROBES}
