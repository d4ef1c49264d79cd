"""Errors in the items of a function's response, and how to fix them."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from simulator.grading.grader_error import GraderError
from simulator.grading.lambda_response import finite_float, has_non_finite, parse_rewards

METRIC_TYPES: Final = ("Reward", "Metric")
"""The types of an entry of `metrics_list` (DOCUMENTED)."""

_SCORE: Final = "aggregate_reward_score"


def group_by_error(
    results: Sequence[Mapping[str, Any]], find_error: Callable[[Mapping[str, Any]], str]
) -> dict[str, list[int]]:
    """Return each error that occurs, with the indexes of the results that have it."""
    errors: dict[str, list[int]] = {}
    for index, result in enumerate(results):
        error = find_error(result)
        if error:
            errors.setdefault(error, []).append(index)
    return errors


def score_error(result: Mapping[str, Any]) -> str:
    """Return why a job could not use the score, by the job's own rules. The id and the components do not matter."""
    result_without_metrics = {name: value for name, value in result.items() if name != "metrics_list"}
    response = json.dumps([{**result_without_metrics, "id": "it"}]).encode()
    try:
        parse_rewards(response, rollout_ids=["it"], function="")
    except GraderError as error:
        return error.reason
    return ""


def fix_for_score(result: Mapping[str, Any]) -> str:
    """Return how to fix a result with a `score_error`."""
    if _SCORE not in result:
        number_field = next((name for name, value in result.items() if isinstance(value, int | float)), None)
        rename_hint = f' The result has "{number_field}": rename it.' if number_field else ""
        return f'Return the score under the name "{_SCORE}".{rename_hint}'
    value = result[_SCORE]
    if finite_float(value) is not None and not score_error({_SCORE: value}):
        return "Remove the value that is not finite, or replace it by a number."
    if isinstance(value, float | int) and not isinstance(value, bool):
        return "Guard divisions and logarithms, so that every score is finite."
    return "Wrap it: float(score)."


def metrics_error(result: Mapping[str, Any]) -> str:
    """Return the error of the first bad entry of `metrics_list`; empty when there is none."""
    entries = result.get("metrics_list", [])
    if not isinstance(entries, list):
        return '"metrics_list" is not a list'
    for index, entry in enumerate(entries):
        where = f"metrics_list[{index}]"
        if not isinstance(entry, dict):
            return f"{where} is not an object"
        if not isinstance(entry.get("name"), str):
            return f'{where} has no "name" that is a string'
        value = entry.get("value")
        # AWS's check accepts a bool as a number here, as Python does.
        if not isinstance(value, bool) and finite_float(value) is None:
            return f'{where} has no "value" that is a finite number'
        if entry.get("type") not in METRIC_TYPES:
            return f'{where} has no "type" that is one of {", ".join(METRIC_TYPES)}'
        if has_non_finite(entry):
            return f"{where} holds NaN or infinity, which are not JSON"
    return ""


def fix_for_metrics(_result: Mapping[str, Any]) -> str:
    """Return how to fix a result with a `metrics_error`."""
    return (
        'Write each entry as {"name": "...", "value": 1.0, "type": "Reward"}, with "Metric" for a value that is not '
        "part of the score; or omit metrics_list."
    )
