"""A sound reward function for each prompt file. It reads the answer and compares its value."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tests.doctor.fake_reward_functions import ScoreFunction, response_of

_MARKED = re.compile(r"####[ \t]*[\s*\"$]*([-+]?[\d,]*\.?\d+)")


def last_marked_number(element: dict[str, Any]) -> str | None:
    """Return the digits after the last `####`."""
    numbers = _MARKED.findall(response_of(element))
    return numbers[-1].replace(",", "") if numbers else None


def score_number(element: dict[str, Any]) -> float:
    """Score the number after the last `####` by its value."""
    digits = last_marked_number(element)
    return float(digits is not None and float(digits) == float(element["reference_answer"]["answer"]))


def score_label(element: dict[str, Any]) -> float:
    """Score a label, regardless of marks and case."""
    return float(_word(element) == element["reference_answer"]["label"])


def score_boolean(element: dict[str, Any]) -> float:
    """Score true and false, which are booleans in the reference."""
    return float(_word(element) == str(element["reference_answer"]["answer"]).lower())


def score_object(element: dict[str, Any]) -> float:
    """Score an object, fenced or not, by the share of right fields. An unknown key scores 0."""
    text = re.sub(r"^```\w*\n|\n```$", "", response_of(element).strip())
    try:
        value = json.loads(text)
    except ValueError:
        return 0.0
    right = element["metadata"]["reference_answer"]
    if not isinstance(value, dict) or value.keys() - right.keys():
        return 0.0
    matches = [name in value and value[name] == expected for name, expected in right.items()]
    return matches.count(True) / len(matches)


def score_code(element: dict[str, Any]) -> float:
    """Score code, fenced or not, that equals the reference except for its line ends."""
    text = re.sub(r"^```\w*\n|\n```$", "", "\n".join(response_of(element).strip().splitlines()))
    return float(text == element["reference_answer"]["solution"])


def score_text(element: dict[str, Any]) -> float:
    """Score a text by the share of common words among the words of both texts."""
    words, right = (set(text.split()) for text in (response_of(element), element["metadata"]["reference_answer"]))
    return len(words & right) / len(words | right)


def _word(element: dict[str, Any]) -> str:
    return response_of(element).strip().strip('."*').lower()


SOUND_SCORES: Final[Mapping[str, ScoreFunction]] = {
    "train": score_number,
    "labels": score_label,
    "boolean": score_boolean,
    "json": score_object,
    "code": score_code,
    "text": score_text,
}
"""The functions by the name of the prompt file."""
