"""A rollout as the reward function sees it."""

import json
from collections.abc import Sequence
from typing import Any

from simulator.settings import EventShape, GradingSettings
from simulator.training.dataset import Record
from simulator.training.sampling import Rollout

# Root keys that belong to the event itself; a record's own fields of these names travel in `metadata` only.
_RESERVED_KEYS = ("id", "messages", "metadata")


def rollout_id(*, split: str, step: int, line: int, index: int) -> str:
    """Return an id that is unique within a job and says where the rollout comes from."""
    return f"{split}-{step}-line-{line}-rollout-{index}"


def response_text(rollout: Rollout, settings: GradingSettings) -> str:
    """Return what the reward function sees of a response: the final answer's text alone, unless told otherwise.

    INFERRED: nobody has told whether the thinking is part of it.
    """
    if settings.include_reasoning and rollout.reasoning:
        return f"{rollout.reasoning}\n{rollout.text}"
    return rollout.text


def event_element(*, rollout_id: str, record: Record, text: str, settings: GradingSettings) -> dict[str, Any]:
    """Return one element of the Lambda event; `text` is the response.

    SUPERSET satisfies every published handler: the user guide nests the reference and the custom fields under
    `metadata` (DOCUMENTED), the sample reads them at the root, and a bare string as `{"text": ...}` (SAMPLE). Message
    content is a plain string there (DOCUMENTED).
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
    """Return an element as it is sent, in ASCII: half of a surrogate pair that a record escapes has no UTF-8 form."""
    return json.dumps(element, separators=(",", ":")).encode("ascii")


def split_into_batches(elements: Sequence[bytes], *, max_elements: int, max_bytes: int) -> list[range]:
    """Cut encoded elements into consecutive calls of at most `max_elements` elements and `max_bytes` bytes each.

    An element that alone is larger than `max_bytes` gets a call of its own, which the caller must refuse.
    """
    calls: list[range] = []
    start, size = 0, 1  # the opening bracket
    for index, element in enumerate(elements):
        if index > start and (index - start == max_elements or size + len(element) + 1 > max_bytes):
            calls.append(range(start, index))
            start, size = index, 1
        size += len(element) + 1  # the comma or the closing bracket
    if elements:
        calls.append(range(start, len(elements)))
    return calls
