"""The summary at the end of `rft train`."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from client.run_summary import print_reward


@pytest.mark.parametrize(
    ("rewards", "text"),
    [
        ([0.5, 0.7], "  reward      0.500 → 0.700  averages of the first 1 and the last 1 of 2 steps\n"),
        (
            [0.0, 0.0],
            (
                "  reward      0.000 → 0.000  averages of the first 1 and the last 1 of 2 steps\n"
                "! the reward was 0 at every step: without differences between answers nothing was learned.\n"
            ),
        ),
        ([], ""),
    ],
)
def test_the_first_and_the_last_reward_are_printed(rewards: list[float], text: str) -> None:
    """A reward that never changed gets a warning."""
    console = Console(file=io.StringIO(), width=100, highlight=False)
    print_reward([{"critic_rewards_mean": reward} for reward in rewards], console=console)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == text
