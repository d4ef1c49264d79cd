"""What a reward function returned, read as one finite number a rollout or refused with the reason."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.http.sanitize import sanitize
from simulator.training.metrics import LARGEST_FLOAT32
from simulator.training.strict_json import DuplicateKeyError, TooManyDigitsError, parse_json

TIMEOUT_ERROR_TYPE: Final = "Sandbox.Timedout"  # the error type of an invocation that ran into its function's Timeout

_MAX_EXCERPT_LENGTH: Final = 500  # characters of a response that an error message repeats
_MAX_QUOTED_LENGTH: Final = 80  # characters of a key, an id or a number likewise
_NON_FINITE_LITERALS: Final = ("NaN", "Infinity", "-Infinity")  # which Python writes and reads
_PACKAGE_PATH: Final = '"/var/task/'
_REQUEST_ID: Final = re.compile(r"^RequestId: [0-9a-f-]{36} (Error: )?")


class GraderError(Exception):
    """The reward function did not give a usable score.

    `str()` is what the job's `error.message` says: the function, the rollout, what was wrong, the response, what to do.
    """

    def __init__(
        self, *, function: str, reason: str, advice: str, rollout: str | None = None, response: str = ""
    ) -> None:
        where = f" for rollout {rollout}" if rollout else ""
        shown = f" Response: {excerpt(response)}" if response else ""
        # A function may say what no log can hold and what a terminal would obey.
        super().__init__(sanitize(f"{function}{where}: {reason}.{shown} {advice}", keep_newlines=True))
        self.function = function
        self.rollout = rollout
        self.reason = reason


def excerpt(text: str) -> str:
    """Return `text` short enough for a message, saying how much was left out."""
    return (
        text
        if len(text) <= _MAX_EXCERPT_LENGTH
        else f"{text[:_MAX_EXCERPT_LENGTH]}… ({len(text) - _MAX_EXCERPT_LENGTH} more characters)"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaFailure:
    """Lambda's error object; `location` is the innermost line of its stack trace in the function's own package."""

    type: str
    message: str
    location: str = ""


def parse_failure(payload: bytes) -> LambdaFailure:
    """Read the error object of a function that failed."""
    try:
        error = json.loads(payload)
        trace = error.get("stackTrace")
        frames = [str(frame).strip().partition("\n")[0] for frame in trace] if isinstance(trace, list) else []
        # A reader can mend a line of theirs, and not one of the standard library.
        place = next((frame for frame in reversed(frames) if _PACKAGE_PATH in frame), frames[-1] if frames else "")
        return LambdaFailure(
            type=excerpt(str(error.get("errorType", "an error"))),
            # Which invocation it was depends on which of several came first, and a log must not.
            message=excerpt(_REQUEST_ID.sub("", str(error.get("errorMessage", "")))),
            location=f" ({excerpt(place)})" if place else "",
        )
    except (ValueError, AttributeError, RecursionError):
        return LambdaFailure(type="an error", message=excerpt(payload.decode("utf-8", "replace")))


def finite_float(value: object) -> float | None:
    """Return a JSON number as a float; None for what is none (a bool is none), not finite, or too large for a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # Python reads an integer of any length
        return None
    return number if math.isfinite(number) else None


def has_non_finite(value: object) -> bool:
    """Whether a value that Python has read holds NaN or infinity, which JSON has no form for."""
    try:
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return True
    return False


def parse_rewards(payload: bytes, *, rollout_ids: Sequence[str], function: str) -> list[float]:
    """Return the score of each rollout in `rollout_ids`, joined by id and never by position (DOCUMENTED: ids are echoed back).

    Scores may lie outside [0, 1]: the documentation allows a "task-defined range".

    Raises:
        GraderError: a response that is not a JSON array of objects; an id that is missing, doubled or unknown; a
            score that is missing, a bool, a string, NaN or infinite; NaN, infinity, or a number such as 1e999 that is
            infinity to a float, in any other place; a key that stands twice in an object, of which readers take one
            or the other.
    """
    text = payload.decode("utf-8", "replace")

    def fault(reason: str, advice: str, rollout: str | None = None) -> GraderError:
        return GraderError(function=function, reason=reason, advice=advice, rollout=rollout, response=text)

    not_finite: list[str] = []
    try:
        answer = _parse_json(payload, not_finite)
    except ValueError as error:
        raise fault(f"the response {error}", "Return a list of objects.", rollout_ids[0]) from None
    if not isinstance(answer, list):
        raise fault(
            f"the response is {_describe_kind(answer)}, not a list",
            'Return a list with one {"id": ..., "aggregate_reward_score": ...} for each element of the event.',
            rollout_ids[0],
        )
    results = _results_by_id(answer, sent=rollout_ids, make_error=fault)
    scores = [_parse_score(results[name], function=function) for name in rollout_ids]
    if not_finite:  # in no score: that would have been told
        raise _non_finite_error(results, rollout_ids, written=not_finite[0], function=function)
    return scores


