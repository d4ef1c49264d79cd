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
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from simulator.ids import digest
from simulator.inference.chat_request import ChatRequest, Reply, Tool, ToolCall, Turn
from simulator.inference.structured.instances import generate_instance
from simulator.training.chat_answers import ChatAnswer, count_message_tokens, count_tokens, truncate_middle
from simulator.training.dataset import Json, Message
from simulator.training.reference_answer import find_requested_format
from simulator.training.sampling import CHARACTERS_PER_TOKEN

# OBSERVED: gpt-oss prompts carry about 65 tokens of hidden template.
_TEMPLATE_TOKENS: Final = 65
_NAME: Final = re.compile(r"[\w-]+")
_WORD: Final = re.compile(r"[A-Za-z][a-z]{3,}|[A-Z]{4,}")


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
    results = _tool_results(request.messages)
    if called := _choose_tools(request, question, settled=answer.known or bool(results)):
        wanted = answer.value if answer.known else question
        calls = tuple(
            _make_tool_call(tool, wanted, question, (*random_key, place)) for place, tool in enumerate(called)
        )
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


def _tool_results(messages: tuple[Turn, ...]) -> list[tuple[str, str]]:
    """Return (tool, what it said) of each result since the last question."""
    names: dict[str | None, str] = {}
    results: list[tuple[str, str]] = []
    for turn in messages:
        names |= {call.id: call.name for call in turn.tool_calls}
        if turn.role == "user":
            results = []
        elif turn.role == "tool":
            results.append((names.get(turn.tool_call_id, "The tool"), turn.content))
    return results


def _choose_tools(wish: ChatRequest, question: str, *, settled: bool) -> tuple[Tool, ...]:
    if not wish.tools or wish.tool_choice == "none" or (wish.tool_choice == "auto" and settled):
        return ()
    names = set(_NAME.findall(question))
    called = [tool for tool in wish.tools if tool.name in names]
    if not called:
        asked = _words(question)
        called = [max(wish.tools, key=lambda tool: len(asked & _words(f"{tool.name} {tool.description}")))]
    return tuple(called if wish.parallel_tool_calls else called[:1])


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def _make_tool_call(tool: Tool, wanted: Json, question: str, address: Iterable[int | str]) -> ToolCall:
    arguments = generate_instance(tool.parameters, wanted, key=find_requested_format(question).key)
    # The form of the id is INFERRED from OpenAI's.
    call_id = f"call_{digest('call', *address, size=12).hex()}"
    return ToolCall(id=call_id, name=tool.name, arguments=json.dumps(arguments, ensure_ascii=False))


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
