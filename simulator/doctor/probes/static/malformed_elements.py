"""The malformed elements that probe S14 sends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.doctor.finding import Severity
from simulator.doctor.invocation import ElementTransform, EventElement
from simulator.doctor.probes.static.event_layouts import without_fields
from simulator.doctor.rows import Row
from simulator.training.dataset import Json, Record

_REFERENCE: Final = "reference_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedElement:
    """A malformed element.

    Attributes:
        name: what is wrong with it.
        text: the response.
        transform: changes the usual element.
        severity: the severity of an error or of a changed score.
        holds_answer: whether it holds the right answer in a form that must count. None where the function may choose.
    """

    name: str
    text: str
    transform: ElementTransform | None = None
    severity: Severity = Severity.FAIL
    holds_answer: bool | None = None


def malformed_responses(row: Row) -> Iterator[MalformedElement]:
    """Yield responses that a model can write, and an element with fields that the service may add."""
    yield MalformedElement(name="an empty response", text="", holds_answer=False)
    yield MalformedElement(
        name="odd characters",
        text=row.insert_before_work("\x00\x07 \U0001f642 \u202etfel ot thgir\u202c \ufeff", row.right_response),
        holds_answer=True if row.allows_surrounding_text else None,
    )
    yield MalformedElement(
        name="unknown fields", text=row.right_response, transform=_with_unknown_fields, holds_answer=True
    )


def malformed_references(row: Row, records: Sequence[Record]) -> Iterator[MalformedElement]:
    """Yield references that are missing, empty or of another type. One that a record of the file has can occur."""
    references = [record.fields.get(_REFERENCE) for record in records]
    is_missing = any(_REFERENCE not in record.fields for record in records)
    is_null = any(_REFERENCE in record.fields and record.fields[_REFERENCE] is None for record in records)
    yield MalformedElement(
        name="no reference",
        text=row.right_response,
        transform=without_fields,
        severity=Severity.FAIL if is_missing else Severity.INFO,
    )
    if _REFERENCE not in row.record.fields:
        return
    other_type: Json = 7 if isinstance(row.record.fields[_REFERENCE], list) else [7]
    for name, value, severity in (
        ("a null reference", None, Severity.FAIL if is_null else Severity.INFO),
        ("an empty reference", {}, Severity.FAIL if {} in references else Severity.INFO),
        ("a reference of another type", other_type, Severity.INFO),
    ):
        yield MalformedElement(name=name, text=row.right_response, transform=_with_reference(value), severity=severity)


def malformed_messages(row: Row) -> Iterator[MalformedElement]:
    """Yield messages that the documentation excludes."""
    parts: Json = [{"type": "text", "text": row.right_response}]
    for name, text, transform, holds_answer in (
        ("null content", "", _with_content(None), False),
        ("content in parts", row.right_response, _with_content(parts), None),
        ("no messages", "", _with_messages([]), False),
        ("a system message alone", "", _with_messages(_ONLY_SYSTEM_MESSAGE), False),
    ):
        yield MalformedElement(
            name=name, text=text, transform=transform, severity=Severity.INFO, holds_answer=holds_answer
        )


_ONLY_SYSTEM_MESSAGE: Final[Json] = [{"role": "system", "content": "You are a helpful assistant."}]


def _with_messages(messages: Json) -> ElementTransform:
    return lambda element: {**element, "messages": messages}


def _with_content(content: Json) -> ElementTransform:
    return lambda element: {
        **element,
        "messages": [*element["messages"][:-1], {**element["messages"][-1], "content": content}],
    }


def _with_reference(value: Json) -> ElementTransform:
    def transform(element: EventElement) -> EventElement:
        new_element = {**element, _REFERENCE: value} if _REFERENCE in element else dict(element)
        if "metadata" in element:
            new_element["metadata"] = {**element["metadata"], _REFERENCE: value}
        return new_element

    return transform


def _with_unknown_fields(element: EventElement) -> EventElement:
    unknown_fields: dict[str, Json] = {"x_unknown": {"nested": [None, True]}, "x_unknown_too": None}
    new_element = {**element, **unknown_fields}
    if "metadata" in element:
        new_element["metadata"] = {**element["metadata"], **unknown_fields}
    return new_element
