"""What a reward function returned, read as one finite number a rollout or refused with the reason."""

import json
from collections.abc import Sequence
from typing import Any, Final

from simulator.training.metrics import LARGEST_FLOAT32

_SHOWN: Final = 500  # characters of a response that an error message repeats


class GraderError(Exception):
    """The reward function did not give a usable score.

    `str()` is what the job's `error.message` says: the function, the rollout, what was wrong, the response, what to do.
    """

    def __init__(
        self, *, function: str, reason: str, advice: str, rollout: str | None = None, response: str = ""
    ) -> None:
        where = f" for rollout {rollout}" if rollout else ""
        shown = f" Response: {excerpt(response)}" if response else ""
        # A function may say what is no text, half of a surrogate pair say, and the log must still hold it.
        said = f"{function}{where}: {reason}.{shown} {advice}".encode("utf-8", "backslashreplace").decode("utf-8")
        super().__init__(said)
        self.function = function
        self.rollout = rollout
        self.reason = reason


def excerpt(text: str) -> str:
    """Return `text` short enough for a message, saying how much was left out."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text) - _SHOWN} more characters)"


def rewards_by_id(payload: bytes, *, sent: Sequence[str], function: str) -> list[float]:
    """Return the score of each rollout in `sent`, joined by id and never by position (DOCUMENTED: ids are echoed back).

    Scores may lie outside [0, 1]: the documentation allows a "task-defined range".

    Raises:
        GraderError: a response that is not a JSON array of objects; an id that is missing, doubled or unknown; a
            score that is missing, a bool, a string, NaN or infinite.
    """
    text = payload.decode("utf-8", "replace")

    def fault(reason: str, advice: str, rollout: str | None = None) -> GraderError:
        return GraderError(function=function, reason=reason, advice=advice, rollout=rollout, response=text)

    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        raise fault("the response is not JSON", "Return a list of objects.", sent[0]) from None
    if not isinstance(answer, list):
        raise fault(
            f"the response is {_kind(answer)}, not a list",
            'Return a list with one {"id": ..., "aggregate_reward_score": ...} for each element of the event.',
            sent[0],
        )
    results: dict[str, dict[str, Any]] = {}
    known, all_sent = set(sent), sent[0] if len(sent) == 1 else f"{sent[0]} and {len(sent) - 1} more"
    for position, item in enumerate(answer):
        if not isinstance(item, dict):
            raise fault(f"item {position} of the response is {_kind(item)}, not an object", "Return objects.", all_sent)
        name = item.get("id")
        if not isinstance(name, str) or name not in known:
            raise fault(
                f"item {position} of the response has the id {json.dumps(name)[:80]}, which is not in the event",
                'Copy each element\'s "id" into its result.',
                all_sent,
            )
        if name in results:
            raise fault("the response holds this id twice", "Return exactly one result for each id.", name)
        results[name] = item
    for name in sent:
        if name not in results:
            raise fault(
                f"the response has no result with this id ({len(results)} of {len(sent)} came back)",
                "Return exactly one result for each id.",
                name,
            )
    return [_score(results[name], function=function) for name in sent]


def _score(result: dict[str, Any], *, function: str) -> float:
    def fault(what: str, advice: str) -> GraderError:
        return GraderError(
            function=function,
            reason=f'"aggregate_reward_score" is {what}',
            advice=advice,
            rollout=result["id"],
            response=json.dumps(result),
        )

    if "aggregate_reward_score" not in result:
        raise fault("missing", "Return it as a number.")
    value = result["aggregate_reward_score"]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise fault(f"{_kind(value)}, not a number", "Return a float, for example 1.0.")
    if not abs(value) <= LARGEST_FLOAT32:  # NaN too: it is not at most anything
        shown = str(value) if isinstance(value, float) else "an integer of too many digits"
        raise fault(
            f"{shown}, not a finite single-precision number",
            "Guard divisions and logarithms in the reward function.",
        )
    return float(value)


def _kind(value: object) -> str:
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
