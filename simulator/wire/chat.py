"""Chat completions out: the whole object, or the same answer as server-sent chunks."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from simulator.training.answering import Answer
from simulator.wire.bodies import Json

# OBSERVED: gpt-oss prompts carry about 65 tokens of hidden template.
_TEMPLATE_TOKENS: Final = 65
_PIECES: Final = re.compile(r"\s*\S+|\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """An answer with what the wire adds to it. `created` in seconds since the Unix epoch."""

    id: str
    model: str
    created: int
    answer: Answer

    @property
    def usage(self) -> Json:
        """Return the token counts; reasoning counts as completion."""
        prompt = self.answer.prompt_tokens + _TEMPLATE_TOKENS
        return {
            "completion_tokens": self.answer.completion_tokens,
            "prompt_tokens": prompt,
            "total_tokens": prompt + self.answer.completion_tokens,
        }


def rendered_completion(completion: Completion) -> Json:
    """Return a `chat.completion` (top-level keys OBSERVED; `message.reasoning` beside `content`, OBSERVED)."""
    answer = completion.answer
    message: Json = {"content": answer.text, "refusal": None, "role": "assistant"}
    if answer.reasoning:
        message = {"content": answer.text, "reasoning": answer.reasoning, "refusal": None, "role": "assistant"}
    return {
        "choices": [{"finish_reason": answer.finish_reason, "index": 0, "logprobs": None, "message": message}],
        "created": completion.created,
        "id": completion.id,
        "model": completion.model,
        "object": "chat.completion",
        "service_tier": "default",
        "system_fingerprint": None,
        "usage": completion.usage,
    }


def streamed_completion(completion: Completion, *, include_usage: bool) -> Iterator[bytes]:
    """Yield the answer as server-sent events: the role, the reasoning, the content, the end, `[DONE]`.

    The last chunk but one carries `usage` and no choices, only when `stream_options.include_usage` asks for it
    (OBSERVED).
    """
    answer = completion.answer
    yield _chunk(completion, {"content": "", "role": "assistant"}, include_usage=include_usage)
    for piece in _PIECES.findall(answer.reasoning):
        yield _chunk(completion, {"reasoning": piece}, include_usage=include_usage)
    for piece in _PIECES.findall(answer.text):
        yield _chunk(completion, {"content": piece}, include_usage=include_usage)
    yield _chunk(completion, {}, finish=answer.finish_reason, include_usage=include_usage)
    if include_usage:
        yield _event(_envelope(completion, choices=[]) | {"usage": completion.usage})
    yield b"data: [DONE]\n\n"


def _chunk(completion: Completion, delta: Json, *, include_usage: bool, finish: str | None = None) -> bytes:
    choice = {"delta": delta, "finish_reason": finish, "index": 0, "logprobs": None}
    chunk = _envelope(completion, choices=[choice])
    return _event(chunk | {"usage": None} if include_usage else chunk)


def _envelope(completion: Completion, *, choices: list[Json]) -> dict[str, Json]:
    return {
        "choices": choices,
        "created": completion.created,
        "id": completion.id,
        "model": completion.model,
        "object": "chat.completion.chunk",
        "service_tier": "default",
        "system_fingerprint": None,
    }


def _event(data: Json) -> bytes:
    return b"data: " + json.dumps(data, separators=(",", ":")).encode("ascii") + b"\n\n"
