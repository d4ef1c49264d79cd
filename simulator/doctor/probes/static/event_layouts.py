"""The layouts of the event that published sources show, and what a function that wants one of them should do."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.invocation import ElementTransform, EventElement
from simulator.doctor.rows import Row
from simulator.grading.lambda_event import event_element
from simulator.settings import EventShape, GradingSettings
from simulator.training.dataset import Json

_REQUIRED_FIELDS: Final = ("id", "messages")  # what an element has at least


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLayout:
    """One way to lay out an event.

    Attributes:
        name: what is different about it, to come after "with".
        fix: what to do about a function that reads this one and not the configured one.
        transform: makes its element of a row and the usual element.
        event_shape: the event shape that it is, where it is one.
    """

    name: str
    fix: str
    transform: Callable[[Row, EventElement], EventElement]
    event_shape: EventShape | None = None

    def transform_for(self, row: Row) -> ElementTransform:
        """Return what makes its element of the usual one of a row."""
        return lambda element: self.transform(row, element)


CONFIGURED_LAYOUT: Final = EventLayout(name="the configured event", fix="", transform=lambda _row, element: element)

_EVENTS: Final = {
    EventShape.SUPERSET: (
        "fields at the root and under metadata",
        (
            "It reads the reference at the root or under metadata, whichever the configured event lacks. Read both: "
            'event[i]["reference_answer"], else event[i]["metadata"]["reference_answer"].'
        ),
    ),
    EventShape.SAMPLE: (
        "fields at the root alone",
        (
            "It reads the root of each element. Under metadata the fields stand as the file has them: read "
            'event[i]["metadata"]["reference_answer"] in that form too.'
        ),
    ),
    EventShape.DOCUMENTED: (
        "fields under metadata alone",
        (
            'It reads metadata. Read event[i]["reference_answer"] at the root too, where a bare string arrives wrapped '
            'as {"text": ...}.'
        ),
    ),
}


def _wrap_in_metadata(_row: Row, element: EventElement) -> EventElement:
    """Wrap a bare string reference under metadata too."""
    metadata = element.get("metadata", {})
    reference = metadata.get("reference_answer")
    if not isinstance(reference, str):
        return element
    return {**element, "metadata": {**metadata, "reference_answer": {"text": reference}}}


_WRAPPED_IN_METADATA: Final = EventLayout(
    name='a bare string reference as {"text": ...} under metadata too',
    fix=(
        'It takes event[i]["metadata"]["reference_answer"] for an object, and a bare string stays a string there. Read '
        'event[i]["reference_answer"]["text"], or take either.'
    ),
    transform=_wrap_in_metadata,
)


def other_layouts(grading: GradingSettings) -> tuple[EventLayout, ...]:
    """Return every layout but the configured one; the first fits best where several do."""
    wrapped = grading.wrap_strings
    strings = EventLayout(
        name="a bare string reference as it stands" if wrapped else 'a bare string reference as {"text": ...}',
        fix=(
            'Read event[i]["reference_answer"]["text"]: a bare string arrives wrapped.'
            if wrapped
            else "Take the bare string for the reference, or send it wrapped, as Amazon's sample reads it: "
            "--set grading.wrap_strings=true."
        ),
        transform=_transform_with(replace(grading, wrap_strings=not wrapped)),
    )
    events = (
        EventLayout(
            name=name, fix=fix, transform=_transform_with(replace(grading, event_shape=event)), event_shape=event
        )
        for event, (name, fix) in _EVENTS.items()
        if event is not grading.event_shape
    )
    final_answer = EventLayout(
        name='the reference as {"final_answer": ...}',
        fix=(
            'Write the file\'s reference_answer as {"final_answer": ...}, or have the function read the reference '
            "that the file holds."
        ),
        transform=lambda row, element: _transform_with(grading)(
            _with_reference(row, {"final_answer": _reference_value(row)}), element
        ),
    )
    sample_text = EventLayout(
        name='the reference as text that ends in "#### ANSWER"',
        fix=(
            "The function reads the reference as Amazon's sample data has it: a solution whose last line is "
            '"#### ANSWER". Write the file\'s reference_answer so, or have the function read the one that stands there.'
        ),
        transform=lambda row, element: _transform_with(grading)(
            _with_reference(row, f"#### {row.reference.text}"), element
        ),
    )
    return (strings, *events, _WRAPPED_IN_METADATA, sample_text, final_answer)


def without_fields(element: EventElement) -> EventElement:
    """Return an element as a record that holds nothing but messages makes it."""
    kept = {name: element[name] for name in _REQUIRED_FIELDS}
    return kept | {"metadata": {}} if "metadata" in element else kept


def _transform_with(grading: GradingSettings) -> Callable[[Row, EventElement], EventElement]:
    def laid_out(row: Row, element: EventElement) -> EventElement:
        text = element["messages"][-1]["content"]
        return event_element(rollout_id=element["id"], record=row.record, text=text, settings=grading)

    return laid_out


def _reference_value(row: Row) -> Json:
    """Return the right answer as a record would hold it: a JSON number or boolean where it is one."""
    return row.reference.value if row.reference.literal else row.reference.text


def _with_reference(row: Row, reference: Json) -> Row:
    record = replace(row.record, fields={**row.record.fields, "reference_answer": reference})
    return replace(row, record=record)
