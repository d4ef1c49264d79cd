"""Response objects: every key, in order, for each finish reason."""

import json
from dataclasses import replace
from typing import Any

import pytest
from openai.types.responses import CompactedResponse, Response

from simulator.inference.chat_request import Reply, ToolCall
from simulator.wire.json_response import Json
from simulator.wire.response_requests import CreateResponse
from simulator.wire.responses import render_compaction, render_output, render_response, unfinished_response
from tests.key_order import find_unsorted_objects

REPLY = Reply(
    text="3 + 4 = 7",
    reasoning="Adding the two.",
    prompt_tokens=77,
    completion_tokens=30,
    reasoning_tokens=4,
    finish_reason="stop",
    is_prompt_known=True,
)
CALLS = replace(
    REPLY,
    text="",
    reasoning="",
    tool_calls=(ToolCall(id="call_1", name="f", arguments="{}"), ToolCall(id="call_2", name="g", arguments="{}")),
    finish_reason="tool_calls",
)
MESSAGE = {
    "content": [{"annotations": [], "logprobs": [], "text": "3 + 4 = 7", "type": "output_text"}],
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "type": "message",
}
REASONING_ITEM = {
    "content": [{"text": "Adding the two.", "type": "reasoning_text"}],
    "id": "rs_0",
    "summary": [],
    "type": "reasoning",
}


def output(reply: Reply) -> list[Json]:
    """Return the output items, with their positions in their ids."""
    return render_output(reply, item_id=lambda prefix, position: f"{prefix}_{position}")


def response(reply: Reply = REPLY, **fields: Any) -> Json:
    """Return the response to a request with some fields."""
    arguments = CreateResponse.model_validate({"model": "m", "input": "Why?"} | fields)
    return render_response(arguments, response_id="resp_1", created_at=5, reply=reply, output=output(reply))


def test_a_plain_response_has_every_key() -> None:
    """The keys are those of OpenAI's object, except for hosted tools. A missing field has its default."""
    assert response() == {
        "background": False,
        "created_at": 5,
        "error": None,
        "id": "resp_1",
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "model": "m",
        "object": "response",
        "output": [REASONING_ITEM, MESSAGE],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": "medium", "summary": None},
        "service_tier": "default",
        "status": "completed",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": 77,
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
            "output_tokens": 30,
            "output_tokens_details": {"reasoning_tokens": 4},
            "total_tokens": 107,
        },
    }


def test_the_fields_of_the_request_are_echoed() -> None:
    """The keys of a caller's schema are sorted too."""
    schema = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "integer"}}}
    echoed = response(
        instructions="Be brief.",
        max_output_tokens=16,
        metadata={"b": "2", "a": "1"},
        reasoning={"effort": "high", "summary": "auto"},
        service_tier="flex",
        store=False,
        temperature=0,
        text={"format": {"type": "json_schema", "name": "n", "schema": schema, "strict": True}, "verbosity": "low"},
        tools=[{"type": "function", "name": "f", "parameters": schema}],
        user="u",
    )
    assert {name: value for name, value in echoed.items() if value != response().get(name)} == {
        "instructions": "Be brief.",
        "max_output_tokens": 16,
        "metadata": {"a": "1", "b": "2"},
        "reasoning": {"effort": "high", "summary": "auto"},
        "service_tier": "flex",
        "store": False,
        "temperature": 0,
        "text": {
            "format": {"description": None, "name": "n", "schema": schema, "strict": True, "type": "json_schema"},
            "verbosity": "low",
        },
        "tools": [{"description": None, "name": "f", "parameters": schema, "strict": True, "type": "function"}],
        "user": "u",
    }
    assert find_unsorted_objects(json.dumps(echoed)) == []


@pytest.mark.parametrize("fields", [{"text": {"format": {"type": "json_object"}}}, {"truncation": "auto"}])
def test_the_openai_sdk_accepts_a_response(fields: Json) -> None:
    """Strict validation accepts each status."""
    for body in (response(**fields), response(CALLS), unfinished_response(response(), "in_progress")):
        Response.model_validate(body, strict=True)


def test_tool_calls_have_no_message() -> None:
    """Each call is an item of its own."""
    assert output(CALLS) == [
        {
            "arguments": "{}",
            "call_id": f"call_{index + 1}",
            "id": f"fc_{index}",
            "name": name,
            "status": "completed",
            "type": "function_call",
        }
        for index, name in enumerate("fg")
    ]


def test_a_cut_off_message_is_incomplete() -> None:
    """The response is incomplete too. The reason is the token budget."""
    truncated_response = response(replace(REPLY, finish_reason="length"))
    entries = (
        truncated_response["status"],
        truncated_response["incomplete_details"],
        truncated_response["output"][1]["status"],
    )
    assert entries == ("incomplete", {"reason": "max_output_tokens"}, "incomplete")


def test_a_budget_used_by_reasoning_leaves_no_message() -> None:
    """The output then contains only the reasoning, as at OpenAI."""
    assert output(replace(REPLY, text="", finish_reason="length")) == [REASONING_ITEM]


def test_an_empty_complete_answer_is_still_a_message() -> None:
    """Only an answer that the token budget cut off has no message."""
    assert [item["type"] for item in output(replace(REPLY, text=""))] == ["reasoning", "message"]


def test_a_compaction_is_one_item() -> None:
    """The SDK accepts it. It refuses a user message among the output items."""
    compaction = render_compaction(
        response_id="resp_1", item_id="cmp_1", created_at=5, content="abc", input_tokens=9, output_tokens=1
    )
    assert compaction == {
        "created_at": 5,
        "id": "resp_1",
        "object": "response.compaction",
        "output": [{"encrypted_content": "abc", "id": "cmp_1", "type": "compaction"}],
        "usage": {
            "input_tokens": 9,
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
            "output_tokens": 1,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 10,
        },
    }
    CompactedResponse.model_validate(compaction, strict=True)
