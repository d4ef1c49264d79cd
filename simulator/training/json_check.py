"""Checks a response against a JSON value."""

import json
import re
from collections.abc import Sequence
from typing import Final

from simulator.training.dataset import Json
from simulator.training.marked_answers import find_json_values
from simulator.training.number_check import parse_number
from simulator.training.reference_answer import ReferenceAnswer
from simulator.training.unicode_normalization import normalize_unicode

_TRAILING_COMMA: Final = re.compile(r",(?=\s*[}\]])")


def is_json_correct(text: str, reference: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    """Return whether the last JSON value of the right type holds the reference."""
    values = list(find_json_values(_TRAILING_COMMA.sub("", text)))
    if not values and '"' not in text:
        values = list(find_json_values(text.replace("'", '"')))
    candidates = [value for value in values if type(value) is type(reference.value)]
    if not candidates:
        return False
    if _json_matches(candidates[-1], reference.value):
        return True
    # An object may have the whole answer in its only field.
    return isinstance(candidates[-1], dict) and [
        _json_matches(inner, reference.value) for inner in candidates[-1].values()
    ] == [True]


def _json_matches(candidate: Json, reference: Json) -> bool:
    """Return whether `candidate` matches the reference. Its objects may have more fields than the reference."""
    if isinstance(reference, dict):
        return isinstance(candidate, dict) and all(
            name in candidate and _json_matches(candidate[name], value) for name, value in reference.items()
        )
    if isinstance(reference, list):
        return (
            isinstance(candidate, list)
            and len(candidate) == len(reference)
            and all(
                _json_matches(item, reference_item) for item, reference_item in zip(candidate, reference, strict=True)
            )
        )
    if isinstance(reference, bool) or isinstance(candidate, bool):
        return _normalize_text(candidate) == _normalize_text(reference)
    if isinstance(reference, int | float) or isinstance(candidate, int | float):
        number = parse_number(_normalize_text(candidate))
        return number is not None and number == parse_number(_normalize_text(reference))
    return _normalize_text(candidate) == _normalize_text(reference)


def _normalize_text(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return " ".join(normalize_unicode(text).casefold().split())
