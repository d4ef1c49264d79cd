"""Scores extractions: the share of right fields in a response that is one JSON object and nothing else."""

import json
from typing import Any


def lambda_handler(event: list[dict[str, Any]], _context: object) -> list[dict[str, Any]]:
    """Score each response by its fields."""
    return [{"id": rollout["id"], "aggregate_reward_score": _score(rollout)} for rollout in event]


def _score(rollout: dict[str, Any]) -> float:
    reference = rollout["reference_answer"]
    try:
        answer = json.loads(rollout["messages"][-1]["content"])
    except ValueError:
        return 0.0
    if not isinstance(answer, dict):
        return 0.0
    return float(sum(answer.get(key) == value for key, value in reference.items()) / len(reference))
