"""Chat completions out: the whole object, or the same answer as server-sent chunks."""

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
    """Answers with what the wire adds to them: one a choice. `created` in seconds since the Unix epoch."""

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
        "choices": [_choice(reply, place) for place, reply in enumerate(completion.replies)],
        "created": completion.created,
        "id": completion.id,
        "model": completion.model,
        "object": "chat.completion",
        "service_tier": completion.service_tier,
        "system_fingerprint": None,
        "usage": completion.usage,
    }


def stream_completion(completion: Completion, *, include_usage: bool) -> Iterator[bytes]:
    """Yield the answer as server-sent events, many at once: the role, the reasoning, the content, the end, `[DONE]`.

    One event a token. Several choices come by turns. The last chunk but one carries `usage` and no choices, only when
    `stream_options.include_usage` asks for it (OBSERVED).
    """
    rest = json.dumps(
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
    turns = [
        _chunks(reply, end=f',"index":{place},"logprobs":null}}],{rest}{usage}}}\n\n')
        for place, reply in enumerate(completion.replies)
    ]
    events = turns[0] if len(turns) == 1 else (event for turn in zip_longest(*turns) for event in turn if event)
    if include_usage:
        last = json.dumps(completion.usage, separators=(",", ":"))
        events = chain(events, [f'data: {{"choices":[],{rest},"usage":{last}}}\n\n'])
    yield from batch_events(events)
    yield DONE_EVENT


def _choice(reply: Reply, place: int) -> Json:
    message: dict[str, Json] = {"content": None if reply.tool_calls else reply.text}
    if reply.reasoning:
        message["reasoning"] = reply.reasoning
    message |= {"refusal": None, "role": "assistant"}
    if reply.tool_calls:
        message["tool_calls"] = [
            {"function": {"arguments": call.arguments, "name": call.name}, "id": call.id, "type": "function"}
            for call in reply.tool_calls
        ]
    return {"finish_reason": reply.finish_reason, "index": place, "logprobs": None, "message": message}


def _chunks(reply: Reply, *, end: str) -> Iterator[str]:
    """Yield the events of one choice. The constant part of them was written once: `end`."""
    start, going_on = 'data: {"choices":[{"delta":', f',"finish_reason":null{end}'
    yield f'{start}{{"content":"","role":"assistant"}}{going_on}'
    for piece in TOKEN_PATTERN.findall(reply.reasoning):
        yield f'{start}{{"reasoning":{encode_basestring_ascii(piece)}}}{going_on}'
    for piece in TOKEN_PATTERN.findall(reply.text):
        yield f'{start}{{"content":{encode_basestring_ascii(piece)}}}{going_on}'
    for place, call in enumerate(reply.tool_calls):
        for delta in _call_deltas(call, place):
            yield f'{start}{{"tool_calls":[{json.dumps(delta, separators=(",", ":"))}]}}{going_on}'
    yield f'{start}{{}},"finish_reason":"{reply.finish_reason}"{end}'


def _call_deltas(call: ToolCall, place: int) -> Iterator[Json]:
    """Yield a call's name and id, then its arguments in pieces (OPENAI)."""
    yield {"function": {"arguments": "", "name": call.name}, "id": call.id, "index": place, "type": "function"}
    for piece in TOKEN_PATTERN.findall(call.arguments):
        yield {"function": {"arguments": piece}, "index": place}
