"""The summary that `rft train` prints at the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.console import Console

from client.comparison import FULL_REWARD, Comparison
from client.mantle_types import Checkpoint
from client.run_inputs import RunInputs
from client.terminal import format_count, print_field, print_heading, print_warning

# The first and the last reward are means over this many steps.
_WINDOW = 10


def print_run_summary(
    metrics: Sequence[Mapping[str, float]],
    checkpoints: Sequence[Checkpoint],
    comparison: Comparison | None,
    *,
    inputs: RunInputs,
    tuned_model: str | None,
    artifact_locations: Sequence[str],
    failed_calls: Sequence[str],
    dead_gradient: str | None,
    console: Console,
) -> None:
    """Print the reward, base against tuned, and the models; `artifact_locations` are of the plot and the report.

    `failed_calls` are printed first, because they say that the rewards mean nothing. `dead_gradient` says that most
    steps taught nothing.
    """
    console.print()
    print_heading(console, "Result")
    for message in failed_calls:
        print_warning(console, message)
    print_reward(metrics, console=console)
    if dead_gradient:
        print_warning(console, dead_gradient)
    if comparison is not None:
        base, tuned = comparison.base, comparison.tuned
        rows = len(comparison.line_numbers)
        changes = f"{comparison.gained_count} became right, {comparison.lost_count} became wrong"
        detail = f"reward {base.mean_reward:.3f} → {tuned.mean_reward:.3f}; {changes}"
        label = "compared" if inputs.may_overlap_training else "held out"
        print_field(console, label, f"{base.correct_count} → {tuned.correct_count} of {rows} right", detail=detail)
        source = comparison.source
        if inputs.may_overlap_training:
            source += "; may have been in training: --validation FILE gives other rows"
        print_field(console, "", source, detail=f"right means a reward of {FULL_REWARD:g} or more")
    print_field(console, "model", tuned_model or "none")
    if checkpoints:
        print_field(
            console, "checkpoints", "after step " + ", ".join(str(step) for step in checkpoint_steps(checkpoints))
        )
    for label, location in zip(("plot", "report"), artifact_locations, strict=True):
        print_field(console, label, location)


def print_reward(metrics: Sequence[Mapping[str, float]], *, console: Console) -> None:
    """Print the first and the last reward, and a warning if the reward never changed."""
    rewards = [metric["critic_rewards_mean"] for metric in metrics if "critic_rewards_mean" in metric]
    if not rewards:
        return
    size = max(1, min(_WINDOW, len(rewards) // 2))
    first_mean, last_mean = math.fsum(rewards[:size]) / size, math.fsum(rewards[-size:]) / size
    detail = f"averages of the first {size} and the last {size} of {format_count(len(rewards), 'step')}"
    print_field(console, "reward", f"{first_mean:.3f} → {last_mean:.3f}", detail=detail)
    if min(rewards) == max(rewards):
        print_warning(
            console,
            f"the reward was {rewards[0]:g} at every step: without differences between answers nothing was learned.",
        )


def checkpoint_steps(checkpoints: Sequence[Checkpoint]) -> tuple[int, ...]:
    """Return the steps of the checkpoints."""
    return tuple(checkpoint.step for checkpoint in checkpoints)
