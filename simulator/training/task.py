"""The data from which a response is rendered."""

from dataclasses import dataclass

from simulator.training.reference_answer import ReferenceAnswer
from simulator.training.requested_format import RequestedFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The reference answer, the requested format and all labels of the file: everything that a text depends on."""

    reference: ReferenceAnswer
    requested_format: RequestedFormat
    labels: tuple[str, ...] = ()
