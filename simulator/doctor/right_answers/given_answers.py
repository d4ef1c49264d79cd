"""Right answers that the user gives: a field of the records (--solution), or a file of responses (--right)."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from simulator.doctor.right_answers.answer_source import UNKNOWN, AnswerSource, response_answer
from simulator.doctor.right_answers.record_fields import fields_of
from simulator.doctor.right_answers.worked_answers import marked_answer, sources_of_field
from simulator.training.dataset import Record
from simulator.training.json_lines import describe_type, parse_object
from simulator.training.reference_answer import ReferenceAnswer, find_value

MAX_LINE: Final = 6_291_456
"""The longest line of a file of responses, in bytes: no larger response reaches a function (DOCUMENTED for Lambda)."""

RIGHT_FORMAT: Final = '{"line": 3, "response": "..."}'
"""One line of a file of responses. Without "line", the responses are in the order of the records."""

_MAX_LISTED: Final = 12  # fields in an error message


class GivenAnswersError(Exception):
    """The given answers cannot be used. The message says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAnswers:
    """Right answers that the user gives.

    Attributes:
        option: the option with its value, as messages name it.
        sources: the ways to read them, the preferred first. The last one takes a response as it is.
        lines: the lines of the records that have one.
        inputs: what golden files compare, by name.
    """

    option: str
    sources: tuple[AnswerSource, ...]
    lines: frozenset[int]
    inputs: Mapping[str, str] = field(default_factory=dict)


def answers_of_field(path: str, records: Sequence[Record], *, data_name: str) -> GivenAnswers:
    """Return the answers in a field of the records.

    Raises:
        GivenAnswersError: no record has this field.
    """
    lines = frozenset(record.line for record in records if find_value(record.fields, path) not in (None, "", [], {}))
    if not lines:
        names = list(dict.fromkeys(name for record in records for name, _ in fields_of(record)))
        known = ", ".join(names[:_MAX_LISTED]) + (", ..." if len(names) > _MAX_LISTED else "")
        raise GivenAnswersError(
            f"--solution {path}: no record of {data_name} has a value there. "
            + (f"The fields are {known}" if known else "The records have no fields besides the messages")
        )
    option = f"--solution {path}"
    return GivenAnswers(option=option, sources=tuple(sources_of_field(path)), lines=lines, inputs={"solution": path})


def answers_of_file(
    content: bytes, records: Sequence[Record], *, name: str, data_name: str, sha256: str
) -> GivenAnswers:
    """Return the answers in a file of responses.

    Raises:
        GivenAnswersError: a line is no response, or belongs to no record.
    """
    responses = _parse_responses(content, records, name=name, data_name=data_name)
    option = f"--right {name}"

    def read_marked(record: Record) -> ReferenceAnswer:
        return marked_answer(responses.get(record.line), name)

    def read_response(record: Record) -> ReferenceAnswer:
        text = responses.get(record.line)
        return UNKNOWN if text is None else response_answer(text, name)

    return GivenAnswers(
        option=option,
        sources=tuple(
            AnswerSource(name=f"the responses of {name}", read=read) for read in (read_marked, read_response)
        ),
        lines=frozenset(responses),
        inputs={"right_sha256": sha256},
    )


def _parse_responses(content: bytes, records: Sequence[Record], *, name: str, data_name: str) -> dict[int, str]:
    """Return the responses by the line of their record."""
    data_lines = [record.line for record in records]
    known_lines = set(data_lines)
    responses: dict[int, str] = {}
    own_lines: dict[int, int] = {}
    names_lines: bool | None = None
    for index, (own_line, entry) in enumerate(_parse_lines(content, name)):
        where = f"{name}, line {own_line}"
        text = entry.get("response")
        if not isinstance(text, str):
            found = "no" if "response" not in entry else f"{describe_type(text)} as"
            raise GivenAnswersError(f'{where}: {found} "response"; each line is {RIGHT_FORMAT}')
        if names_lines is None:
            names_lines = "line" in entry
        if names_lines is not ("line" in entry):
            raise GivenAnswersError(
                f'{where}: some lines have "line" and others have none; give it in all lines, or in none if the '
                "responses are in the order of the records"
            )
        if names_lines:
            line = entry["line"]
            if not isinstance(line, int) or isinstance(line, bool) or line not in known_lines:
                raise GivenAnswersError(
                    f'{where}: "line" is {line!r}, and {data_name} has no record there; its records are in lines '
                    f"{data_lines[0]} to {data_lines[-1]}"
                )
        elif index >= len(data_lines):
            raise GivenAnswersError(
                f"{where}: {data_name} has only {len(data_lines):,} records; remove the responses after them, or name "
                'the record of each response by "line"'
            )
        else:
            line = data_lines[index]
        if line in own_lines:
            raise GivenAnswersError(
                f"{where}: line {line} of {data_name} already has the response of line {own_lines[line]}; keep one"
            )
        own_lines[line] = own_line
        responses[line] = text
    if not responses:
        raise GivenAnswersError(f"{name} contains no responses; each line is {RIGHT_FORMAT}")
    return responses


def _parse_lines(content: bytes, name: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Yield each line that is not blank, with its number."""
    lines: Iterable[bytes] = io.BytesIO(content)
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            entry, _ = parse_object(raw, is_first=number == 1, max_bytes=MAX_LINE)
        except ValueError as error:
            raise GivenAnswersError(f"{name}, line {number}: {error}; each line is {RIGHT_FORMAT}") from error
        yield number, entry
