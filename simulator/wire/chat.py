"""Renders chat completions: the whole object, or the same answer as server-sent chunks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from json.encoder import encode_basestring_ascii
from typing import Final

from simulator.inference.chat_request import Reply, ToolCall
from simulator.wire.event_stream import TOKEN_PATTERN, batch_events
from simulator.wire.json_response import Json

DONE_EVENT: Final = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The replies, one for each choice, and the other fields of the object. `created`: seconds since the Unix epoch."""

    id: str
    model: str
    created: int
    replies: tuple[Reply, ...]
    service_tier: str = "default"

    @property
    def usage(self) -> Json:
        """Return the token counts; reasoning counts as completion."""
        prompt = self.replies[0].prompt_tokens
        completion = sum([reply.completion_tokens for reply in self.replies])
        return {"completion_tokens": completion, "prompt_tokens": prompt, "total_tokens": prompt + completion}


def render_completion(completion: Completion) -> Json:
    """Return a `chat.completion` (top-level keys OBSERVED; `message.reasoning` beside `content`, OBSERVED)."""
    return {
        "choices": [_choice(reply, index) for index, reply in enumerate(completion.replies)],
        "created": completion.created,
        "id": completion.id,
        "model": completion.model,
        "object": "chat.completion",
        "service_tier": completion.service_tier,
        "system_fingerprint": None,
        "usage": completion.usage,
    }


def stream_completion(completion: Completion, *, include_usage: bool) -> Iterator[bytes]:
    """Yield the answer as batches of server-sent events: the role, the reasoning, the content, the end, `[DONE]`.

    Each token is one event. The events of several choices alternate. With `stream_options.include_usage` the last event
    before `[DONE]` has `usage` and no choices (OBSERVED).
    """
    common_fields = json.dumps(
        {
            "created": completion.created,
            "id": completion.id,
            "model": completion.model,
            "object": "chat.completion.chunk",
            "service_tier": completion.service_tier,
            "system_fingerprint": None,
        },
        separators=(",", ":"),
    )[1:-1]
    usage = ',"usage":null' if include_usage else ""
    choices = [
        _chunks(reply, end=f',"index":{index},"logprobs":null}}],{common_fields}{usage}}}\n\n')
        for index, reply in enumerate(completion.replies)
    ]
    if len(choices) == 1:
        events = choices[0]
    else:
        events = (event for alternating in zip_longest(*choices) for event in alternating if event)
    if include_usage:
        totals = json.dumps(completion.usage, separators=(",", ":"))
        events = chain(events, [f'data: {{"choices":[],{common_fields},"usage":{totals}}}\n\n'])
    yield from batch_events(events)
    yield DONE_EVENT


def _choice(reply: Reply, index: int) -> Json:
    message: dict[str, Json] = {"content": None if reply.tool_calls else reply.text}
    if reply.reasoning:
        message["reasoning"] = reply.reasoning
    message |= {"refusal": None, "role": "assistant"}
    if reply.tool_calls:
        message["tool_calls"] = [
            {"function": {"arguments": call.arguments, "name": call.name}, "id": call.id, "type": "function"}
            for call in reply.tool_calls
        ]
    return {"finish_reason": reply.finish_reason, "index": index, "logprobs": None, "message": message}


def _chunks(reply: Reply, *, end: str) -> Iterator[str]:
    """Yield the events of one choice. `end` is their constant end, rendered once."""
    start, unfinished = 'data: {"choices":[{"delta":', f',"finish_reason":null{end}'
    yield f'{start}{{"content":"","role":"assistant"}}{unfinished}'
    for piece in TOKEN_PATTERN.findall(reply.reasoning):
        yield f'{start}{{"reasoning":{encode_basestring_ascii(piece)}}}{unfinished}'
    for piece in TOKEN_PATTERN.findall(reply.text):
        yield f'{start}{{"content":{encode_basestring_ascii(piece)}}}{unfinished}'
    for index, call in enumerate(reply.tool_calls):
        for delta in _call_deltas(call, index):
            yield f'{start}{{"tool_calls":[{json.dumps(delta, separators=(",", ":"))}]}}{unfinished}'
    yield f'{start}{{}},"finish_reason":"{reply.finish_reason}"{end}'


def _call_deltas(call: ToolCall, index: int) -> Iterator[Json]:
    """Yield a call's name and id, then its arguments in pieces (OPENAI)."""
    yield {"function": {"arguments": "", "name": call.name}, "id": call.id, "index": index, "type": "function"}
    for piece in TOKEN_PATTERN.findall(call.arguments):
        yield {"function": {"arguments": piece}, "index": index}
