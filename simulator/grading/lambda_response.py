"""Parse the response of a reward function: one finite number per rollout, or an error that says why not."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from simulator.grading.grader_error import GraderError
from simulator.training.float32 import LARGEST_FLOAT32
from simulator.training.strict_json import DuplicateKeyError, TooManyDigitsError, parse_json

_MAX_QUOTED_LENGTH: Final = 80  # characters of a key, an id or a number in an error message
_NON_FINITE_LITERALS: Final = ("NaN", "Infinity", "-Infinity")  # which Python's json module writes and reads


def finite_float(value: object) -> float | None:
    """Return a JSON number as a float; None if it is not a number (a bool is not), not finite, or too large."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # Python parses an integer of any length
        return None
    return number if math.isfinite(number) else None


def has_non_finite(value: object) -> bool:
    """Return whether a parsed value contains NaN or infinity, which are not valid JSON."""
    try:
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return True
    return False


def parse_rewards(payload: bytes, *, rollout_ids: Sequence[str], function: str) -> list[float]:
    """Return the score of each rollout in `rollout_ids`.

    Results are matched by id and never by position (DOCUMENTED: the function returns the ids). A score may be outside
    [0, 1]: the documentation allows a "task-defined range".

    Raises:
        GraderError: the response is not a JSON array of objects; an id is missing, duplicated or unknown; a score is
            missing, a bool, a string, NaN or infinite; NaN, infinity or a number such as 1e999, which overflows a
            float, is anywhere else; an object has a key twice, which JSON parsers resolve differently.
    """
    text = payload.decode("utf-8", "replace")

    def grader_error(reason: str, advice: str, rollout: str | None = None) -> GraderError:
        return GraderError(function=function, reason=reason, advice=advice, rollout=rollout, response=text)

    non_finite: list[str] = []
    try:
        items = _parse_json(payload, non_finite)
    except ValueError as error:
        raise grader_error(f"the response {error}", "Return a list of objects.", rollout_ids[0]) from None
    if not isinstance(items, list):
        raise grader_error(
            f"the response is {_describe_kind(items)}, not a list",
            'Return a list with one {"id": ..., "aggregate_reward_score": ...} for each element of the event.',
            rollout_ids[0],
        )
    results = _results_by_id(items, rollout_ids=rollout_ids, make_error=grader_error)
    scores = [_parse_score(results[name], function=function) for name in rollout_ids]
    if non_finite:  # not in a score, which `_parse_score` would have refused
        raise _non_finite_error(results, rollout_ids, literal=non_finite[0], function=function)
    return scores


def _results_by_id(
    items: list[Any], *, rollout_ids: Sequence[str], make_error: Callable[..., GraderError]
) -> dict[str, dict[str, Any]]:
    """Return the results by id. `make_error` returns the error for a reason, an advice and a rollout."""
    results: dict[str, dict[str, Any]] = {}
    known_ids = set(rollout_ids)
    all_ids = rollout_ids[0] if len(rollout_ids) == 1 else f"{rollout_ids[0]} and {len(rollout_ids) - 1} more"
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            raise make_error(
                f"item {position} of the response is {_describe_kind(item)}, not an object", "Return objects.", all_ids
            )
        name = item.get("id")
        if not isinstance(name, str) or name not in known_ids:
            raise make_error(
                f"item {position} of the response has the id {_to_json(name)[:_MAX_QUOTED_LENGTH]}, "
                "which is not in the event",
                'Copy each element\'s "id" into its result.',
                all_ids,
            )
        if name in results:
            raise make_error("the response holds this id twice", "Return exactly one result for each id.", name)
        results[name] = item
    for name in rollout_ids:
        if name not in results:
            raise make_error(
                f"the response has no result with this id ({len(results)} of {len(rollout_ids)} came back)",
                "Return exactly one result for each id.",
                name,
            )
    return results


def _parse_json(payload: bytes, non_finite: list[str]) -> Any:
    """Parse JSON as Python does, and append every literal for NaN or infinity to `non_finite`.

    RFC 8259 has no such literals, and a number such as 1e999 becomes infinity when it is parsed as a float.

    Raises:
        ValueError: the payload is not valid JSON, or ambiguous.
    """

    def parse_constant(literal: str) -> float:
        non_finite.append(literal)
        return float(literal)

    def parse_number(literal: str) -> float:
        value = float(literal)
        if math.isinf(value):
            non_finite.append(literal)
        return value

    try:
        return parse_json(payload.decode("utf-8"), parse_constant=parse_constant, parse_number=parse_number)
    except UnicodeDecodeError:
        reason = "is not UTF-8"
    except json.JSONDecodeError:
        reason = "is not JSON"
    except RecursionError:
        reason = "is nested too deeply"
    except TooManyDigitsError:
        reason = "holds a number of too many digits"
    except DuplicateKeyError as error:
        reason = f"holds the key {json.dumps(error.key)[:_MAX_QUOTED_LENGTH]} twice in one object"
    raise ValueError(reason)


def _to_json(value: object) -> str:
    """Return a parsed value as JSON. A value that could just be parsed may be nested too deeply to be encoded."""
    try:
        return json.dumps(value)
    except RecursionError:
        return "something nested too deeply to be shown"


def _non_finite_error(
    results: Mapping[str, Any], rollout_ids: Sequence[str], *, literal: str, function: str
) -> GraderError:
    problem = "so it is not JSON" if literal in _NON_FINITE_LITERALS else "which no float can hold"
    name = next((name for name in rollout_ids if has_non_finite(results[name])), rollout_ids[0])
    return GraderError(
        function=function,
        reason=f"the response holds {literal[:_MAX_QUOTED_LENGTH]}, {problem}",
        advice="Leave out, or replace by a number, what is not finite.",
        rollout=name,
        response=_to_json(results[name]),
    )


def _parse_score(result: dict[str, Any], *, function: str) -> float:
    def grader_error(problem: str, advice: str) -> GraderError:
        return GraderError(
            function=function,
            reason=f'"aggregate_reward_score" is {problem}',
            advice=advice,
            rollout=result["id"],
            response=_to_json(result),
        )

    if "aggregate_reward_score" not in result:
        raise grader_error("missing", "Return it as a number.")
    value = result["aggregate_reward_score"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise grader_error(f"{_describe_kind(value)}, not a number", "Return a float, for example 1.0.")
    if not abs(value) <= LARGEST_FLOAT32:  # also true for NaN, for which every comparison is false
        number = str(value) if isinstance(value, float) else "an integer of too many digits"
        raise grader_error(
            f"{number}, not a finite single-precision number",
            "Guard divisions and logarithms in the reward function.",
        )
    return float(value)


def _describe_kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return f"the bool {str(value).lower()}"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "a number"
