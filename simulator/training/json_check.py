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


def is_json_correct(text: str, gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    """Return whether the last JSON value of the right type holds the reference."""
    values = list(find_json_values(_TRAILING_COMMA.sub("", text)))
    if not values and '"' not in text:
        values = list(find_json_values(text.replace("'", '"')))
    alike = [value for value in values if type(value) is type(gold.value)]
    if not alike:
        return False
    if _json_matches(alike[-1], gold.value):
        return True
    # The one field of an object may hold the whole answer.
    return isinstance(alike[-1], dict) and [_json_matches(inner, gold.value) for inner in alike[-1].values()] == [True]


def _json_matches(given: Json, wanted: Json) -> bool:
    """Compare values; what the reference does not ask for may be there too."""
    if isinstance(wanted, dict):
        return isinstance(given, dict) and all(
            name in given and _json_matches(given[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(given, list)
            and len(given) == len(wanted)
            and all(_json_matches(one, other) for one, other in zip(given, wanted, strict=True))
        )
    if isinstance(wanted, bool) or isinstance(given, bool):
        return _normalized_text(given) == _normalized_text(wanted)
    if isinstance(wanted, int | float) or isinstance(given, int | float):
        number = parse_number(_normalized_text(given))
        return number is not None and number == parse_number(_normalized_text(wanted))
    return _normalized_text(given) == _normalized_text(wanted)


def _normalized_text(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return " ".join(normalize_unicode(text).casefold().split())
