"""What a response is rendered from."""

from dataclasses import dataclass

from simulator.training.reference_answer import ReferenceAnswer
from simulator.training.requested_format import RequestedFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a rollout is rendered from: the right answer, the format asked for, and every label of the file."""

    reference: ReferenceAnswer
    requested_format: RequestedFormat
    labels: tuple[str, ...] = ()
