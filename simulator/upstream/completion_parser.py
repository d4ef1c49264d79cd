"""Parses the chat completion of any server into a recorded response."""

import re
from typing import Any, Final

from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion

from simulator.training.recorded_response import RecordedResponse
from simulator.training.token_counts import CHARACTERS_PER_TOKEN
from simulator.upstream.errors import UpstreamError

# vLLM and llama.cpp: `reasoning_content`; Ollama, OpenRouter and Bedrock: `reasoning`.
_REASONING_FIELDS: Final = ("reasoning_content", "reasoning")
# A server without a reasoning parser leaves the reasoning in the text. Some chat templates write the first tag.
_REASONING: Final = re.compile(r"\s*(?:<think>)?(.*?)</think>\s*(.*)", re.DOTALL)
_UNFINISHED_REASONING: Final = re.compile(r"\s*<think>(.*)", re.DOTALL)


def parse_completion(completion: object, *, url: str, model: str) -> RecordedResponse:
    """Return the response of a server. Tokens that the server does not count are estimated from the characters.

    Raises:
        UpstreamError: the answer is not a chat completion, or it is entirely empty.
    """
    # The SDK does not validate the answer: any field may be null.
    choices: Any = completion.choices if isinstance(completion, ChatCompletion) else None
    if not isinstance(completion, ChatCompletion) or not choices or not choices[0].message:
        raise UpstreamError(
            f"{url} did not answer with a chat completion: check that the address is the server's "
            "OpenAI-compatible base, which usually ends in /v1"
        )
    choice = choices[0]
    text, reasoning = _split_reasoning(_make_encodable(choice.message.content), _find_reasoning(choice.message))
    finish_reason = str(choice.finish_reason or "stop")
    token_count = completion.usage.completion_tokens if completion.usage else None
    if not text and not reasoning and not token_count and finish_reason != "length":
        raise UpstreamError(
            f"{url}: the model {model!r} gave an empty answer and counted no tokens for it: "
            "check that the model can chat, and try it by hand"
        )
    reasoning_tokens = _count_reasoning_tokens(completion.usage, text=text, reasoning=reasoning)
    return RecordedResponse(
        text=text,
        reasoning=reasoning,
        tokens=token_count if token_count is not None else reasoning_tokens + _estimate_tokens(text),
        reasoning_tokens=reasoning_tokens,
        finish_reason=finish_reason,
    )


def _find_reasoning(message: Any) -> str:
    texts = [_make_encodable(getattr(message, name, None)) for name in _REASONING_FIELDS]
    return next(filter(None, texts), "")


def _split_reasoning(text: str, reasoning: str) -> tuple[str, str]:
    """Separate the reasoning from a text that has it."""
    if reasoning:
        return text, reasoning
    if complete_match := _REASONING.fullmatch(text):
        return complete_match[2], complete_match[1].strip()
    if incomplete_match := _UNFINISHED_REASONING.fullmatch(text):
        return "", incomplete_match[1].strip()
    return text, ""


def _make_encodable(text: object) -> str:
    # JSON may have an unpaired surrogate, which UTF-8 cannot encode.
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""


def _count_reasoning_tokens(usage: CompletionUsage | None, *, text: str, reasoning: str) -> int:
    details = usage.completion_tokens_details if usage else None
    if details is not None and details.reasoning_tokens is not None:
        return details.reasoning_tokens
    if not reasoning:
        return 0
    # The reasoning may be a summary, so the count of all tokens, if there is one, is more exact.
    return max(0, usage.completion_tokens - _estimate_tokens(text)) if usage else _estimate_tokens(reasoning)


def _estimate_tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
