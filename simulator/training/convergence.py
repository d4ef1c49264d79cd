"""When a run may stop early. INFERRED: Amazon says "built-in convergence detection" and publishes no rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Convergence = Literal["saturated", "plateau"]

WINDOW_STEPS = 10
_SATURATED_REWARD = 0.99
_SATURATED_DEAD_GROUPS = 0.9
_IMPROVEMENT = 0.01
_PLATEAU_WINDOWS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """One step: its mean reward, and its share of groups whose rewards are equal."""

    reward_mean: float
    dead_groups: float


def detect_convergence(history: Sequence[StepProgress]) -> Convergence | None:
    """Return why training has converged after these steps, or None. The rule applies after every tenth step.

    Saturated: in the last window of ten steps the mean reward is at least .99 and 90% of the groups are dead. Plateau:
    neither of the last two windows is more than .01 above the best earlier one.
    """
    if not history or len(history) % WINDOW_STEPS:
        return None
    windows = [history[start : start + WINDOW_STEPS] for start in range(0, len(history), WINDOW_STEPS)]
    rewards = [sum([step.reward_mean for step in window]) / WINDOW_STEPS for window in windows]
    dead_groups = sum([step.dead_groups for step in windows[-1]]) / WINDOW_STEPS
    if rewards[-1] >= _SATURATED_REWARD and dead_groups >= _SATURATED_DEAD_GROUPS:
        return "saturated"
    earlier, last = rewards[:-_PLATEAU_WINDOWS], rewards[-_PLATEAU_WINDOWS:]
    if earlier and max(last) <= max(earlier) + _IMPROVEMENT:
        return "plateau"
    return None
