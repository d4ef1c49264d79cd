"""Wrong programs."""

from collections.abc import Sequence
from typing import Final

from simulator.doctor.probes.static.program_tasks import is_query, prompt_example
from simulator.doctor.probes.static.wrong_answer_texts.wrong_answer import (
    FEWER_ROWS,
    WrongAnswer,
    answer_of_another_row,
)
from simulator.doctor.rows import Row


def _truncated(row: Row, _rows: Sequence[Row], _u: float) -> str:
    lines = row.reference.text.splitlines()
    return row.write_response("\n".join(lines[: len(lines) // 2]) or row.reference.text[: len(row.reference.text) // 2])


def _does_nothing(row: Row, _rows: Sequence[Row], _u: float) -> str:
    return row.write_response("SELECT NULL WHERE 1 = 0" if is_query(row) else "pass")


def _only_example(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return a function that returns the result of the prompt's example, whatever its arguments are."""
    example = prompt_example(row)
    return (
        None
        if example is None
        else row.write_response(f"def {example.name}(*_arguments):\n    return {example.result}")
    )


def _rows_without_values(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return a query that selects as many rows as the right one, and none of their values."""
    if not is_query(row):
        return None
    query = row.reference.text.rstrip("; \n")
    return row.write_response(f"SELECT NULL FROM ({query})")  # noqa: S608  a response, not a call


WRONG_PROGRAMS: Final = (
    WrongAnswer(name="cut short", write=_truncated),
    WrongAnswer(name="does nothing", write=_does_nothing),
    WrongAnswer(name="another row's", write=answer_of_another_row),
    WrongAnswer(name="only the prompt's example", write=_only_example, rows=FEWER_ROWS),
    WrongAnswer(name="as many rows without values", write=_rows_without_values, rows=FEWER_ROWS),
)
"""Wrong programs, with an altered one, `Row.wrong_response`."""
