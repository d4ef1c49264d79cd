"""Turns the answer of the policy into a reply: text, JSON by a schema, or tool calls.

INFERRED: a real model decides by itself whether it calls a tool. The simulated one follows fixed rules, on which tests
can rely:

- with `auto`, a prompt with a known answer gets text. Any other prompt gets a tool call, and after the result of the
  tool a text that repeats it
- `required` always calls a tool, `none` never
- it calls all tools that the question names. If it names none, it calls the tool whose name and description share the
  most words with the question, and the first one if several share equally many
- the answer, right or wrong, goes into the field of the arguments that fits it best
- a JSON reply has the form of `json_schema`, or else of a schema, a template or named keys in the prompt
"""

import json
from dataclasses import replace
from typing import Final

from simulator.inference.chat_request import ANY_OBJECT_SCHEMA, ChatRequest, Reply, Schema, ToolCall
from simulator.inference.prompt_schema import asks_for_json, find_prompt_schema
from simulator.inference.structured.instances import generate_instance
from simulator.inference.tool_calls import choose_tools, find_tool_results, make_tool_call
from simulator.training.chat_answers import ChatAnswer
from simulator.training.dataset import Json, Message
from simulator.training.requested_format import find_requested_format
from simulator.training.token_counts import CHARACTERS_PER_TOKEN, count_message_tokens, count_tokens, truncate_middle

# OBSERVED: gpt-oss prompts have about 65 tokens of chat template.
_TEMPLATE_TOKENS: Final = 65


def compose_reply(
    request: ChatRequest, answer: ChatAnswer, *, max_tokens: int, random_key: tuple[int | str, ...]
) -> Reply:
    """Return the reply to a request; `answer` is the answer of the policy as text, within `max_tokens`."""
    reply = Reply(
        text=answer.text,
        reasoning=answer.reasoning,
        prompt_tokens=answer.prompt_tokens + _template_tokens(request),
        completion_tokens=answer.completion_tokens,
        reasoning_tokens=answer.reasoning_tokens,
        finish_reason=answer.finish_reason,
        is_prompt_known=answer.known,
    )
    if not request.reasoning_enabled:
        reply = _with_text(replace(reply, reasoning="", reasoning_tokens=0), reply.text, max_tokens)
    question = truncate_middle(next((turn.content for turn in reversed(request.messages) if turn.role == "user"), ""))
    results = find_tool_results(request.messages)
    if tools := choose_tools(request, question, has_answer=answer.known or bool(results)):
        value = answer.value if answer.known else question
        calls = tuple(make_tool_call(tool, value, question, (*random_key, index)) for index, tool in enumerate(tools))
        return _with_tool_calls(reply, calls, max_tokens)
    value = _parse_json(results[-1][1]) if results and not answer.known else answer.value
    schema = _find_schema(request, answer, question, value)
    if schema is not None:
        instance = generate_instance(schema, value, key=find_requested_format(question).key)
        reply = _with_text(reply, json.dumps(instance, ensure_ascii=False), max_tokens)
    elif results and not answer.known:
        reply = _with_text(reply, "\n".join(f"{name} says: {result}" for name, result in results), max_tokens)
    return _apply_stop_sequences(reply, request.stop)


def count_prompt_tokens(request: ChatRequest) -> int:
    """Return the `prompt_tokens` of every reply to a request."""
    return count_message_tokens(
        Message(role=turn.role, content=turn.content) for turn in request.messages
    ) + _template_tokens(request)


def _find_schema(request: ChatRequest, answer: ChatAnswer, question: str, value: Json) -> Schema | None:
    """Return the schema of a JSON reply, or None for a reply in text.

    With `json_object`, the prompt may describe the object. Without `response_format`, the reply is JSON if the prompt
    asks for it. But for the prompt of a record, the policy answers in the formats that it has learned.
    """
    if request.json_schema is not None and request.json_schema != ANY_OBJECT_SCHEMA:
        return request.json_schema
    texts = [truncate_middle(turn.content) for turn in request.messages if turn.role in {"system", "developer"}]
    if request.json_schema is not None or not answer.known:
        texts.insert(0, question)
    elif answer.is_whole_prompt:
        return None
    if request.json_schema is None and not any(map(asks_for_json, texts)):
        return None
    return find_prompt_schema(texts, value) or request.json_schema


def _template_tokens(request: ChatRequest) -> int:
    tools = (f"{tool.name}{tool.description}{json.dumps(tool.parameters)}" for tool in request.tools)
    calls = (f"{call.name}{call.arguments}" for turn in request.messages for call in turn.tool_calls)
    return _TEMPLATE_TOKENS + sum(count_tokens(text) for text in (*tools, *calls))


def _with_tool_calls(reply: Reply, calls: tuple[ToolCall, ...], max_tokens: int) -> Reply:
    needed_tokens = reply.reasoning_tokens + sum(count_tokens(call.name + call.arguments) for call in calls)
    if needed_tokens > max_tokens:  # a call is never truncated
        return replace(reply, text="", completion_tokens=max_tokens, finish_reason="length")
    return replace(reply, text="", tool_calls=calls, completion_tokens=needed_tokens, finish_reason="tool_calls")


def _with_text(reply: Reply, text: str, max_tokens: int) -> Reply:
    available = max_tokens - reply.reasoning_tokens
    needed_tokens = count_tokens(text)
    return replace(
        reply,
        text=text[: available * CHARACTERS_PER_TOKEN],
        completion_tokens=reply.reasoning_tokens + min(needed_tokens, available),
        finish_reason="stop" if needed_tokens <= available else "length",
    )


def _apply_stop_sequences(reply: Reply, stop: tuple[str, ...]) -> Reply:
    positions = [position for position in (reply.text.find(sequence) for sequence in stop) if position >= 0]
    if not positions:
        return reply
    text = reply.text[: min(positions)]
    return replace(
        reply, text=text, completion_tokens=reply.reasoning_tokens + count_tokens(text), finish_reason="stop"
    )


def _parse_json(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value
