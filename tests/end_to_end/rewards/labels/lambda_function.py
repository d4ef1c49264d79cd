"""Scores tickets: the label alone on the last line."""

from typing import Any


def lambda_handler(event: list[dict[str, Any]], _context: object) -> list[dict[str, Any]]:
    """Score 1 for the right label and nothing else."""
    return [
        {
            "id": rollout["id"],
            "aggregate_reward_score": float(
                rollout["messages"][-1]["content"].rsplit("\n", 1)[-1] == rollout["reference_answer"]["label"]
            ),
        }
        for rollout in event
    ]
