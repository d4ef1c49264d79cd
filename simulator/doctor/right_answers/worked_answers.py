"""Fields that hold a worked answer, a program or a query."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from simulator.doctor.right_answers.answer_kinds import is_answer
from simulator.doctor.right_answers.answer_source import UNKNOWN, AnswerSource, response_answer, text_answer
from simulator.doctor.right_answers.record_fields import REFERENCE_FIELD, fields_of, name_of
from simulator.training.dataset import Json, Record
from simulator.training.reference_answer import ReferenceAnswer, classify_answer, find_value

WORKED_NAMES: Final = (
    *("solution", "canonical_solution", "reference_solution", "gold_solution", "solutions", "correct_solution"),
    *("answer", "final_answer", "correct_answer", "gold_answer", "ground_truth", "expected_answer", "gold"),
    *("response", "gold_response", "reference_response", "ideal_response", "completion", "chosen", "ideal"),
    *("model_answer", "sample_answer", "example_answer", "example_response", "demonstration", "worked", "output"),
    *("code", "program", "sql", "query", "gold_sql", "gold_query", "sql_query", "expected_sql", "patch"),
    *("label", "target", "expected", "expected_output", "result", "rationale", "cot"),
)
"""Names of fields with a worked answer, the likeliest first. Fields with other names are tried after these."""

MAX_FIELDS: Final = 12
"""At most this many fields are tried (INFERRED)."""

_MARKED_VALUES: Final = (
    re.compile(r"(?s).*<answer>\s*(.*?)\s*</answer>"),
    re.compile(r"(?s).*\\boxed\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"),
)


def worked_sources(records: Sequence[Record]) -> Iterator[AnswerSource]:
    """Yield a source for each field, those that are named like a worked answer first."""
    paths: dict[str, None] = {}
    for record in records:
        # A whole reference that is an object or a list is tried as a text, by `whole_references`.
        paths |= dict.fromkeys(
            path for path, value in fields_of(record) if path != REFERENCE_FIELD or not isinstance(value, dict | list)
        )
    ranked = sorted(paths, key=lambda path: _rank(name_of(path)))
    for path in ranked[:MAX_FIELDS]:
        yield from sources_of_field(path)


def sources_of_field(path: str) -> Iterator[AnswerSource]:
    """Yield the sources of one field: its value, the answer that its text marks, and the text as a response."""
    confirm = f"Confirm it: --solution {path}."
    name = f"the values of {path}"
    yield AnswerSource(name=name, read=partial(_read_value, path=path), confirm=confirm)
    yield AnswerSource(name=f"the answers that {path} marks", read=partial(_read_marked, path=path), confirm=confirm)
    yield AnswerSource(name=name, read=partial(_read_response, path=path), confirm=confirm)


def _rank(name: str) -> int:
    return WORKED_NAMES.index(name) if name in WORKED_NAMES else len(WORKED_NAMES)


def _value_of(record: Record, path: str) -> Json:
    """Return the value of a field; of a list of worked answers the first."""
    value = find_value(record.fields, path)
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else value


def _read_value(record: Record, *, path: str) -> ReferenceAnswer:
    answer = classify_answer(_value_of(record, path), path)
    if answer.kind == "json" and not is_answer(record, answer):
        return text_answer(answer.value, path)  # a part of it may be enough
    return answer


def _read_marked(record: Record, *, path: str) -> ReferenceAnswer:
    return marked_answer(_value_of(record, path), path)


def marked_answer(value: Json, path: str) -> ReferenceAnswer:
    """Return the answer that a worked response marks by tags or a box."""
    if not isinstance(value, str):
        return UNKNOWN
    matches = (pattern.match(value) for pattern in _MARKED_VALUES)
    text = next((match.group(1) for match in matches if match), "")
    return classify_answer(text, path)


def _read_response(record: Record, *, path: str) -> ReferenceAnswer:
    value = _value_of(record, path)
    return response_answer(value, path) if isinstance(value, str) and value.strip() else UNKNOWN
