"""SQL tasks with the expected rows alone: a query of constants returns them."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from simulator.doctor.right_answers.answer_source import UNKNOWN, AnswerSource, code_answer
from simulator.doctor.right_answers.record_fields import named_fields
from simulator.training.dataset import Json, Record, prompt_text
from simulator.training.reference_answer import ReferenceAnswer

ROW_NAMES: Final = frozenset(
    {
        *("rows", "expected_rows", "expected_result", "expected_results", "expected", "result", "results"),
        *("expected_output", "answer", "output", "reference_answer"),
    }
)
"""Names of the fields with the rows that the right query returns."""

_MAX_ROWS: Final = 200
_SQL_WORDS: Final = re.compile(r"(?i)\bsql\b|\bquery\b")


def expected_rows_sources() -> Iterator[AnswerSource]:
    """Yield a source of queries of constants."""
    yield AnswerSource(
        name="queries of constants that return the expected rows",
        read=partial(_read_query),
        has_labels=False,
    )


def _read_query(record: Record) -> ReferenceAnswer:
    if not _SQL_WORDS.search(prompt_text(record.messages)):
        return UNKNOWN
    for path, value in named_fields(record, ROW_NAMES):
        if query := _query_of(value):
            return code_answer(query, path)
    return UNKNOWN


def _query_of(value: Json) -> str:
    """Return a query that returns these rows; empty if the value is no list of rows."""
    if not isinstance(value, list) or not 0 < len(value) <= _MAX_ROWS:
        return ""
    rows = [_cells(row) for row in value]
    if any(not row for row in rows):
        return ""
    names = [*value[0]] if isinstance(value[0], Mapping) else []
    selects = []
    for row in rows:
        cells = [_literal(cell) for cell in row]
        if names:
            cells = [f'{cell} AS "{name}"' for cell, name in zip(cells, names, strict=False)]
        selects.append(f"SELECT {', '.join(cells)}")
    return " UNION ALL ".join(selects)


def _cells(row: Json) -> list[Json]:
    """Return the cells of a row; none if it holds a list or an object."""
    cells = [*row.values()] if isinstance(row, dict) else row if isinstance(row, list) else []
    return [] if any(isinstance(cell, list | dict) for cell in cells) else cells


def _literal(cell: Json) -> str:
    if cell is None:
        return "NULL"
    if isinstance(cell, bool):
        return str(int(cell))
    return str(cell) if isinstance(cell, int | float) else "'" + str(cell).replace("'", "''") + "'"
