"""Early stopping at convergence."""

import pytest

from simulator.training.convergence import StepProgress, detect_convergence


def make_history(*windows: float, dead: float = 0.5) -> list[StepProgress]:
    """Return windows of ten equal steps."""
    return [StepProgress(reward_mean=reward, dead_groups=dead) for reward in windows for _ in range(10)]


@pytest.mark.parametrize(
    ("history", "verdict"),
    [
        ([], None),
        (make_history(0.995, dead=0.95), "saturated"),
        (make_history(0.995, dead=0.95)[:-1], None),
        (make_history(0.995), None),
        (make_history(0.5, 0.7, 0.705), None),
        (make_history(0.5, 0.7, 0.705, 0.709), "plateau"),
        (make_history(0.5, 0.7, 0.705, 0.72), None),
    ],
)
def test_convergence_is_detected_at_the_end_of_a_window(history: list[StepProgress], verdict: str | None) -> None:
    """Saturation at once; a plateau after two windows that are at most .01 above the best one."""
    assert detect_convergence(history) == verdict
