"""The data from which a response is rendered."""

from dataclasses import dataclass

from simulator.training.dataset import Record, prompt_text
from simulator.training.reference_answer import ReferenceAnswer
from simulator.training.requested_format import RequestedFormat, find_requested_format


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The reference answer, the requested format and all labels of the file: everything that a text depends on."""

    reference: ReferenceAnswer
    requested_format: RequestedFormat
    labels: tuple[str, ...] = ()


def build_task(record: Record, reference: ReferenceAnswer, *, labels: tuple[str, ...]) -> Task:
    """Return the task of a record. A whole response as the answer is written as it is, without a format."""
    requested_format = (
        RequestedFormat(format="bare")
        if reference.is_response
        else find_requested_format(prompt_text(record.messages), kind=reference.kind)
    )
    return Task(reference=reference, requested_format=requested_format, labels=labels)
