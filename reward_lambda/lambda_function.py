"""A reward function for word problems: 1.0 when the response gives the reference answer after `####`, else 0.0.

To write your own, keep `lambda_handler` and `read_response`, and change `grade`. Three rules hold for any task: return
one result per rollout with the rollout's own `id`; never raise on a malformed rollout (one exception fails the job);
never reward a list of answers. `rft-sim preview` prints the event, and `rft-sim doctor` tests the function.
"""

import re
from fractions import Fraction
from typing import Any

MARKER = "####"  # the prompt asks for it
MAX_ANSWERS = 5  # not 1: models correct themselves, and write headings such as `#### 2. Add the tips`
MAX_DIGITS = 60  # longer numbers are not answers, and exact arithmetic on them is slow
REFERENCE_KEYS = ("answer", "final_answer", "value", "text")  # Bedrock wraps a bare string as {"text": "..."}

_ASCII = str.maketrans("０１２３４５６７８９，．－／＄−–", "0123456789,.-/$--")  # noqa: RUF001  full-width, dashes
# No part is required after a repetition, so the search does not backtrack and takes linear time on any text.
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_])(?:[0-9][0-9,]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,2}(?![0-9]))?(?:/[0-9]+)?|\.[0-9]+)"
)
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9,])")
_DECORATION = re.compile(r"(?:\\boxed|[\W_])*")  # signs, currency, bold or a LaTeX box before the number


def lambda_handler(event: Any, context: object) -> list[dict[str, Any]]:  # noqa: ARG001  Lambda passes the context
    """Return one result per rollout of the event, which is a list or an object that holds one under `trajectories`."""
    if isinstance(event, dict):
        event = event["trajectories"] if isinstance(event.get("trajectories"), list) else [event]
    rollouts = event if isinstance(event, list) else []
    results = [grade(rollout if isinstance(rollout, dict) else {}) for rollout in rollouts]
    bad_ids = [result["id"] for result in results if not all(metric["value"] for metric in result["metrics_list"][2:])]
    mean = sum(result["aggregate_reward_score"] for result in results) / max(1, len(results))
    # One line per call: printing the event would put some 30 kB per step into CloudWatch Logs.
    print(
        f"graded {len(results)} rollouts: mean reward {mean:.4f}, {len(bad_ids)} unreadable {ascii(bad_ids[:1])[:80]}"
    )
    return results


def grade(rollout: dict[str, Any]) -> dict[str, Any]:
    """Return the result of one rollout. The reward is `aggregate_reward_score`; the metrics only explain it."""
    response, reference = read_response(rollout), read_reference(rollout)
    answer, has_marker = (None, False) if response is None else find_answer(response)
    correct = answer is not None and answer == reference
    metrics = {"correct": correct, "format": has_marker}
    checks = {"well_formed": response is not None, "reference_readable": reference is not None}
    return {
        "id": rollout["id"] if isinstance(rollout.get("id"), str | int) else None,
        "aggregate_reward_score": float(correct and has_marker),
        "metrics_list": [
            *({"name": name, "value": float(value), "type": "Reward"} for name, value in metrics.items()),
            *({"name": name, "value": float(value), "type": "Metric"} for name, value in checks.items()),
        ],
    }


def read_response(rollout: dict[str, Any]) -> str | None:
    """Return the text of the last message if the assistant wrote it, else None. Content may be a list of text parts."""
    messages = rollout.get("messages")
    last_message = messages[-1] if isinstance(messages, list) and messages else None
    if not isinstance(last_message, dict) or last_message.get("role") not in ("assistant", "nova_assistant"):
        return None
    content = last_message.get("content")
    parts = [part.get("text") for part in content if isinstance(part, dict)] if isinstance(content, list) else [content]
    texts = [text for text in parts if isinstance(text, str)]
    return "".join(texts) if texts else None


def read_reference(rollout: dict[str, Any]) -> Fraction | None:
    """Return the reference answer, or None. It is in `metadata` (Bedrock's guide) or at the root (Amazon's sample)."""
    for field in ("reference_answer", "ground_truth"):
        for fields in (rollout, rollout.get("metadata")):
            value = fields.get(field) if isinstance(fields, dict) else None
            for candidate in [value.get(key) for key in REFERENCE_KEYS] if isinstance(value, dict) else [value]:
                if (number := _reference_number(candidate)) is not None:
                    return number
    return None


def _reference_number(value: Any) -> Fraction | None:
    """Read 72, 0.5, "72", "$1,250", or a worked solution that ends in `#### 72`."""
    if isinstance(value, str) and MARKER in value:
        answer, has_marker = find_answer(value)
        return answer if has_marker else None
    if isinstance(value, float):
        value = repr(value)  # the shortest decimal, so that 0.1 is one tenth; nan and inf have no digits
    if isinstance(value, str):
        return only_number(value)
    return Fraction(value) if isinstance(value, int) and not isinstance(value, bool) else None


def find_answer(text: str) -> tuple[Fraction | None, bool]:
    """Return the number after the last `####`, else the only number on the last line; and whether it follows `####`."""
    answers = []
    for segment in text.split(MARKER)[1:]:
        line = segment.lstrip().partition("\n")[0].translate(_ASCII)
        if re.match("[0-9]", _DECORATION.sub("", line, count=1)):
            answers.append(only_number(line))
    if answers:
        return (answers[-1] if len(set(answers)) <= MAX_ANSWERS else None), True
    return only_number(text.rstrip().rpartition("\n")[2]), False


def only_number(text: str) -> Fraction | None:
    """Return the only number in a text, exactly (72.0, $72 and 144/2 are 72); None if there is none, or several."""
    text = text.translate(_ASCII)
    matches = _NUMBER.finditer(text)
    first_match = next(matches, None)
    if first_match is None or next(matches, None) is not None:
        return None
    digits = first_match.group().rstrip(",")
    if len(digits) > MAX_DIGITS or ("," in digits and not _THOUSANDS.match(digits)):
        return None
    numerator, _, denominator = digits.replace(",", "").partition("/")
    if denominator and not int(denominator):
        return None
    number = Fraction(numerator) / Fraction(denominator or 1)
    text_before = text[: first_match.start()].rstrip("\\$€£¥*_`")
    # A minus counts only if it touches the number: `10-5` and `Total - 72` have none.
    return -number if text_before.endswith("-") and not text_before[-2:-1].isalnum() else number
