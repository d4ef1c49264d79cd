"""Which records have a known right answer, and from which source it comes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from simulator.doctor.right_answers.answer_kinds import is_answer
from simulator.doctor.right_answers.answer_source import UNKNOWN, AnswerSource
from simulator.doctor.rows import Row
from simulator.training.dataset import Json, Record
from simulator.training.reference_answer import AnswerReader, ReferenceAnswer, collect_labels

REFERENCE: Final = "reference"
"""The choice of a record shape whose reference is the answer."""

Shape = tuple[str, ...]
"""What records of one task have in common: the type and the keys of their references."""


def shape_of(record: Record) -> Shape:
    """Return the shape of a record."""
    value = record.fields.get("reference_answer")
    if isinstance(value, dict):
        return ("object", *sorted(value))
    if isinstance(value, list):
        return ("list", *({*map(_type_name, value)} if len({*map(_type_name, value)}) == 1 else ()))
    return (_type_name(value),)


def _type_name(value: Json) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


@dataclass(slots=True, kw_only=True)
class RightAnswers:
    """The right answers of a file.

    Attributes:
        read_reference: reads a record's reference.
        sources: the source of each shape of records: None if it is not known, and `REFERENCE` for the reference.
        otherwise: the source for records of another shape whose references are no answers.
        given: the source of answers that the user gives, in place of the others.
    """

    read_reference: AnswerReader
    sources: Mapping[Shape, AnswerSource | str | None] = field(default_factory=dict)
    otherwise: AnswerSource | None = None
    given: AnswerSource | None = None
    _read: dict[int, tuple[Record, ReferenceAnswer]] = field(default_factory=dict)

    def read(self, record: Record) -> ReferenceAnswer:
        """Return the right answer to a record; `UNKNOWN` if it is not known."""
        if id(record) not in self._read:
            self._read[id(record)] = (record, self._find(record))
        return self._read[id(record)][1]

    def read_recorded(self, record: Record) -> ReferenceAnswer:
        """Return the right answer with which recorded responses are compared; `UNKNOWN` if others may be right too.

        A program or a text that was found is one right answer of many. A response that differs need not be wrong.
        """
        answer = self.read(record)
        return UNKNOWN if answer.is_example else answer

    def labels(self, records: Iterable[Record]) -> tuple[str, ...]:
        """Return all labels of a file. Answers that must be built are not labels."""
        return collect_labels(
            (
                record
                for record in records
                if self._has_labels(self.sources.get(shape_of(record), self.otherwise or REFERENCE))
            ),
            read_answer=self.read,
        )

    def _find(self, record: Record) -> ReferenceAnswer:
        if self.given is not None:
            return _as_example(self.given.read(record))
        shape = shape_of(record)
        if shape not in self.sources:
            reference = self.read_reference(record)
            if is_answer(record, reference) or not self.sources:
                return reference
            return _as_example(self.otherwise.read(record)) if self.otherwise else UNKNOWN
        source = self.sources[shape]
        if isinstance(source, AnswerSource):
            return _as_example(source.read(record))
        return UNKNOWN if source is None else self.read_reference(record)

    @staticmethod
    def _has_labels(source: AnswerSource | str | None) -> bool:
        return source is not None and (isinstance(source, str) or source.has_labels)


def _as_example(answer: ReferenceAnswer) -> ReferenceAnswer:
    """Return an answer that was found or given. A program or a text is one of many right ones."""
    return replace(answer, is_example=True) if answer.kind in ("code", "text") else answer


def without_answers(right_answers: RightAnswers, rows: Iterable[Row]) -> RightAnswers:
    """Return right answers of which none is known."""
    return RightAnswers(
        read_reference=right_answers.read_reference, sources={shape_of(row.record): None for row in rows}
    )
