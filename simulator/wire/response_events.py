"""A response as server-sent events: a pure function of the response object, so that a replay gives the same bytes.

The order of the events is Mantle's own (SAMPLE: vLLM's `response.reasoning_part.*` around the thinking) or that of
OpenAI's specification (`response.content_part.*` there too); they differ in nothing else.
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

_encoded: Final = json.JSONEncoder(separators=(",", ":")).encode  # made once: `dumps` would make one for each event

_REASONING_PART: Final = {ResponseEvents.VLLM: "reasoning_part", ResponseEvents.OPENAI: "content_part"}

# How a response's end is told. OPENAI: a cancelled one has no event of its own; its stream just ends.
_ENDS: Final = {"completed": "response.completed", "incomplete": "response.incomplete"}


def stream_response_events(
    response: Json, *, event_order: ResponseEvents, after: int = -1, batch_size: int = EVENTS_PER_BATCH
) -> Iterator[bytes]:
    """Yield the events numbered above `after`, so many at a time."""
    return batch_events(
        islice(render_response_events(response, event_order=event_order), after + 1, None), batch_size=batch_size
    )


def render_response_events(response: Json, *, event_order: ResponseEvents) -> Iterator[str]:
    """Yield a response's events from its creation to its end, numbered from 0."""
    numbers = count()
    begun = unfinished_response(response, "in_progress")
    yield _event("response.created", numbers, response=begun)
    yield _event("response.in_progress", numbers, response=begun)
    for index, item in enumerate(response["output"]):
        match item["type"]:
            case "reasoning":
                yield from _reasoning(item, index, numbers, _REASONING_PART[event_order])
            case "function_call":
                yield from _function_call(item, index, numbers)
            case _:
                yield from _message(item, index, numbers)
    if end := _ENDS.get(response["status"]):
        yield _event(end, numbers, response=response)


def _reasoning(item: Json, index: int, numbers: Iterator[int], part_events: str) -> Iterator[str]:
    text = item["content"][0]["text"]
    place = {"content_index": 0, "item_id": item["id"], "output_index": index}
    begun = {"content": [], "id": item["id"], "status": "in_progress", "summary": [], "type": "reasoning"}
    yield _event("response.output_item.added", numbers, item=begun, output_index=index)
    yield _event(f"response.{part_events}.added", numbers, **place, part={"text": "", "type": "reasoning_text"})
    yield from _deltas("response.reasoning_text.delta", TOKEN_PATTERN.findall(text), place, numbers)
    yield _event("response.reasoning_text.done", numbers, **place, text=text)
    yield _event(f"response.{part_events}.done", numbers, **place, part={"text": text, "type": "reasoning_text"})
    yield _event("response.output_item.done", numbers, item=item, output_index=index)


def _message(item: Json, index: int, numbers: Iterator[int]) -> Iterator[str]:
    [part] = item["content"]
    place = {"content_index": 0, "item_id": item["id"], "logprobs": [], "output_index": index}
    unnoted = {"content_index": 0, "item_id": item["id"], "output_index": index}
    begun = item | {"content": [], "status": "in_progress"}
    yield _event("response.output_item.added", numbers, item=begun, output_index=index)
    yield _event("response.content_part.added", numbers, **unnoted, part=part | {"text": ""})
    yield from _deltas("response.output_text.delta", TOKEN_PATTERN.findall(part["text"]), place, numbers)
    yield _event("response.output_text.done", numbers, **place, text=part["text"])
    yield _event("response.content_part.done", numbers, **unnoted, part=part)
    yield _event("response.output_item.done", numbers, item=item, output_index=index)


def _function_call(item: Json, index: int, numbers: Iterator[int]) -> Iterator[str]:
    place = {"item_id": item["id"], "output_index": index}
    begun = item | {"arguments": "", "status": "in_progress"}
    yield _event("response.output_item.added", numbers, item=begun, output_index=index)
    pieces = TOKEN_PATTERN.findall(item["arguments"])
    yield from _deltas("response.function_call_arguments.delta", pieces, place, numbers)
    yield _event("response.function_call_arguments.done", numbers, arguments=item["arguments"], **place)
    yield _event("response.output_item.done", numbers, item=item, output_index=index)


def _event(kind: str, numbers: Iterator[int], **fields: Json) -> str:
    data = _encoded(dict(sorted((fields | {"sequence_number": next(numbers), "type": kind}).items())))
    return f"event: {kind}\ndata: {data}\n\n"


def _deltas(kind: str, pieces: Iterable[str], place: Json, numbers: Iterator[int]) -> Iterator[str]:
    """Yield one event a piece. What they have in common is encoded once: streams are mostly these."""
    template = _event(kind, iter([0]), **place, delta="")
    before, rest = template.split('"delta":""')
    between, after = rest.split('"sequence_number":0')
    head, middle = f'{before}"delta":', f'{between}"sequence_number":'
    for piece in pieces:
        yield f"{head}{encode_basestring_ascii(piece)}{middle}{next(numbers)}{after}"
