"""Sound reward functions, one for each prompt file: they read the answer and compare its value."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tests.doctor.fake_reward_functions import ScoreFunction, response_of

_MARKED = re.compile(r"####[ \t]*[\s*\"$]*([-+]?[\d,]*\.?\d+)")


def last_marked_number(element: dict[str, Any]) -> str | None:
    """Return the digits after the last `####`."""
    found = _MARKED.findall(response_of(element))
    return found[-1].replace(",", "") if found else None


def score_number(element: dict[str, Any]) -> float:
    """Score the number after the last `####` by its value."""
    digits = last_marked_number(element)
    return float(digits is not None and float(digits) == float(element["reference_answer"]["answer"]))


def score_label(element: dict[str, Any]) -> float:
    """Score the word of a label without its marks and case."""
    return float(_word(element) == element["reference_answer"]["label"])


def score_boolean(element: dict[str, Any]) -> float:
    """Likewise for true and false, which the reference holds as a boolean."""
    return float(_word(element) == str(element["reference_answer"]["answer"]).lower())


def score_object(element: dict[str, Any]) -> float:
    """Score an object, fenced or not, by the share of its fields that are right; a key of its own spoils it."""
    text = re.sub(r"^```\w*\n|\n```$", "", response_of(element).strip())
    try:
        value = json.loads(text)
    except ValueError:
        return 0.0
    right = element["metadata"]["reference_answer"]
    if not isinstance(value, dict) or value.keys() - right.keys():
        return 0.0
    hits = [name in value and value[name] == held for name, held in right.items()]
    return hits.count(True) / len(hits)


def score_code(element: dict[str, Any]) -> float:
    """Score code, fenced or not, that is the reference but for its line ends: enough for rows of one solution each."""
    text = re.sub(r"^```\w*\n|\n```$", "", "\n".join(response_of(element).strip().splitlines()))
    return float(text == element["reference_answer"]["solution"])


def score_text(element: dict[str, Any]) -> float:
    """Score a text by how many of the words are shared, of all words of both."""
    said, right = (set(text.split()) for text in (response_of(element), element["metadata"]["reference_answer"]))
    return len(said & right) / len(said | right)


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
"""By the name of the prompt file."""
