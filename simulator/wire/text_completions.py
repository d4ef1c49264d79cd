"""Renders text completions in OpenAI's format, as one object or as server-sent events."""

import json
from collections.abc import Iterator

from simulator.wire.chat import DONE_EVENT, Completion
from simulator.wire.event_stream import TOKEN_PATTERN
from simulator.wire.json_response import Json


def render_text_completion(completion: Completion) -> Json:
    """Return a `text_completion`."""
    choices = [_choice(index, reply.text, reply.finish_reason) for index, reply in enumerate(completion.replies)]
    return _envelope(completion, choices) | {"usage": completion.usage}


def stream_text_completion(completion: Completion, *, include_usage: bool) -> Iterator[bytes]:
    """Yield the completion as server-sent events.

    There is one event per token. The events of a choice are yielded together. The last event is `[DONE]`.
    """
    usage: Json = {"usage": None} if include_usage else {}
    for index, reply in enumerate(completion.replies):
        choices = [_choice(index, piece, None) for piece in TOKEN_PATTERN.findall(reply.text)]
        choices.append(_choice(index, "", reply.finish_reason))
        yield b"".join([_event(_envelope(completion, [choice]) | usage) for choice in choices])
    if include_usage:
        yield _event(_envelope(completion, []) | {"usage": completion.usage})
    yield DONE_EVENT


def _choice(index: int, text: str, finish_reason: str | None) -> Json:
    return {"finish_reason": finish_reason, "index": index, "logprobs": None, "text": text}


def _envelope(completion: Completion, choices: list[Json]) -> dict[str, Json]:
    return {
        "choices": choices,
        "created": completion.created,
        "id": completion.id,
        "model": completion.model,
        "object": "text_completion",
        "system_fingerprint": None,
    }


def _event(data: Json) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":")).encode("ascii") + b"\n\n"
