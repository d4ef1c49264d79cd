"""Wrong answers of the right kind: what a model gives that is almost, partly, or not at all right."""

import re
from collections.abc import Sequence

from simulator.training.dataset import Json
from simulator.training.reference_answer import ReferenceAnswer

_FLIPPED = {"yes": "no", "no": "yes", "true": "false", "false": "true"}
_SLIPS = ((" + ", " - "), ("==", "!="), ("<", "<="), ("return ", "return not "))
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NUMBER_IN_WORK = re.compile(r"\d[\d,]*(?:\.\d+)?")
_EVASION = "It depends on several things."
# Beyond this a float cannot hold an integer, nor, further up, exist.
_EXACT = 10**15


def make_wrong_answer(reference: ReferenceAnswer, content: str, *, labels: Sequence[str], u: float) -> Json:
    """Return a wrong answer; `content` is `near`, `intermediate` or `wrong`, and `u` in (0, 1) picks among several."""
    if reference.kind == "number" and isinstance(reference.value, int | float):
        wrong = _number(reference.value, content, reference.steps, u)
        return wrong if wrong != reference.value else reference.value + 7
    if reference.kind == "boolean":
        return _flipped(reference.text)
    if reference.kind == "label":
        others = [label for label in labels if label != reference.text]
        return _picked(others, u) if others else f"not {reference.text}"
    if reference.kind == "json":
        return _json(reference.value, content, u)
    if reference.kind == "code":
        return _code(reference.text)
    return _text(reference.text, content)


def _picked(items: Sequence[str], u: float) -> str:
    return items[int(u * len(items)) % len(items)]


def _number(value: float, content: str, steps: Sequence[str], u: float) -> float:
    if content == "intermediate":
        seen = [float(text.replace(",", "")) for step in steps for text in _NUMBER_IN_WORK.findall(step)]
        others = [number for number in seen if number != value and number < _EXACT]
        if others:
            picked = others[int(u * len(others)) % len(others)]
            return int(picked) if picked.is_integer() else picked
    if content == "near":
        slips = (value + 1, value - 1, value * 10, -value, value + 10, value * 2)
        return slips[int(u * len(slips)) % len(slips)]
    if abs(value) >= _EXACT:
        return value - 3
    return int(abs(value) * (0.3 + 2.4 * u)) + 3


def _flipped(written: str) -> str:
    other = _FLIPPED[written.lower()]
    if written.isupper():
        return other.upper()
    return other.capitalize() if written[0].isupper() else other


def _json(value: Json, content: str, u: float) -> Json:
    if isinstance(value, list):
        return value[:-1] if content != "wrong" else []
    if not isinstance(value, dict) or not value:
        return []
    name = _picked(list(value), u)
    if content == "near":
        return {other: held for other, held in value.items() if other != name}
    blank: Json = None if content == "intermediate" and value[name] is not None else f"not {value[name]}"
    return {**value, name: blank}


def _code(written: str) -> str:
    for right, slip in _SLIPS:
        if right in written:
            return written.replace(right, slip, 1)
    return "pass"


def _text(written: str, content: str) -> str:
    sentences = _SENTENCE_END.split(written)
    return " ".join(sentences[:-1]) if content == "near" and len(sentences) > 1 else _EVASION
