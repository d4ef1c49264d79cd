"""The plot of a job."""

from __future__ import annotations

import pytest

from client.errors import UsageError
from client.plot import draw_plot, running_mean
from tests.client.test_run_report import METRICS


@pytest.mark.slow
def test_the_same_metrics_give_the_same_png() -> None:
    """Byte for byte."""
    plots = [draw_plot(METRICS, title="t", subtitle="s", checkpoints=(20, 67)) for _ in range(2)]
    assert plots[0][:8] == b"\x89PNG\r\n\x1a\n"
    assert plots[0] == plots[1]


@pytest.mark.slow
@pytest.mark.parametrize("metrics", [METRICS[:1], [{"step": 1.0, "critic_rewards_mean": -3.5}, {"step": 2.0}]])
def test_short_runs_and_missing_values_are_plotted(metrics: list[dict[str, float]]) -> None:
    """Also rewards outside 0 to 1."""
    assert draw_plot(metrics, title="t", subtitle="s").startswith(b"\x89PNG")


def test_a_job_without_metrics_is_a_usage_error() -> None:
    """Before its first step."""
    with pytest.raises(UsageError, match="no metrics to plot"):
        draw_plot([], title="t", subtitle="s")


def test_the_running_mean_of_a_constant_is_constant() -> None:
    """Also at both ends."""
    assert running_mean([0.25] * 40) == [0.25] * 40
