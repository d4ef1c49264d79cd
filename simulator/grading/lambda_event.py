"""Build the Lambda event: one element per rollout, in batches."""

import json
from collections.abc import Sequence
from typing import Any

from simulator.settings import EventShape, GradingSettings
from simulator.training.dataset import Record
from simulator.training.sampling import Rollout

# Root keys of the event itself. A record's own fields with these names are in `metadata` only.
_RESERVED_KEYS = ("id", "messages", "metadata")


def rollout_id(*, split: str, step: int, line: int, index: int) -> str:
    """Return an id that is unique within a job and names the split, step, line and index of the rollout."""
    return f"{split}-{step}-line-{line}-rollout-{index}"


def response_text(rollout: Rollout, settings: GradingSettings) -> str:
    """Return the text of a response for the reward function: the final answer, without the reasoning by default.

    INFERRED: the documentation does not say whether the reasoning is included.
    """
    if settings.include_reasoning and rollout.reasoning:
        return f"{rollout.reasoning}\n{rollout.text}"
    return rollout.text


def event_element(*, rollout_id: str, record: Record, text: str, settings: GradingSettings) -> dict[str, Any]:
    """Return one element of the Lambda event; `text` is the response.

    `EventShape.SUPERSET` satisfies every published handler. The user guide has the reference and the custom fields
    under `metadata` (DOCUMENTED). The sample reads them at the root, and a bare string as `{"text": ...}` (SAMPLE).
    Message content is a plain string (DOCUMENTED).
    """
    element: dict[str, Any] = {
        "id": rollout_id,
        "messages": [
            *({"role": message.role, "content": message.content} for message in record.messages),
            {"role": "assistant", "content": text},
        ],
    }
    if settings.event_shape is not EventShape.DOCUMENTED:
        element |= {name: value for name, value in record.fields.items() if name not in _RESERVED_KEYS}
        if settings.wrap_strings and isinstance(reference := record.fields.get("reference_answer"), str):
            element["reference_answer"] = {"text": reference}
    if settings.event_shape is not EventShape.SAMPLE:
        element["metadata"] = dict(record.fields)
    return element


def encode_element(element: object) -> bytes:
    """Return an element as JSON in ASCII: a lone surrogate, which a record can escape, cannot be encoded in UTF-8."""
    return json.dumps(element, separators=(",", ":")).encode("ascii")


def split_into_batches(elements: Sequence[bytes], *, max_elements: int, max_bytes: int) -> list[range]:
    """Split encoded elements into consecutive batches of at most `max_elements` elements and `max_bytes` bytes.

    An element that is larger than `max_bytes` becomes a batch of its own, which the caller must refuse.
    """
    batches: list[range] = []
    start, size = 0, 1  # the opening bracket
    for index, element in enumerate(elements):
        if index > start and (index - start == max_elements or size + len(element) + 1 > max_bytes):
            batches.append(range(start, index))
            start, size = index, 1
        size += len(element) + 1  # the comma or the closing bracket
    if elements:
        batches.append(range(start, len(elements)))
    return batches
