"""From what the policy answered to what goes out: words, JSON that a schema asks for, or calls of tools.

INFERRED, all of it: a real model decides by itself whether it calls a tool. This one goes by rules that a test can
rely on:

- under `auto`, a prompt whose right answer is known is answered in words; any other is met with a tool call, and once
  the tool has answered, with words that hand on what it said
- `required` always calls, `none` never does
- called are all tools that the question names, or, when it names none, the one whose name and description share the
  most words with it (the first of several)
- the answer, right or wrong as it was drawn, stands in the field of the arguments that fits it best
"""

import json
from dataclasses import replace
from typing import Final

from simulator.inference.chat_request import ChatRequest, Reply, ToolCall
from simulator.inference.structured.instances import generate_instance
from simulator.inference.tool_calls import choose_tools, find_tool_results, make_tool_call
from simulator.training.chat_answers import ChatAnswer
from simulator.training.dataset import Json, Message
from simulator.training.requested_format import find_requested_format
from simulator.training.token_counts import CHARACTERS_PER_TOKEN, count_message_tokens, count_tokens, truncate_middle

# OBSERVED: gpt-oss prompts carry about 65 tokens of hidden template.
_TEMPLATE_TOKENS: Final = 65


def compose_reply(
    request: ChatRequest, answer: ChatAnswer, *, max_tokens: int, random_key: tuple[int | str, ...]
) -> Reply:
    """Return the reply to a wish; `answer` is what the policy says to it in words, within `max_tokens`."""
    words = Reply(
        text=answer.text,
        reasoning=answer.reasoning,
        prompt_tokens=answer.prompt_tokens + _hidden_tokens(request),
        completion_tokens=answer.completion_tokens,
        reasoning_tokens=answer.reasoning_tokens,
        finish_reason=answer.finish_reason,
        known=answer.known,
    )
    if not request.reasoning_enabled:
        words = _with_text(replace(words, reasoning="", reasoning_tokens=0), words.text, max_tokens)
    question = truncate_middle(next((turn.content for turn in reversed(request.messages) if turn.role == "user"), ""))
    results = find_tool_results(request.messages)
    if called := choose_tools(request, question, settled=answer.known or bool(results)):
        wanted = answer.value if answer.known else question
        calls = tuple(make_tool_call(tool, wanted, question, (*random_key, place)) for place, tool in enumerate(called))
        return _with_tool_calls(words, calls, max_tokens)
    if request.json_schema is not None:
        value = _parsed(results[-1][1]) if results and not answer.known else answer.value
        text = json.dumps(
            generate_instance(request.json_schema, value, key=find_requested_format(question).key), ensure_ascii=False
        )
        words = _with_text(words, text, max_tokens)
    elif results and not answer.known:
        words = _with_text(words, "\n".join(f"{name} says: {result}" for name, result in results), max_tokens)
    return _apply_stop_sequences(words, request.stop)


def count_prompt_tokens(request: ChatRequest) -> int:
    """Return the tokens of a whole prompt: the `prompt_tokens` of every reply to it."""
    return count_message_tokens(
        Message(role=turn.role, content=turn.content) for turn in request.messages
    ) + _hidden_tokens(request)


def _hidden_tokens(wish: ChatRequest) -> int:
    tools = (f"{tool.name}{tool.description}{json.dumps(tool.parameters)}" for tool in wish.tools)
    calls = (f"{call.name}{call.arguments}" for turn in wish.messages for call in turn.tool_calls)
    return _TEMPLATE_TOKENS + sum(count_tokens(text) for text in (*tools, *calls))


def _with_tool_calls(words: Reply, calls: tuple[ToolCall, ...], max_tokens: int) -> Reply:
    spent = words.reasoning_tokens + sum(count_tokens(call.name + call.arguments) for call in calls)
    if spent > max_tokens:  # half a call is none
        return replace(words, text="", completion_tokens=max_tokens, finish_reason="length")
    return replace(words, text="", tool_calls=calls, completion_tokens=spent, finish_reason="tool_calls")


def _with_text(words: Reply, text: str, max_tokens: int) -> Reply:
    room = max_tokens - words.reasoning_tokens
    spent = count_tokens(text)
    return replace(
        words,
        text=text[: room * CHARACTERS_PER_TOKEN],
        completion_tokens=words.reasoning_tokens + min(spent, room),
        finish_reason="stop" if spent <= room else "length",
    )


def _apply_stop_sequences(words: Reply, stop: tuple[str, ...]) -> Reply:
    found = [place for place in (words.text.find(sequence) for sequence in stop) if place >= 0]
    if not found:
        return words
    text = words.text[: min(found)]
    return replace(
        words, text=text, completion_tokens=words.reasoning_tokens + count_tokens(text), finish_reason="stop"
    )


def _parsed(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
