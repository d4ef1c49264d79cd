"""Plot a job's metrics as one PNG."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from client.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette: distinguishable with every common kind of colour vision.
_BLUE, _ORANGE, _GREEN, _VERMILION, _GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8A8A8A"
_PANELS = (
    ("response_length_mean", "Response length (tokens)", _GREEN),
    ("actor_entropy", "Policy entropy (nats)", _VERMILION),
    ("actor_grad_norm", "Gradient norm", _ORANGE),
)


def draw_plot(
    metrics: Sequence[Mapping[str, float]], *, title: str, subtitle: str, checkpoints: Sequence[int] = ()
) -> bytes:
    """Return a PNG: reward and its running mean above; length, entropy and gradient norm below.

    The same input gives the same bytes.

    Args:
        metrics: the data of the metrics events, by step.
        title: the first line.
        subtitle: the second line, smaller.
        checkpoints: steps to mark.

    Raises:
        UsageError: there are no metrics.
    """
    if not metrics:
        raise UsageError("The job has no metrics to plot.", next_step="Wait until its first training step is done.")
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - 0.5 s to load
    from matplotlib.figure import Figure  # noqa: PLC0415 - see above

    figure = Figure(figsize=(10.0, 6.4), dpi=120)
    FigureCanvasAgg(figure)
    # Fixed margins: matplotlib's constrained layout draws everything twice, which takes 0.25 s.
    grid = figure.add_gridspec(
        2,
        len(_PANELS),
        height_ratios=(1.9, 1.0),
        left=0.07,
        right=0.985,
        top=0.88,
        bottom=0.08,
        hspace=0.34,
        wspace=0.26,
    )
    steps = [metric["step"] for metric in metrics]
    reward = figure.add_subplot(grid[0, :])
    _draw_reward(reward, steps, _metric_values(metrics, "critic_rewards_mean"), checkpoints)
    figure.suptitle(title, x=0.07, y=0.975, ha="left", fontsize=14, fontweight="bold")
    reward.set_title(subtitle, loc="left", fontsize=10, color="#444444", pad=8)
    for column, (key, label, colour) in enumerate(_PANELS):
        panel = figure.add_subplot(grid[1, column], sharex=reward)
        values = _metric_values(metrics, key)
        panel.plot(steps, values, color=colour, alpha=0.3, linewidth=1.0)
        panel.plot(steps, running_mean(values), color=colour, linewidth=1.8)
        panel.set_title(label, loc="left", fontsize=10)
        panel.set_xlabel("Training step", fontsize=9)
        _style_axes(panel)
    buffer = io.BytesIO()
    # Without this, matplotlib writes its version into the file, and the bytes would change with every release.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def running_mean(values: Sequence[float]) -> list[float]:
    """Return centred means over about an eighth of the run; the window is narrower at both ends."""
    radius = max(1, len(values) // 16)
    windows = (values[max(0, index - radius) : index + radius + 1] for index in range(len(values)))
    return [math.fsum(window) / len(window) for window in windows]


def _draw_reward(axes: Axes, steps: Sequence[float], rewards: Sequence[float], checkpoints: Sequence[int]) -> None:
    low, high = min(rewards), max(rewards)
    if low >= 0.0 and high <= 1.0:
        low, high = 0.0, 1.0
    margin = (high - low or 1.0) * 0.04
    axes.set_ylim(low - margin, high + margin)
    axes.plot(
        steps,
        rewards,
        color=_BLUE,
        alpha=0.35,
        linewidth=1.0,
        marker="o",
        markersize=3,
        label="mean reward of the step",
    )
    axes.plot(steps, running_mean(rewards), color=_BLUE, linewidth=2.6, label="running mean")
    for number, step in enumerate(checkpoints):
        label = "checkpoint" if number == 0 else None
        axes.axvline(step, color=_GREY, linewidth=0.9, linestyle=(0, (4, 4)), zorder=0, label=label)
    axes.set_ylabel("Reward (critic_rewards_mean)")
    axes.set_xlabel("Training step")
    axes.legend(loc="lower right", framealpha=1.0, edgecolor="white", fontsize=9)
    _style_axes(axes)


def _style_axes(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - see draw_plot()

    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#E4E4E4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.tick_params(labelsize=9)


def _metric_values(metrics: Sequence[Mapping[str, float]], key: str) -> list[float]:
    return [float(metric.get(key, math.nan)) for metric in metrics]
