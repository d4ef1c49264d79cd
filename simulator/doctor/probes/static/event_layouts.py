"""The event layouts of published sources, and the fix for a function that reads only one of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.invocation import ElementTransform, EventElement
from simulator.doctor.rows import Row
from simulator.grading.lambda_event import event_element
from simulator.settings import EventShape, GradingSettings
from simulator.training.dataset import Json

_REQUIRED_FIELDS: Final = ("id", "messages")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLayout:
    """A layout of the event.

    Attributes:
        name: the difference, in words that follow "with".
        fix: the fix for a function that reads this layout and not the configured one.
        transform: returns the element in this layout, from a row and the element in the configured layout.
        event_shape: its event shape, where it is one of the settings.
    """

    name: str
    fix: str
    transform: Callable[[Row, EventElement], EventElement]
    event_shape: EventShape | None = None

    def transform_for(self, row: Row) -> ElementTransform:
        """Return the transform for one row."""
        return lambda element: self.transform(row, element)


CONFIGURED_LAYOUT: Final = EventLayout(name="the configured event", fix="", transform=lambda _row, element: element)

_EVENTS: Final = {
    EventShape.SUPERSET: (
        "fields at the root and under metadata",
        (
            "It reads the reference only at the root or only under metadata, where the configured event has none. "
            'Read both: event[i]["reference_answer"], else event[i]["metadata"]["reference_answer"].'
        ),
    ),
    EventShape.SAMPLE: (
        "fields at the root alone",
        (
            "It reads the root of each element. Under metadata the fields are as in the file: read "
            'event[i]["metadata"]["reference_answer"] in that form too.'
        ),
    ),
    EventShape.DOCUMENTED: (
        "fields under metadata alone",
        (
            'It reads metadata. Also read event[i]["reference_answer"] at the root, where a bare string arrives '
            'wrapped as {"text": ...}.'
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
        'It expects event[i]["metadata"]["reference_answer"] to be an object, and a bare string stays a string there. '
        'Read event[i]["reference_answer"]["text"], or accept both.'
    ),
    transform=_wrap_in_metadata,
)


def other_layouts(grading: GradingSettings) -> tuple[EventLayout, ...]:
    """Return every layout but the configured one. Where several fit, the first fits best."""
    wraps_strings = grading.wrap_strings
    strings = EventLayout(
        name="a bare string reference as it stands" if wraps_strings else 'a bare string reference as {"text": ...}',
        fix=(
            'Read event[i]["reference_answer"]["text"]: a bare string arrives wrapped.'
            if wraps_strings
            else "Accept the bare string as the reference, or send it wrapped, as Amazon's sample reads it: "
            "--set grading.wrap_strings=true."
        ),
        transform=_transform_with(replace(grading, wrap_strings=not wraps_strings)),
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
            'Write the file\'s reference_answer as {"final_answer": ...}, or make the function read the reference '
            "as the file has it."
        ),
        transform=lambda row, element: _transform_with(grading)(
            _with_reference(row, {"final_answer": _reference_value(row)}), element
        ),
    )
    sample_text = EventLayout(
        name='the reference as text that ends in "#### ANSWER"',
        fix=(
            "The function reads the reference as Amazon's sample data has it: a solution whose last line is "
            '"#### ANSWER". Write the '
            "file's reference_answer like that, or make the function read it as the file has it."
        ),
        transform=lambda row, element: _transform_with(grading)(
            _with_reference(row, f"#### {row.reference.text}"), element
        ),
    )
    return (strings, *events, _WRAPPED_IN_METADATA, sample_text, final_answer)


def without_fields(element: EventElement) -> EventElement:
    """Return the element of a record that has only messages."""
    required_fields = {name: element[name] for name in _REQUIRED_FIELDS}
    return required_fields | {"metadata": {}} if "metadata" in element else required_fields


def _transform_with(grading: GradingSettings) -> Callable[[Row, EventElement], EventElement]:
    def transform(row: Row, element: EventElement) -> EventElement:
        text = element["messages"][-1]["content"]
        return event_element(rollout_id=element["id"], record=row.record, text=text, settings=grading)

    return transform


def _reference_value(row: Row) -> Json:
    """Return the right answer as a record has it: a JSON number or boolean where it is one."""
    return row.reference.value if row.reference.literal else row.reference.text


def _with_reference(row: Row, reference: Json) -> Row:
    record = replace(row.record, fields={**row.record.fields, "reference_answer": reference})
    return replace(row, record=record)
