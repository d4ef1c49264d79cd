"""The wrong answers of probe S5, by the kind of task."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from simulator.doctor.rows import Row
from simulator.training.reference_answer import AnswerKind
from simulator.training.wrong_answers import make_wrong_answer

WrongAnswerWriter = Callable[[Row, Sequence[Row], float], str | None]
"""Returns a wrong response to a row from all rows and a uniform draw, or None where it would not be wrong."""

_RETRACTION = "At first it looks like {}, but that does not hold.\n"
_EVASIVE_ANSWER = "It depends on several things."
_TENFOLD_DRAW, _OTHER_SIGN_DRAW = 0.4, 0.58  # the draws for which `make_wrong_answer` does this to a number


def _corrupted_answer(content: str, fixed_draw: float | None = None) -> WrongAnswerWriter:
    def write(row: Row, _rows: Sequence[Row], draw: float) -> str:
        value = make_wrong_answer(
            row.reference, content, labels=row.task.labels, u=draw if fixed_draw is None else fixed_draw
        )
        return row.write_response(value, wrong=True)

    return write


def _retracted_answer(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    if row.task.requested_format.format == "json":
        return None  # text before an object is not JSON, so it would score nothing for another reason
    return _RETRACTION.format(row.reference.text) + row.write_response(row.wrong_value, wrong=True)


def _evasive_answer(row: Row, _rows: Sequence[Row], _u: float) -> str:
    return row.write_response(_EVASIVE_ANSWER, wrong=True)


def _answer_of_another_row(row: Row, rows: Sequence[Row], u: float) -> str | None:
    others = [
        other
        for other in rows
        if other.reference.kind == row.reference.kind and other.reference.value != row.reference.value
    ]
    return row.write_response(others[int(u * len(others))].reference.value, wrong=True) if others else None


def _truncated_answer(row: Row, _rows: Sequence[Row], _u: float) -> str:
    lines = row.reference.text.splitlines()
    return row.write_response("\n".join(lines[: len(lines) // 2]) or row.reference.text[: len(row.reference.text) // 2])


def _empty_program(row: Row, _rows: Sequence[Row], _u: float) -> str:
    return row.write_response("pass")


_LABEL_WRONG_ANSWERS: Mapping[str, WrongAnswerWriter] = {
    "right one taken back": _retracted_answer,
    "evasive": _evasive_answer,
}

WRONG_ANSWERS: Final[Mapping[AnswerKind, Mapping[str, WrongAnswerWriter]]] = {
    "number": {
        "ten times as large": _corrupted_answer("near", _TENFOLD_DRAW),
        "other sign": _corrupted_answer("near", _OTHER_SIGN_DRAW),
        "far off": _corrupted_answer("wrong"),
        "right one taken back": _retracted_answer,
    },
    "label": _LABEL_WRONG_ANSWERS,
    "boolean": _LABEL_WRONG_ANSWERS,
    "json": {
        "a field blank": _corrupted_answer("intermediate"),
        "a field changed": _corrupted_answer("wrong"),
        "another row's": _answer_of_another_row,
    },
    "code": {"cut short": _truncated_answer, "does nothing": _empty_program, "another row's": _answer_of_another_row},
    "text": {"evasive": _evasive_answer, "another row's": _answer_of_another_row},
    "none": {},
}
"""Wrong answers by the kind of task. Every kind also has an almost right answer, `Row.wrong_response`."""
