"""The curves of a simulated run."""

from simulator.doctor.report.curves import Curves, Tick, draw_curves
from tests.doctor.sample_reports import sample_trace


def test_the_curves_span_the_whole_drawing() -> None:
    """The reward rises from 1/4 to 1, the quality falls, and each evaluation is a dot."""
    assert draw_curves(sample_trace(steps=2)) == Curves(
        reward="252.0,146.5 468.0,10.0",
        smooth_reward="252.0,146.5 468.0,78.2",
        quality="252.0,10.0 468.0,55.5",
        held_out=(("36.0", "146.5"), ("468.0", "32.8")),
        x_ticks=(Tick(at="36.0", label="0"), Tick(at="252.0", label="1"), Tick(at="468.0", label="2")),
        y_ticks=(Tick(at="192.0", label="0"), Tick(at="101.0", label="0.5"), Tick(at="10.0", label="1")),
    )


def test_there_is_no_quality_curve_if_the_truth_is_unknown() -> None:
    """A curve at 0 would be wrong."""
    curves = draw_curves(sample_trace(right=None))
    assert curves is not None
    assert curves.quality == ""
