"""The layouts of the event that published sources show, and what a function that wants one of them should do."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.invocation import Element, Shape
from simulator.doctor.rows import Row
from simulator.grading.lambda_event import lambda_element
from simulator.settings import EventShape, GradingSettings
from simulator.training.dataset import Json

_OUTLINE: Final = ("id", "messages")  # what an element has at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One way to lay out an event.

    Attributes:
        name: what is different about it, to come after "with".
        fix: what to do about a function that reads this one and not the configured one.
        laid_out: makes its element of a row and the usual element.
        event: the event shape that it is, where it is one.
    """

    name: str
    fix: str
    laid_out: Callable[[Row, Element], Element]
    event: EventShape | None = None

    def of(self, row: Row) -> Shape:
        """Return what makes its element of the usual one of a row."""
        return lambda element: self.laid_out(row, element)


CONFIGURED: Final = Layout(name="the configured event", fix="", laid_out=lambda _row, element: element)

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


def _wrapped_below(_row: Row, element: Element) -> Element:
    """Wrap a bare string reference under metadata too."""
    metadata = element.get("metadata", {})
    reference = metadata.get("reference_answer")
    if not isinstance(reference, str):
        return element
    return {**element, "metadata": {**metadata, "reference_answer": {"text": reference}}}


_WRAPPED_BELOW: Final = Layout(
    name='a bare string reference as {"text": ...} under metadata too',
    fix=(
        'It takes event[i]["metadata"]["reference_answer"] for an object, and a bare string stays a string there. Read '
        'event[i]["reference_answer"]["text"], or take either.'
    ),
    laid_out=_wrapped_below,
)


def other_layouts(grading: GradingSettings) -> tuple[Layout, ...]:
    """Return every layout but the configured one; the first fits best where several do."""
    wrapped = grading.wrap_strings
    strings = Layout(
        name="a bare string reference as it stands" if wrapped else 'a bare string reference as {"text": ...}',
        fix=(
            'Read event[i]["reference_answer"]["text"]: a bare string arrives wrapped.'
            if wrapped
            else "Take the bare string for the reference, or send it wrapped, as Amazon's sample reads it: "
            "--set grading.wrap_strings=true."
        ),
        laid_out=_relaid(replace(grading, wrap_strings=not wrapped)),
    )
    events = (
        Layout(name=name, fix=fix, laid_out=_relaid(replace(grading, event_shape=event)), event=event)
        for event, (name, fix) in _EVENTS.items()
        if event is not grading.event_shape
    )
    final_answer = Layout(
        name='the reference as {"final_answer": ...}',
        fix=(
            'Write the file\'s reference_answer as {"final_answer": ...}, or have the function read the reference '
            "that the file holds."
        ),
        laid_out=lambda row, element: _relaid(grading)(_with_reference(row, {"final_answer": _held(row)}), element),
    )
    sample_text = Layout(
        name='the reference as text that ends in "#### ANSWER"',
        fix=(
            "The function reads the reference as Amazon's sample data has it: a solution whose last line is "
            '"#### ANSWER". Write the file\'s reference_answer so, or have the function read the one that stands there.'
        ),
        laid_out=lambda row, element: _relaid(grading)(_with_reference(row, f"#### {row.gold.written}"), element),
    )
    return (strings, *events, _WRAPPED_BELOW, sample_text, final_answer)


def without_fields(element: Element) -> Element:
    """Return an element as a record that holds nothing but messages makes it."""
    kept = {name: element[name] for name in _OUTLINE}
    return kept | {"metadata": {}} if "metadata" in element else kept


def _relaid(grading: GradingSettings) -> Callable[[Row, Element], Element]:
    def laid_out(row: Row, element: Element) -> Element:
        text = element["messages"][-1]["content"]
        return lambda_element(rollout_id=element["id"], record=row.record, text=text, settings=grading)

    return laid_out


def _held(row: Row) -> Json:
    """Return the right answer as a record would hold it: a JSON number or boolean where it is one."""
    return row.gold.value if row.gold.literal else row.gold.written


def _with_reference(row: Row, reference: Json) -> Row:
    record = replace(row.record, fields={**row.record.fields, "reference_answer": reference})
    return replace(row, record=record)
