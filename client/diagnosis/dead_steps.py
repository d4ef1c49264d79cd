"""Dead steps: those in which all answers to one prompt got the same reward, so that nothing could be learned.

A job's events do not show the rewards of single answers. They show a dead step by its gradient norm and its policy
loss. Both grow with the advantages, and without advantages both are almost 0. They are seldom exactly 0: the KL penalty
pulls the model back to the base model, and the rounding of equal rewards leaves small advantages.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import isclose

from client.diagnosis.time_series import ADVANTAGE, GRADIENT, LOSS, MetricSeries

# Relative to the largest of the run. INFERRED, on simulated runs with 1 to 64 prompts per step: steps with a learnable
# group had at least .09 of the largest gradient. Dead ones had at most .02, where only the KL penalty was left, and at
# most .07 with rounding. The loss alone proves nothing: by chance it is near 0 in some sound steps.
GRADIENT_SHARE, LOSS_SHARE = 0.05, 0.01
# Absolute, for runs that are dead throughout, whose largest values are those of dead steps. SAMPLE: the one published
# event has a gradient of 8.7e-4 and a loss of .10; both floors are about a hundredth. INFERRED, on simulated runs: the
# KL penalty alone left at most 8e-6, and the smallest gradient of a step with a learnable group was 9e-5.
GRADIENT_FLOOR, LOSS_FLOOR = 1e-5, 1e-3
# verl 0.9.1 computes advantages in float32. If all rewards are equal, rounding leaves one number for all answers:
# -.056 for eight rewards of .9, .106 for twelve of .7. The loss is then minus the mean advantage, in each such step.
_LARGEST_ROUNDED_ADVANTAGE, _SAME_NUMBER = 0.2, 1e-5


def find_dead_steps(metrics: MetricSeries) -> frozenset[int]:
    """Return the steps that are dead. A step without a gradient norm is never among them."""
    gradients, losses = _magnitudes(metrics, GRADIENT), _magnitudes(metrics, LOSS)
    gradient_limit, loss_limit = _limit(gradients, GRADIENT_SHARE), _limit(losses, LOSS_SHARE)
    almost_zero = {
        step
        for step, gradient in gradients.items()
        if (gradient <= GRADIENT_FLOOR and losses.get(step, 0.0) <= LOSS_FLOOR)
        or (step in losses and gradient <= gradient_limit and losses[step] <= loss_limit)
    }
    return frozenset(almost_zero | (_steps_of_equal_rewards(metrics) & gradients.keys()))


def _steps_of_equal_rewards(metrics: MetricSeries) -> set[int]:
    """Return the steps whose advantages are all one number that is left by rounding, the same as in another step."""
    losses = _values(metrics, LOSS)
    candidates = sorted(
        (advantage, step)
        for step, advantage in _values(metrics, ADVANTAGE).items()
        if 0.0 < abs(advantage) <= _LARGEST_ROUNDED_ADVANTAGE
        and step in losses
        and isclose(losses[step], -advantage, rel_tol=_SAME_NUMBER)
    )
    return {
        step
        for (advantage, first), (next_advantage, second) in pairwise(candidates)
        if isclose(advantage, next_advantage, rel_tol=_SAME_NUMBER)
        for step in (first, second)
    }


def _limit(magnitudes: Mapping[int, float], share: float) -> float:
    return share * max(magnitudes.values(), default=0.0)


def _magnitudes(metrics: MetricSeries, name: str) -> dict[int, float]:
    return {step: abs(value) for step, value in _values(metrics, name).items()}


def _values(metrics: MetricSeries, name: str) -> dict[int, float]:
    series = metrics.series[name]
    return dict(zip(series.steps, series.values, strict=True))
