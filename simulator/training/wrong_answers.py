"""Wrong answers of the right kind: nearly right, an intermediate result, or plainly wrong."""

import re
from collections.abc import Sequence

from simulator.training.dataset import Json
from simulator.training.reference_answer import ReferenceAnswer

_OPPOSITES = {"yes": "no", "no": "yes", "true": "false", "false": "true"}
_SLIPS = ((" + ", " - "), ("==", "!="), ("<", "<="), ("return ", "return not "))
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NUMBER_IN_WORK = re.compile(r"\d[\d,]*(?:\.\d+)?")
_LETTER = re.compile(r"[A-Za-z]")
_EMPTY_PROGRAM = "pass"
_EVASIVE_TEXT = "It depends on several things."
# Floats are not exact for larger integers.
_MAX_EXACT = 10**15


def make_wrong_answer(reference: ReferenceAnswer, content: str, *, labels: Sequence[str], u: float) -> Json:
    """Return a wrong answer; `content` is `near`, `intermediate` or `wrong`; `u` in (0, 1) chooses among several."""
    if reference.kind == "number" and isinstance(reference.value, int | float):
        wrong = _make_wrong_number(reference.value, content, reference.steps, u)
        return wrong if wrong != reference.value else reference.value + 7
    if reference.kind == "boolean":
        return _make_opposite(reference.text)
    if reference.kind == "label":
        other_labels = [label for label in labels if label not in (reference.text, *reference.others)]
        return _choose(other_labels, u) if other_labels else f"not {reference.text}"
    if reference.kind == "json":
        return _make_wrong_json(reference.value, content, u)
    if reference.kind == "code":
        # A slip in an equation changes its value. A program or a query with a slip may have the same results.
        is_certain = not reference.is_example or not _LETTER.search(reference.text)
        return _make_wrong_code(reference.text) if is_certain else _EMPTY_PROGRAM
    return _make_wrong_text(reference.text, "wrong" if reference.is_example else content)


def _choose(items: Sequence[str], u: float) -> str:
    return items[int(u * len(items)) % len(items)]


def _make_wrong_number(value: float, content: str, steps: Sequence[str], u: float) -> float:
    if content == "intermediate":
        numbers = [float(text.replace(",", "")) for step in steps for text in _NUMBER_IN_WORK.findall(step)]
        intermediate_results = [number for number in numbers if number != value and number < _MAX_EXACT]
        if intermediate_results:
            result = intermediate_results[int(u * len(intermediate_results)) % len(intermediate_results)]
            return int(result) if result.is_integer() else result
    if content == "near":
        slips = (value + 1, value - 1, value * 10, -value, value + 10, value * 2)
        return slips[int(u * len(slips)) % len(slips)]
    if abs(value) >= _MAX_EXACT:
        return value - 3
    return int(abs(value) * (0.3 + 2.4 * u)) + 3


def _make_opposite(text: str) -> str:
    opposite = _OPPOSITES[text.lower()]
    if text.isupper():
        return opposite.upper()
    return opposite.capitalize() if text[0].isupper() else opposite


def _make_wrong_json(value: Json, content: str, u: float) -> Json:
    if isinstance(value, list):
        return value[:-1] if content != "wrong" else []
    if not isinstance(value, dict) or not value:
        return []
    changed_key = _choose(list(value), u)
    if content == "near":
        return {key: field for key, field in value.items() if key != changed_key}
    replacement: Json = (
        None if content == "intermediate" and value[changed_key] is not None else f"not {value[changed_key]}"
    )
    return {**value, changed_key: replacement}


def _make_wrong_code(text: str) -> str:
    for right, slip in _SLIPS:
        if right in text:
            return text.replace(right, slip, 1)
    return _EMPTY_PROGRAM


def _make_wrong_text(text: str, content: str) -> str:
    sentences = _SENTENCE_END.split(text)
    return " ".join(sentences[:-1]) if content == "near" and len(sentences) > 1 else _EVASIVE_TEXT
