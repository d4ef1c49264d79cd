"""What is wrong with the single results of an answer, and how to correct it."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from simulator.grading.grader_error import GraderError
from simulator.grading.lambda_response import finite_float, has_non_finite, parse_rewards

METRIC_TYPES: Final = ("Reward", "Metric")
"""What an entry of `metrics_list` may be (DOCUMENTED)."""

_SCORE: Final = "aggregate_reward_score"


def group_by_error(
    results: Sequence[Mapping[str, Any]], find_error: Callable[[Mapping[str, Any]], str]
) -> dict[str, list[int]]:
    """Return what is wrong with results, and with which by their places."""
    faults: dict[str, list[int]] = {}
    for place, result in enumerate(results):
        fault = find_error(result)
        if fault:
            faults.setdefault(fault, []).append(place)
    return faults


def score_error(result: Mapping[str, Any]) -> str:
    """Return why a job could not use the score, whatever the id and the components; by the job's own rules."""
    rest = {name: value for name, value in result.items() if name != "metrics_list"}
    alone = json.dumps([{**rest, "id": "it"}]).encode()
    try:
        parse_rewards(alone, rollout_ids=["it"], function="")
    except GraderError as error:
        return error.reason
    return ""


def fix_for_score(result: Mapping[str, Any]) -> str:
    """Return how to correct a result that `score_fault` has found fault with."""
    if _SCORE not in result:
        other = next((name for name, value in result.items() if isinstance(value, int | float)), None)
        renamed = f' The result has "{other}": call it that.' if other else ""
        return f'Return the score under the name "{_SCORE}".{renamed}'
    value = result[_SCORE]
    if finite_float(value) is not None and not score_error({_SCORE: value}):
        return "Leave out, or replace by a number, what is not finite."
    if isinstance(value, float | int) and not isinstance(value, bool):
        return "Guard divisions and logarithms, so that every score is finite."
    return "Wrap it: float(score)."


def metrics_error(result: Mapping[str, Any]) -> str:
    """Return what is wrong with the first faulty entry of `metrics_list`, if any."""
    entries = result.get("metrics_list", [])
    if not isinstance(entries, list):
        return '"metrics_list" is no list'
    for place, entry in enumerate(entries):
        where = f"metrics_list[{place}]"
        if not isinstance(entry, dict):
            return f"{where} is no object"
        if not isinstance(entry.get("name"), str):
            return f'{where} has no "name" that is a string'
        value = entry.get("value")
        # AWS's check takes a bool for a number here, as Python does.
        if not isinstance(value, bool) and finite_float(value) is None:
            return f'{where} has no "value" that is a finite number'
        if entry.get("type") not in METRIC_TYPES:
            return f'{where} has no "type" that is one of {", ".join(METRIC_TYPES)}'
        if has_non_finite(entry):
            return f"{where} holds NaN or infinity, which JSON has no form for"
    return ""


def fix_for_metrics(_result: Mapping[str, Any]) -> str:
    """Return how to correct a result that `metrics_fault` has found fault with."""
    return (
        'Make each entry {"name": "...", "value": 1.0, "type": "Reward"}, or "Metric" for what is no part of the '
        "score; or leave metrics_list out."
    )
