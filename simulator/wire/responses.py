"""Renders the Responses API: the response object in each status, and the compacted conversation.

The schemas are OpenAI's (its SDK's strict validation accepts them). The reasoning item with `reasoning_text` and no
summary is OBSERVED at Mantle.
"""

import json
from collections.abc import Callable, Sequence
from typing import Final, Literal

from simulator.inference.chat_request import Reply
from simulator.wire.json_response import Json
from simulator.wire.response_requests import CreateResponse, FunctionTool, TextOptions

ItemIdFactory = Callable[[str, int], str]  # returns an id for a prefix such as `msg` and a position

_TIER: Final = "default"


def render_output(reply: Reply, *, item_id: ItemIdFactory) -> list[Json]:
    """Return the output items: the reasoning, then the tool calls or the message.

    If the token budget ended within the reasoning there is no message (OPENAI: `incomplete`).
    """
    output: list[Json] = []
    if reply.reasoning:
        content = [{"text": reply.reasoning, "type": "reasoning_text"}]
        output.append({"content": content, "id": item_id("rs", 0), "summary": [], "type": "reasoning"})
    for call in reply.tool_calls:
        output.append(
            {
                "arguments": call.arguments,
                "call_id": call.id,
                "id": item_id("fc", len(output)),
                "name": call.name,
                "status": "completed",
                "type": "function_call",
            }
        )
    is_cut_off = reply.finish_reason == "length"
    if reply.text or not (reply.tool_calls or is_cut_off):
        output.append(
            {
                "content": [{"annotations": [], "logprobs": [], "text": reply.text, "type": "output_text"}],
                "id": item_id("msg", len(output)),
                "role": "assistant",
                "status": "incomplete" if is_cut_off else "completed",
                "type": "message",
            }
        )
    return output


def render_response(
    request: CreateResponse, *, response_id: str, created_at: int, reply: Reply, output: Sequence[Json]
) -> Json:
    """Return a finished `response`: `completed`, or `incomplete` if the token budget ended it."""
    is_cut_off = reply.finish_reason == "length"
    response = {
        "background": bool(request.background),
        "created_at": created_at,
        "error": None,
        "id": response_id,
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut_off else None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": request.max_tool_calls,
        "metadata": dict(sorted((request.metadata or {}).items())),
        "model": request.model,
        "object": "response",
        "output": list(output),
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "prompt_cache_key": request.prompt_cache_key,
        "reasoning": {
            "effort": request.effective_reasoning_effort,
            "summary": request.reasoning and request.reasoning.summary,
        },
        "safety_identifier": request.safety_identifier,
        "service_tier": _TIER if request.service_tier in (None, "auto") else request.service_tier,
        "status": "incomplete" if is_cut_off else "completed",
        "store": request.store is not False,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": _text(request.text),
        "tool_choice": "auto",
        "tools": [_tool(tool) for tool in request.tools or ()],
        "top_logprobs": request.top_logprobs or 0,
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "truncation": request.truncation or "disabled",
        "usage": _usage(reply.prompt_tokens, reply.completion_tokens, reply.reasoning_tokens),
        "user": request.user,
    }
    # OPENAI: these three may be absent, but not null.
    absent = {"prompt_cache_key", "safety_identifier", "user"}
    return {name: value for name, value in response.items() if value is not None or name not in absent}


def unfinished_response(response: Json, status: Literal["in_progress", "cancelled"]) -> Json:
    """Return an unfinished response: without output and usage."""
    return response | {"incomplete_details": None, "output": [], "status": status, "usage": None}


def render_response_deletion(response_id: str) -> Json:
    """Return the answer to deleting a response (OPENAI)."""
    return {"deleted": True, "id": response_id, "object": "response"}


def render_compaction(
    *, response_id: str, item_id: str, created_at: int, content: str, input_tokens: int, output_tokens: int
) -> Json:
    """Return a `response.compaction` (OPENAI). It has one item, so that the SDK's strict validation accepts it."""
    return {
        "created_at": created_at,
        "id": response_id,
        "object": "response.compaction",
        "output": [{"encrypted_content": content, "id": item_id, "type": "compaction"}],
        "usage": _usage(input_tokens, output_tokens, 0),
    }


def _usage(input_tokens: int, output_tokens: int, reasoning_tokens: int) -> Json:
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning_tokens},
        "total_tokens": input_tokens + output_tokens,
    }


def _text(options: TextOptions | None) -> Json:
    text_format = options and options.format
    text: dict[str, Json] = {"format": {"type": "text"}}
    if text_format and text_format.type == "json_object":
        text["format"] = {"type": "json_object"}
    elif text_format and text_format.type == "json_schema":
        text["format"] = _sort_keys(
            {
                "description": text_format.description,
                "name": text_format.name,
                "schema": text_format.form,
                "strict": bool(text_format.strict),
                "type": "json_schema",
            }
        )
    if options and options.verbosity:
        text["verbosity"] = options.verbosity
    return text


def _tool(tool: FunctionTool) -> Json:
    return {
        "description": tool.description,
        "name": tool.name,
        "parameters": _sort_keys(tool.parameters),
        "strict": tool.strict is not False,
        "type": "function",
    }


def _sort_keys(value: Json) -> Json:
    """Return a caller's JSON value with its keys in alphabetical order."""
    return json.loads(json.dumps(value, sort_keys=True))
