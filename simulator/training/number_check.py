"""Checks a response against a number."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from simulator.training.marked_answers import find_marked_answers, last_line
from simulator.training.reference_answer import ReferenceAnswer

# INFERRED: a response may correct itself, but more answers than this are guesses.
_MAX_ANSWERS: Final = 3
_MAX_DIGITS: Final = 40
# Digit groups: by a comma, as LaTeX writes it, or by a space or an underscore.
_GROUPING: Final = re.compile(r"(?<=\d)(?:\{,\}|\\,|,|[ _](?=\d{3}(?:\D|$)))(?=\d)")
_FRACTION: Final = re.compile(r"\\[dt]?frac\s*\{([^{}]+)\}\s*\{([^{}]+)\}")
_NUMBER: Final = re.compile(
    r"(?<![\w.])(?P<sign>[-+\u2212]?)(?:\\?[$€£¥₹]\s?)?(?P<minus>[-\u2212]?)"
    r"(?P<digits>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,3})?)(?:\s?/\s?(?P<under>\d+(?:\.\d+)?)(?![\d/]))?"
)


def is_number_correct(text: str, reference: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    """Return whether the last number that the response marks, or else its last number, is the right one."""
    expected = _first_number(_simplify(reference.text)) if reference.text else None
    marked = [answer_numbers[0] for answer in find_marked_answers(text) if (answer_numbers := _find_numbers(answer))]
    if len(set(marked)) > _MAX_ANSWERS:
        return False
    numbers = marked or _find_numbers(last_line(text)) or _find_numbers(text)
    return expected is not None and bool(numbers) and _is_same_number(numbers[-1], expected)


def _find_numbers(text: str) -> list[Decimal]:
    simplified = _simplify(text)
    # In "12 * 3 = 36" the answer is 36.
    right_side = simplified.rpartition("=")[2]
    numbers = [number for match in _NUMBER.finditer(right_side) if (number := _decimal_from(match)) is not None]
    return numbers or [number for match in _NUMBER.finditer(simplified) if (number := _decimal_from(match)) is not None]


def _simplify(text: str) -> str:
    return _GROUPING.sub("", _FRACTION.sub(r"\1/\2", text).replace("\\$", "$").replace("**", ""))


def parse_number(text: str) -> Decimal | None:
    """Return the number that a whole text is, or None. It may have grouping, a currency sign or a percent sign."""
    match = _NUMBER.fullmatch(_simplify(text).strip("%$ "))
    return _decimal_from(match) if match else None


def _first_number(text: str) -> Decimal | None:
    match = _NUMBER.search(text)
    return _decimal_from(match) if match else None


def _decimal_from(match: re.Match[str]) -> Decimal | None:
    if len(match["digits"]) > _MAX_DIGITS:
        return None
    try:
        value = Decimal(match["digits"])
        if match["under"]:
            value /= Decimal(match["under"])
    except (InvalidOperation, ZeroDivisionError):
        return None
    negative = any(match[name] not in ("", "+") for name in ("sign", "minus"))
    return -value if negative else value


def _is_same_number(number: Decimal, expected: Decimal) -> bool:
    """Return whether two numbers are equal, or equal after rounding to the decimals of the reference."""
    if number == expected:
        return True
    places = expected.as_tuple().exponent
    return isinstance(places, int) and places < 0 and abs(number - expected) * 2 <= Decimal(1).scaleb(places)
