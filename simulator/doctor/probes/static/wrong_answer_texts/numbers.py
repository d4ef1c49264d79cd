"""Wrong numbers."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from simulator.doctor.probes.static.wrong_answer_texts.wrong_answer import (
    DENIALS,
    FEWER_ROWS,
    WrongAnswer,
    WrongAnswerWriter,
    corrupted_answer,
    retracted_answer,
    right_in_thoughts,
)
from simulator.doctor.rows import Row
from simulator.training.dataset import prompt_text

_TENFOLD_DRAW, _OTHER_SIGN_DRAW = 0.4, 0.58  # the draws for which `make_wrong_answer` does this to a number

_FRACTION_OF_ONE: Final = 0.4  # rounds to the right number, and is cut to it
_TOLERATED: Final = (20, 100)
"""Between these, `_FRACTION_OF_ONE` may be within a tolerance of 1 % that refuses the almost right answer (INFERRED).

For smaller numbers the tolerance refuses both, and for larger ones neither.
"""

_MIN_FOR_TENTH: Final = 20
"""Smaller numbers are tested by the almost right answer, which differs by 1."""

_MAX_EXACT: Final = 10**15  # floats are not exact for larger integers
_PERCENTAGE = re.compile(r"(?i)%|percent|per cent|\bshare\b|\bfraction\b|\bprobability\b|\bproportion\b")


def _written_number(change: Callable[[float], float | None]) -> WrongAnswerWriter:
    """Return a writer of the number that `change` returns."""

    def write(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
        value = row.reference.value
        if not isinstance(value, int | float) or abs(value) >= _MAX_EXACT:
            return None
        changed = change(value)
        if changed is None or changed == value:
            return None
        return row.write_response(int(changed) if float(changed).is_integer() else changed, wrong=True)

    return write


def _unless_percentage(write: WrongAnswerWriter) -> WrongAnswerWriter:
    """Return a writer for rows that do not speak of a share: there, 0.35 and 35 % may be the same."""
    return lambda row, rows, u: (
        None
        if _PERCENTAGE.search(row.reference.text) or _PERCENTAGE.search(prompt_text(row.record.messages))
        else write(row, rows, u)
    )


def _change_by_less_than_one(value: float) -> float | None:
    """Return a number with the same whole part, which cutting makes equal to the right one."""
    if _TOLERATED[0] < abs(value) <= _TOLERATED[1]:
        return None
    away_from_zero = -1 if value < 0 else 1
    towards = away_from_zero if abs(value) % 1 < 1 - _FRACTION_OF_ONE else -away_from_zero
    return round(value + towards * _FRACTION_OF_ONE, 6)


def _add_tenth(value: float) -> float | None:
    return value + round(value / 10) if abs(value) > _MIN_FOR_TENTH else None


def _inside_longer_number(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    value = row.reference.value
    if not isinstance(value, int) or not 0 <= value < _MAX_EXACT:
        return None
    return row.write_response(int(f"1{value}7"), wrong=True)


def _neighbours(row: Row) -> tuple[float, float] | None:
    value = row.reference.value
    if not isinstance(value, int | float) or abs(value) >= _MAX_EXACT:
        return None
    return (value - 1, value + 1)


def _several_in_answer(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return three numbers in one answer, the right one in the middle."""
    if (around := _neighbours(row)) is None:
        return None
    return row.write_answer(f"{around[0]:g} or {row.reference.text} or {around[1]:g}")


def _several_answers(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return three answers, one a line, the right one in the middle: neither the first nor the last is right."""
    if (around := _neighbours(row)) is None:
        return None
    return "\n".join(map(row.write_answer, (around[0], row.reference.value, around[1])))


WRONG_NUMBERS: Final = (
    WrongAnswer(name="ten times as large", write=corrupted_answer("near", _TENFOLD_DRAW)),
    WrongAnswer(name="other sign", write=corrupted_answer("near", _OTHER_SIGN_DRAW)),
    WrongAnswer(name="far off", write=corrupted_answer("wrong")),
    WrongAnswer(name="right one taken back", write=retracted_answer, holds_right_one=True),
    WrongAnswer(
        name="a hundred times as large",
        write=_unless_percentage(_written_number(lambda value: value * 100)),
        rows=FEWER_ROWS,
    ),
    WrongAnswer(
        name="a hundredth", write=_unless_percentage(_written_number(lambda value: value / 100)), rows=FEWER_ROWS
    ),
    WrongAnswer(name="off by less than one", write=_written_number(_change_by_less_than_one), rows=FEWER_ROWS),
    WrongAnswer(name="off by a tenth", write=_written_number(_add_tenth), rows=FEWER_ROWS),
    WrongAnswer(name="inside a longer number", write=_inside_longer_number, rows=FEWER_ROWS),
    WrongAnswer(name="several in the answer", write=_several_in_answer, holds_right_one=True, rows=FEWER_ROWS),
    WrongAnswer(name="several answers", write=_several_answers, holds_right_one=True, rows=FEWER_ROWS),
    WrongAnswer(name="right only in the thoughts", write=right_in_thoughts, holds_right_one=True, rows=FEWER_ROWS),
    *DENIALS,
)
"""Wrong numbers, with the almost right one of `Row.wrong_response`."""
