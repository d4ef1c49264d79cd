"""Wrong JSON values."""

import json
from collections.abc import Sequence
from typing import Final

from simulator.doctor.probes.static.wrong_answer_texts.wrong_answer import (
    FEWER_ROWS,
    WrongAnswer,
    answer_of_another_row,
    corrupted_answer,
)
from simulator.doctor.rows import Row
from simulator.training.dataset import Json


def without_nested_values(value: Json) -> Json:
    """Return a value whose nested objects and lists are empty: a call without its arguments."""
    if isinstance(value, list):
        return [without_nested_values(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: type(item)() if isinstance(item, dict | list) else item for name, item in value.items()}


def _nested_emptied(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    emptied = without_nested_values(row.reference.value)
    return None if emptied == row.reference.value else row.write_response(emptied, wrong=True)


def _one_field_alone(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    value = row.reference.value
    if not isinstance(value, dict) or len(value) < 2:  # noqa: PLR2004  of one field, this is the right answer
        return None
    name = next(iter(value))
    return row.write_response({name: value[name]}, wrong=True)


def _among_wrong_objects(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return the right object between two wrong ones: neither the first nor the last is right."""
    if not isinstance(row.reference.value, dict):
        return None
    wrong = json.dumps(row.wrong_value, ensure_ascii=False)
    return f"{wrong}\n{row.reference.text}\n{wrong}"


WRONG_OBJECTS: Final = (
    WrongAnswer(name="a field blank", write=corrupted_answer("intermediate")),
    WrongAnswer(name="a field changed", write=corrupted_answer("wrong")),
    WrongAnswer(name="another row's", write=answer_of_another_row),
    WrongAnswer(name="nested values emptied", write=_nested_emptied, rows=FEWER_ROWS),
    WrongAnswer(name="one field alone", write=_one_field_alone, rows=FEWER_ROWS),
    WrongAnswer(name="between wrong objects", write=_among_wrong_objects, holds_right_one=True, rows=FEWER_ROWS),
)
"""Wrong JSON values, with the right one without a field, `Row.wrong_response`."""
