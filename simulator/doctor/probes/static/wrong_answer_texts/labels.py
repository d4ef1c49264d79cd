"""Wrong labels and truth values."""

import re
from collections.abc import Sequence
from typing import Final

from simulator.doctor.probes.static.wrong_answer_texts.wrong_answer import (
    DENIALS,
    FEWER_ROWS,
    WrongAnswer,
    evasive_answer,
    retracted_answer,
    right_in_thoughts,
)
from simulator.doctor.rows import Row
from simulator.training.dataset import Json

_MIN_WORD_LETTERS: Final = 3
"""A shorter label, such as the letter of a choice, is not put into a longer word: capitals are found in any word."""

_MAX_LABELS: Final = 30
"""More different answers are names rather than labels."""

_QUANTITY = re.compile(r"([-+]?\d[\d.,]*\s*)([A-Za-z°²³/]+)\.?")
_OTHER_UNITS: Final = {
    "km": "m", "m": "km", "cm": "m", "mm": "cm", "kg": "g", "g": "kg", "mg": "g", "t": "kg", "l": "ml", "ml": "l",
    "h": "min", "min": "h", "s": "min", "ms": "s", "hour": "minutes", "hours": "minutes", "minute": "hours",
    "minutes": "hours", "second": "minutes", "seconds": "minutes", "day": "weeks", "days": "weeks", "week": "days",
    "weeks": "days", "month": "years", "months": "years", "year": "months", "years": "months", "meter": "kilometers",
    "meters": "kilometers", "metres": "kilometres", "kilometers": "meters", "kilometres": "metres", "miles": "feet",
    "feet": "miles", "dollars": "cents", "cents": "dollars", "euros": "cents", "percent": "permille", "kmh": "ms",
}  # fmt: skip
"""A unit of the same kind that is never equal."""


def _other_unit(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return the right quantity with another unit, where the reference is a number with a unit."""
    match = _QUANTITY.fullmatch(row.reference.text.strip())
    unit = _OTHER_UNITS.get(match.group(2).casefold()) if match else None
    return row.write_response(f"{match.group(1)}{unit}", wrong=True) if match and unit else None


def _right_answers(row: Row) -> set[str]:
    return {answer.casefold() for answer in (row.reference.text, *row.reference.others)}


def _word_that_holds_it(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return a longer word that contains the right label: its opposite in the file, or a made-up one."""
    label = row.reference.text
    if len(label) < _MIN_WORD_LETTERS or not label.isascii() or not label[-1].isalpha() or not label[0].isalpha():
        return None
    longer: Json = next(
        (
            other
            for other in row.task.labels
            if label.casefold() in other.casefold() and other.casefold() not in _right_answers(row)
        ),
        f"un{label}",
    )
    return row.write_response(longer, wrong=True)


def _other_answers(row: Row, rows: Sequence[Row]) -> list[str]:
    answers = dict.fromkeys((*row.task.labels, *(other.reference.text for other in rows)))
    return [answer for answer in answers if answer.casefold() not in _right_answers(row)]


def _label_that_begins_alike(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return the other label of the file with the most letters in common at its start, if there is one."""
    if len(row.task.labels) > _MAX_LABELS:
        return None
    right, others = row.reference.text.casefold(), _other_answers(row, ())
    longest = max(others, key=lambda label: _common_letters(label.casefold(), right), default="")
    return row.write_response(longest, wrong=True) if _common_letters(longest.casefold(), right) else None


def _common_letters(one: str, other: str) -> int:
    """Return how many letters two texts have in common at their start."""
    return next(
        (index for index, (left, right) in enumerate(zip(one, other, strict=False)) if left != right),
        len(min(one, other, key=len)),
    )


def _several_in_answer(row: Row, rows: Sequence[Row], _u: float) -> str | None:
    """Return three labels in one answer. The right one is in the middle: neither the first nor the last is right."""
    others = _other_answers(row, rows)
    return row.write_answer(f"{others[0]} or {row.reference.text} or {others[-1]}") if others else None


def _several_answers(row: Row, rows: Sequence[Row], _u: float) -> str | None:
    """Return three marked answers, one a line, the right one in the middle."""
    others = _other_answers(row, rows)
    if not others or not row.allows_surrounding_text:
        return None
    return "\n".join(map(row.write_answer, (others[0], row.reference.value, others[-1])))


WRONG_LABELS: Final = (
    WrongAnswer(name="right one taken back", write=retracted_answer, holds_right_one=True),
    WrongAnswer(name="evasive", write=evasive_answer),
    WrongAnswer(name="a longer word that contains it", write=_word_that_holds_it, rows=FEWER_ROWS),
    WrongAnswer(name="another label that begins alike", write=_label_that_begins_alike, rows=FEWER_ROWS),
    WrongAnswer(name="another unit", write=_other_unit, rows=FEWER_ROWS),
    WrongAnswer(name="several in the answer", write=_several_in_answer, holds_right_one=True, rows=FEWER_ROWS),
    WrongAnswer(name="several answers", write=_several_answers, holds_right_one=True, rows=FEWER_ROWS),
    WrongAnswer(name="right only in the thoughts", write=right_in_thoughts, holds_right_one=True, rows=FEWER_ROWS),
    *DENIALS,
)
"""Wrong labels, with another label of the file, `Row.wrong_response`."""