def _results_by_id(
    answer: list[Any], *, sent: Sequence[str], make_error: Callable[..., GraderError]
) -> dict[str, dict[str, Any]]:
    """Return the results by their ids; `make_error` makes the error of a reason, an advice and the rollout."""
    results: dict[str, dict[str, Any]] = {}
    known, all_sent = set(sent), sent[0] if len(sent) == 1 else f"{sent[0]} and {len(sent) - 1} more"
    for position, item in enumerate(answer):
        if not isinstance(item, dict):
            raise make_error(
                f"item {position} of the response is {_describe_kind(item)}, not an object", "Return objects.", all_sent
            )
        name = item.get("id")
        if not isinstance(name, str) or name not in known:
            raise make_error(
                f"item {position} of the response has the id {_to_json(name)[:_MAX_QUOTED_LENGTH]}, which is not in the event",
                'Copy each element\'s "id" into its result.',
                all_sent,
            )
        if name in results:
            raise make_error("the response holds this id twice", "Return exactly one result for each id.", name)
        results[name] = item
    for name in sent:
        if name not in results:
            raise make_error(
                f"the response has no result with this id ({len(results)} of {len(sent)} came back)",
                "Return exactly one result for each id.",
                name,
            )
    return results


def _parse_json(payload: bytes, not_finite: list[str]) -> Any:
    """Read JSON as Python does, and note what it writes for NaN or infinity.

    JSON has no words for these (RFC 8259), and a number such as 1e999 is infinity to whoever reads it as a float.

    Raises:
        ValueError: it cannot be read, or in more than one way.
    """

    def constant(word: str) -> float:
        not_finite.append(word)
        return float(word)

    def number(digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            not_finite.append(digits)
        return value

    try:
        return parse_json(payload.decode("utf-8"), parse_constant=constant, parse_number=number)
    except UnicodeDecodeError:
        why = "is not UTF-8"
    except json.JSONDecodeError:
        why = "is not JSON"
    except RecursionError:
        why = "is nested too deeply"
    except TooManyDigitsError:
        why = "holds a number of too many digits"
    except DuplicateKeyError as error:
        why = f"holds the key {json.dumps(error.key)[:_MAX_QUOTED_LENGTH]} twice in one object"
    raise ValueError(why)


def _to_json(value: object) -> str:
    """Return a value of the answer as JSON; what could just be read may be nested too deeply to be written."""
    try:
        return json.dumps(value)
    except RecursionError:
        return "something nested too deeply to be shown"


def _non_finite_error(results: Mapping[str, Any], sent: Sequence[str], *, written: str, function: str) -> GraderError:
    fault = "so it is not JSON" if written in _NON_FINITE_LITERALS else "which no float can hold"
    name = next((name for name in sent if has_non_finite(results[name])), sent[0])
    return GraderError(
        function=function,
        reason=f"the response holds {written[:_MAX_QUOTED_LENGTH]}, {fault}",
        advice="Leave out, or replace by a number, what is not finite.",
        rollout=name,
        response=_to_json(results[name]),
    )


def _parse_score(result: dict[str, Any], *, function: str) -> float:
    def fault(what: str, advice: str) -> GraderError:
        return GraderError(
            function=function,
            reason=f'"aggregate_reward_score" is {what}',
            advice=advice,
            rollout=result["id"],
            response=_to_json(result),
        )

    if "aggregate_reward_score" not in result:
        raise fault("missing", "Return it as a number.")
    value = result["aggregate_reward_score"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise fault(f"{_describe_kind(value)}, not a number", "Return a float, for example 1.0.")
    if not abs(value) <= LARGEST_FLOAT32:  # NaN too: it is not at most anything
        shown = str(value) if isinstance(value, float) else "an integer of too many digits"
        raise fault(
            f"{shown}, not a finite single-precision number",
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
