"""What a run came to, in a few lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.console import Console

from client.comparison import FULL_REWARD, Comparison
from client.mantle_client import Checkpoint
from client.run_inputs import Materials
from client.terminal import counted, fact, heading, warned

# The reward of a run's beginning and end are means over this many steps.
_ENDS_OF_RUN = 10


def summary_told(
    metrics: Sequence[Mapping[str, float]],
    checkpoints: Sequence[Checkpoint],
    comparison: Comparison | None,
    *,
    materials: Materials,
    tuned: str | None,
    places: Sequence[str],
    console: Console,
) -> None:
    """The end of `rft train`: reward, base against tuned, the models; `places` are those of the plot and the report."""
    console.print()
    heading(console, "Result")
    reward_told(metrics, console=console)
    if comparison is not None:
        base, after = comparison.base, comparison.tuned
        rows = len(comparison.lines)
        aside = f"reward {base.mean:.3f} → {after.mean:.3f}; {comparison.won} won, {comparison.lost} lost"
        label = "compared" if materials.seen_in_training else "held out"
        fact(console, label, f"{base.right} → {after.right} of {rows} right", aside=aside)
        seen = "; perhaps trained on: --validation FILE gives others" if materials.seen_in_training else ""
        fact(console, "", f"{comparison.source}{seen}", aside=f"right is a reward of {FULL_REWARD:g} or more")
    fact(console, "model", tuned or "none")
    if checkpoints:
        fact(console, "checkpoints", "after step " + ", ".join(str(step) for step in steps_of(checkpoints)))
    for label, place in zip(("plot", "report"), places, strict=True):
        fact(console, label, place)


def reward_told(metrics: Sequence[Mapping[str, float]], *, console: Console) -> None:
    """First against last reward, and a word when there was nothing to learn from."""
    rewards = [metric["critic_rewards_mean"] for metric in metrics if "critic_rewards_mean" in metric]
    if not rewards:
        return
    size = max(1, min(_ENDS_OF_RUN, len(rewards) // 2))
    first, last = math.fsum(rewards[:size]) / size, math.fsum(rewards[-size:]) / size
    aside = f"means of the first {size} and the last {size} of {counted(len(rewards), 'step')}"
    fact(console, "reward", f"{first:.3f} → {last:.3f}", aside=aside)
    if min(rewards) == max(rewards):
        warned(
            console,
            f"the reward was {rewards[0]:g} at every step: with nothing to tell answers apart, nothing was learned.",
        )


def steps_of(checkpoints: Sequence[Checkpoint]) -> tuple[int, ...]:
    """The steps after which checkpoints were kept."""
    return tuple(checkpoint.step for checkpoint in checkpoints)
