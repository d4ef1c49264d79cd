"""Checks a response against a number."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from simulator.training.marked_answers import find_marked_answers, last_line
from simulator.training.reference_answer import ReferenceAnswer

# INFERRED: one may correct oneself, but whoever gives more answers than this hopes that one will do.
_MOST_ANSWERS: Final = 3
_MOST_DIGITS: Final = 40
# LaTeX's digit grouping, and a space or an underscore where others put a comma.
_GROUPING: Final = re.compile(r"(?<=\d)(?:\{,\}|\\,|,|[ _](?=\d{3}(?:\D|$)))(?=\d)")
_FRACTION: Final = re.compile(r"\\[dt]?frac\s*\{([^{}]+)\}\s*\{([^{}]+)\}")
_NUMBER: Final = re.compile(
    r"(?<![\w.])(?P<sign>[-+\u2212]?)(?:\\?[$€£¥₹]\s?)?(?P<minus>[-\u2212]?)"
    r"(?P<digits>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,3})?)(?:\s?/\s?(?P<under>\d+(?:\.\d+)?)(?![\d/]))?"
)


def is_number_correct(text: str, gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    """Return whether the last number that the response marks, or else its last number, is the right one."""
    wanted = _decimal(_plain(gold.text)) if gold.text else None
    marked = [numbers[0] for answer in find_marked_answers(text) if (numbers := _numbers(answer))]
    if len(set(marked)) > _MOST_ANSWERS:
        return False
    given = marked or _numbers(last_line(text)) or _numbers(text)
    return wanted is not None and bool(given) and _same_number(given[-1], wanted)


def _numbers(text: str) -> list[Decimal]:
    plain = _plain(text)
    # "12 * 3 = 36" comes to 36.
    side = plain.rpartition("=")[2]
    found = [number for match in _NUMBER.finditer(side) if (number := _value(match)) is not None]
    return found or [number for match in _NUMBER.finditer(plain) if (number := _value(match)) is not None]


def _plain(text: str) -> str:
    return _GROUPING.sub("", _FRACTION.sub(r"\1/\2", text).replace("\\$", "$").replace("**", ""))


def parse_number(text: str) -> Decimal | None:
    """Return the number that a whole text is, or None. It may have grouping, a currency sign or a percent sign."""
    match = _NUMBER.fullmatch(_plain(text).strip("%$ "))
    return _value(match) if match else None


def _decimal(text: str) -> Decimal | None:
    match = _NUMBER.search(text)
    return _value(match) if match else None


def _value(match: re.Match[str]) -> Decimal | None:
    if len(match["digits"]) > _MOST_DIGITS:
        return None
    try:
        value = Decimal(match["digits"])
        if match["under"]:
            value /= Decimal(match["under"])
    except (InvalidOperation, ZeroDivisionError):
        return None
    negative = any(match[name] not in ("", "+") for name in ("sign", "minus"))
    return -value if negative else value


def _same_number(given: Decimal, wanted: Decimal) -> bool:
    """Compare; of a reference with decimals, more of them than it has may follow where it was rounded."""
    if given == wanted:
        return True
    places = wanted.as_tuple().exponent
    return isinstance(places, int) and places < 0 and abs(given - wanted) * 2 <= Decimal(1).scaleb(places)
