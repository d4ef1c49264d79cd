"""Renders a response as server-sent events, from the response object alone, so that a replay has the same bytes.

The reasoning part has Mantle's events (SAMPLE: vLLM's `response.reasoning_part.*`) or those of OpenAI's specification
(`response.content_part.*`). The two event orders differ in nothing else.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import count, islice
from json.encoder import encode_basestring_ascii
from typing import Final

from simulator.settings import ResponseEvents
from simulator.wire.event_stream import EVENTS_PER_BATCH, TOKEN_PATTERN, batch_events
from simulator.wire.json_response import Json
from simulator.wire.responses import unfinished_response

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode  # `json.dumps` creates an encoder for each event

_REASONING_PART: Final = {ResponseEvents.VLLM: "reasoning_part", ResponseEvents.OPENAI: "content_part"}

# The last event by status. OPENAI: the stream of a cancelled response ends without one.
_END_EVENTS: Final = {"completed": "response.completed", "incomplete": "response.incomplete"}


def stream_response_events(
    response: Json, *, event_order: ResponseEvents, after: int = -1, batch_size: int = EVENTS_PER_BATCH
) -> Iterator[bytes]:
    """Yield batches of the events with numbers above `after`."""
    return batch_events(
        islice(render_response_events(response, event_order=event_order), after + 1, None), batch_size=batch_size
    )


def render_response_events(response: Json, *, event_order: ResponseEvents) -> Iterator[str]:
    """Yield the events of a response from its creation to its end, numbered from 0."""
    numbers = count()
    initial_response = unfinished_response(response, "in_progress")
    yield _event("response.created", numbers, response=initial_response)
    yield _event("response.in_progress", numbers, response=initial_response)
    for index, item in enumerate(response["output"]):
        match item["type"]:
            case "reasoning":
                yield from _reasoning(item, index, numbers, _REASONING_PART[event_order])
            case "function_call":
                yield from _function_call(item, index, numbers)
            case _:
                yield from _message(item, index, numbers)
    if end := _END_EVENTS.get(response["status"]):
        yield _event(end, numbers, response=response)


def _reasoning(item: Json, index: int, numbers: Iterator[int], part_events: str) -> Iterator[str]:
    text = item["content"][0]["text"]
    position = {"content_index": 0, "item_id": item["id"], "output_index": index}
    initial_item = {"content": [], "id": item["id"], "status": "in_progress", "summary": [], "type": "reasoning"}
    yield _event("response.output_item.added", numbers, item=initial_item, output_index=index)
    yield _event(f"response.{part_events}.added", numbers, **position, part={"text": "", "type": "reasoning_text"})
    yield from _deltas("response.reasoning_text.delta", TOKEN_PATTERN.findall(text), position, numbers)
    yield _event("response.reasoning_text.done", numbers, **position, text=text)
    yield _event(f"response.{part_events}.done", numbers, **position, part={"text": text, "type": "reasoning_text"})
    yield _event("response.output_item.done", numbers, item=item, output_index=index)


def _message(item: Json, index: int, numbers: Iterator[int]) -> Iterator[str]:
    [part] = item["content"]
    position = {"content_index": 0, "item_id": item["id"], "logprobs": [], "output_index": index}
    part_position = {"content_index": 0, "item_id": item["id"], "output_index": index}
    initial_item = item | {"content": [], "status": "in_progress"}
    yield _event("response.output_item.added", numbers, item=initial_item, output_index=index)
    yield _event("response.content_part.added", numbers, **part_position, part=part | {"text": ""})
    yield from _deltas("response.output_text.delta", TOKEN_PATTERN.findall(part["text"]), position, numbers)
    yield _event("response.output_text.done", numbers, **position, text=part["text"])
    yield _event("response.content_part.done", numbers, **part_position, part=part)
    yield _event("response.output_item.done", numbers, item=item, output_index=index)


def _function_call(item: Json, index: int, numbers: Iterator[int]) -> Iterator[str]:
    position = {"item_id": item["id"], "output_index": index}
    initial_item = item | {"arguments": "", "status": "in_progress"}
    yield _event("response.output_item.added", numbers, item=initial_item, output_index=index)
    pieces = TOKEN_PATTERN.findall(item["arguments"])
    yield from _deltas("response.function_call_arguments.delta", pieces, position, numbers)
    yield _event("response.function_call_arguments.done", numbers, arguments=item["arguments"], **position)
    yield _event("response.output_item.done", numbers, item=item, output_index=index)


def _event(kind: str, numbers: Iterator[int], **fields: Json) -> str:
    data = _encode(dict(sorted((fields | {"sequence_number": next(numbers), "type": kind}).items())))
    return f"event: {kind}\ndata: {data}\n\n"


def _deltas(kind: str, pieces: Iterable[str], position: Json, numbers: Iterator[int]) -> Iterator[str]:
    """Yield one event for each piece. Most events are deltas, so the part that they share is encoded once."""
    template = _event(kind, iter([0]), **position, delta="")
    before, remainder = template.split('"delta":""')
    between, after = remainder.split('"sequence_number":0')
    head, middle = f'{before}"delta":', f'{between}"sequence_number":'
    for piece in pieces:
        yield f"{head}{encode_basestring_ascii(piece)}{middle}{next(numbers)}{after}"
