"""The curves of a simulated run: the reward, and the true quality that training does not know."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from simulator.doctor.training_trace import TrainingTrace
from simulator.training.convergence import WINDOW_STEPS

# The size of a drawing and its margins, in SVG units.
WIDTH: Final = 480.0
HEIGHT: Final = 220.0
LEFT, RIGHT, TOP, BOTTOM = 36.0, 12.0, 10.0, 28.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSummary:
    """The mean reward and share of right answers at the start and the end of a run. The share is None if unknown.

    A run of fewer than 20 steps is split in halves. The training probes (`trace_windows`) need 20 steps instead.
    """

    first_reward: float
    last_reward: float
    first_quality: float | None
    last_quality: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis, at a coordinate of the drawing."""

    at: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """A run as a drawing: `points` of SVG polylines, dots as (x, y), and ticks.

    Attributes:
        reward: the reward of each step.
        smooth_reward: the mean reward of the last ten steps.
        quality: the share of really right answers, as the same mean. Empty if it is not known.
        held_out: the rewards on the held-out records.
    """

    reward: str
    smooth_reward: str
    quality: str
    held_out: tuple[tuple[str, str], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def summarize_trace(trace: TrainingTrace) -> TraceSummary | None:
    """Return the means of the first and the last ten steps, or of both halves of a short run. None without steps."""
    if not trace.metrics:
        return None
    window = min(WINDOW_STEPS, max(1, len(trace.metrics) // 2))
    rewards = [metrics.critic_rewards_mean for metrics in trace.metrics]
    qualities = _quality_by_step(trace)
    return TraceSummary(
        first_reward=_mean(rewards[:window]),
        last_reward=_mean(rewards[-window:]),
        first_quality=_mean(qualities[:window]) if qualities else None,
        last_quality=_mean(qualities[-window:]) if qualities else None,
    )


def draw_curves(trace: TrainingTrace) -> Curves | None:
    """Return the curves of a run, on a scale that includes 0 and 1. None without steps."""
    if not trace.metrics:
        return None
    rewards = [metrics.critic_rewards_mean for metrics in trace.metrics]
    qualities = _quality_by_step(trace)
    held_out = [evaluation.reward_mean for evaluation in trace.held_out]
    steps = [metrics.step for metrics in trace.metrics]
    low, high = min(0.0, *rewards, *held_out), max(1.0, *rewards, *held_out)
    last = steps[-1]

    def x(step: float) -> str:
        return f"{LEFT + (WIDTH - LEFT - RIGHT) * step / last:.1f}"

    def y(value: float) -> str:
        return f"{TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low):.1f}"

    def line(values: Sequence[float]) -> str:
        return " ".join(f"{x(step)},{y(value)}" for step, value in zip(steps, values, strict=True))

    middle = (low + high) / 2
    return Curves(
        reward=line(rewards),
        smooth_reward=line(_smooth(rewards)),
        quality=line(_smooth(qualities)) if qualities else "",
        held_out=tuple((x(evaluation.step), y(evaluation.reward_mean)) for evaluation in trace.held_out),
        x_ticks=tuple(Tick(at=x(step), label=str(step)) for step in sorted({0, last // 2, last})),
        y_ticks=tuple(Tick(at=y(value), label=f"{value:.3g}") for value in (low, middle, high)),
    )


def _quality_by_step(trace: TrainingTrace) -> list[float]:
    """Return the share of right answers of each step. Empty if it is known for no rollout."""
    if all(rollout.correct is None for rollout in trace.rollouts):
        return []
    return [truth.quality_mean for truth in trace.truths]


def _smooth(values: Sequence[float]) -> list[float]:
    return [_mean(values[max(0, end - WINDOW_STEPS) : end]) for end in range(1, len(values) + 1)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
