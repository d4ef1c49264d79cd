"""A chat completion, by whatever server, as a recorded response."""

import re
from typing import Any, Final

from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion

from simulator.training.recorded_response import RecordedResponse
from simulator.training.token_counts import CHARACTERS_PER_TOKEN
from simulator.upstream.errors import UpstreamError

# vLLM and llama.cpp say `reasoning_content`; Ollama, OpenRouter and Bedrock `reasoning`.
_REASONING_FIELDS: Final = ("reasoning_content", "reasoning")
# A server without a reasoning parser leaves the thinking in the text; some templates write its first tag themselves.
_THOUGHT: Final = re.compile(r"\s*(?:<think>)?(.*?)</think>\s*(.*)", re.DOTALL)
_UNFINISHED_THOUGHT: Final = re.compile(r"\s*<think>(.*)", re.DOTALL)


def parse_completion(completion: object, *, url: str, model: str) -> RecordedResponse:
    """Return what a server answered. Tokens that it does not count are estimated from the characters.

    Raises:
        UpstreamError: an answer that is no chat completion, or one in which the model has said nothing at all.
    """
    # The SDK checks nothing of what a server sent: any field may be null.
    choices: Any = completion.choices if isinstance(completion, ChatCompletion) else None
    if not isinstance(completion, ChatCompletion) or not choices or not choices[0].message:
        raise UpstreamError(
            f"{url} did not answer with a chat completion: check that the address is the server's "
            "OpenAI-compatible base, which usually ends in /v1"
        )
    choice = choices[0]
    text, reasoning = _split_reasoning(_plain(choice.message.content), _reasoning(choice.message))
    finish_reason = str(choice.finish_reason or "stop")
    counted = completion.usage.completion_tokens if completion.usage else None
    if not text and not reasoning and not counted and finish_reason != "length":
        raise UpstreamError(
            f"{url}: the model {model!r} gave an empty answer and counted no tokens for it: "
            "check that the model can chat, and try it by hand"
        )
    thought = _thinking_tokens(completion.usage, text=text, reasoning=reasoning)
    return RecordedResponse(
        text=text,
        reasoning=reasoning,
        tokens=counted if counted is not None else thought + _estimated(text),
        reasoning_tokens=thought,
        finish_reason=finish_reason,
    )


def _reasoning(message: Any) -> str:
    found = [_plain(getattr(message, name, None)) for name in _REASONING_FIELDS]
    return next(filter(None, found), "")


def _split_reasoning(text: str, reasoning: str) -> tuple[str, str]:
    """Part the thinking from a text that still holds it."""
    if reasoning:
        return text, reasoning
    if finished := _THOUGHT.fullmatch(text):
        return finished[2], finished[1].strip()
    if unfinished := _UNFINISHED_THOUGHT.fullmatch(text):
        return "", unfinished[1].strip()
    return text, ""


def _plain(text: object) -> str:
    # JSON may escape half of a surrogate pair, and a file in UTF-8 cannot hold it.
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else ""


def _thinking_tokens(usage: CompletionUsage | None, *, text: str, reasoning: str) -> int:
    details = usage.completion_tokens_details if usage else None
    if details is not None and details.reasoning_tokens is not None:
        return details.reasoning_tokens
    if not reasoning:
        return 0
    # What is shown of the thinking may be a summary: the count of all tokens, where there is one, knows better.
    return max(0, usage.completion_tokens - _estimated(text)) if usage else _estimated(reasoning)


def _estimated(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
