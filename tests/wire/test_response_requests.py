"""Requests of the Responses API: what is accepted, and the errors for what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import ApiError
from simulator.wire.request_body import parse_body
from simulator.wire.response_requests import (
    CompactConversation,
    CompactionItem,
    CreateResponse,
    FunctionCallItem,
    FunctionOutputItem,
    MessageItem,
    ReasoningItem,
    ReferenceItem,
    TextPart,
)

PLAIN: dict[str, Any] = {"model": "m", "input": "Why?"}
FUNCTION = {"type": "function", "name": "look_up"}


def parse_request(**fields: Any) -> CreateResponse:
    """Parse the minimal request with some fields added."""
    return parse_body(CreateResponse, json.dumps(PLAIN | fields).encode(), {})


def parse_error(**fields: Any) -> tuple[int, str, str | None, str]:
    """Return status, code, param and message of the error."""
    with pytest.raises(ApiError) as exc_info:
        parse_request(**fields)
    error = exc_info.value
    return error.kind.status, error.kind.code, error.param, error.message


def test_a_text_input_is_a_user_message() -> None:
    """OPENAI."""
    assert parse_request().items == [MessageItem(role="user", content="Why?")]


def test_every_kind_of_item_is_parsed() -> None:
    """A message with and without `type`. Unused fields are dropped."""
    items = [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Why?"}], "id": "msg_1"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}", "status": None},
        {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "4"}]},
        {"type": "item_reference", "id": "msg_2"},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": "abc"},
    ]
    assert parse_request(input=items).items == [
        MessageItem(role="developer", content="Be brief."),
        MessageItem(role="user", content=[TextPart(type="input_text", text="Why?")]),
        ReasoningItem(type="reasoning", content=[{"type": "reasoning_text", "text": "Hm."}]),
        FunctionCallItem(type="function_call", call_id="call_1", name="f", arguments="{}"),
        FunctionOutputItem(
            type="function_call_output", call_id="call_1", output=[TextPart(type="input_text", text="4")]
        ),
        ReferenceItem(type="item_reference", id="msg_2"),
        CompactionItem(type="compaction", encrypted_content="abc"),
    ]


def test_text_parts_are_joined() -> None:
    """Of a message and of an output."""
    parts = [{"type": "input_text", "text": "Wh"}, {"type": "output_text", "text": "y?"}]
    called = {"type": "function_call_output", "call_id": "c", "output": parts}
    message, output = parse_request(input=[{"role": "user", "content": parts}, called]).items
    assert isinstance(message, MessageItem)
    assert isinstance(output, FunctionOutputItem)
    assert (message.text, output.text) == ("Why?", "Why?")


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"top_p": 0.5},
        {"max_output_tokens": 16},
        {"metadata": {"k" * 64: "v" * 512}},
        {"reasoning": {"effort": "low", "summary": "auto"}},
        {"text": {"format": {"type": "json_object"}, "verbosity": "low"}},
        {"tools": [FUNCTION | {"parameters": None}], "tool_choice": "auto"},
        {"tools": [FUNCTION | {"parameters": {}, "strict": True}], "parallel_tool_calls": False},
        {"include": ["reasoning.encrypted_content"], "truncation": "auto", "user": "u", "service_tier": "flex"},
        {"prompt_cache_key": "k", "safety_identifier": "s", "stream_options": {"include_obfuscation": False}},
        {"background": True},
        {"conversation": None, "prompt": None},
        {"never_heard_of": 1},
    ],
)
def test_requests_of_openais_clients_are_accepted(fields: dict[str, Any]) -> None:
    """An unknown field has no effect, as with vLLM."""
    assert parse_request(**fields).items


@pytest.mark.shows("tool-choice")
def test_a_named_tool_choice_is_ignored() -> None:
    """OBSERVED for gpt-oss: it counts as `auto`."""
    assert parse_request(tool_choice=FUNCTION) == parse_request(tool_choice="auto")


@pytest.mark.shows("tool-choice")
@pytest.mark.parametrize("choice", ["none", "required", "sometimes"])
def test_a_tool_choice_other_than_auto_is_refused(choice: str) -> None:
    """OBSERVED for gpt-oss, the supported options included."""
    assert parse_error(tool_choice=choice) == (
        400,
        "validation_error",
        "tool_choice",
        f"Invalid 'tool_choice': '{choice}' is not supported. Supported options: [\"auto\"].",
    )


def test_too_small_a_budget_is_refused() -> None:
    """OBSERVED: the minimum is 16, with the code and the param."""
    assert parse_error(max_output_tokens=15) == (
        400,
        "integer_below_min_value",
        "max_output_tokens",
        "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 15 instead.",
    )


@pytest.mark.shows("effort")
@pytest.mark.parametrize("effort", ["minimal", "none", "xhigh"])
def test_an_effort_that_gpt_oss_does_not_have_is_refused(effort: str) -> None:
    """It has three."""
    assert parse_error(reasoning={"effort": effort}) == (
        400,
        "validation_error",
        "reasoning.effort",
        "Invalid 'reasoning.effort': input should be 'low', 'medium' or 'high'.",
    )


@pytest.mark.parametrize("name", ["conversation", "prompt"])
def test_stored_conversations_and_prompts_are_refused(name: str) -> None:
    """OpenAI stores them on the server. Mantle has no route for either."""
    assert parse_error(**{name: "x"}) == (
        400,
        "unsupported_parameter",
        name,
        f"Unsupported parameter: '{name}' is not supported.",
    )


@pytest.mark.parametrize(
    ("fields", "param", "reason"),
    [
        ({"model": None}, "model", "valid string"),
        ({"input": None}, "input", "valid list"),
        ({"input": []}, "input", "at least 1 item"),
        ({"input": [5]}, "input[0]", "an object"),
        ({"input": [{"type": "web_search_call"}]}, "input[0].type", "'message', 'reasoning'"),
        ({"input": [{"type": []}]}, "input[0].type", "'message', 'reasoning'"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role", "'user', 'assistant'"),
        ({"input": [{"role": "user", "content": 5}]}, "input[0].content", "valid list"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "u"}]}]},
            "input[0].content[0].type",
            "'input_text' or 'output_text'",
        ),
        ({"background": True, "store": False}, "background", "needs 'store'"),
        ({"stream": "yes"}, "stream", "valid boolean"),
        ({"temperature": 2.1}, "temperature", "less than or equal to 2"),
        ({"top_p": 1.1}, "top_p", "less than or equal to 1"),
        ({"max_output_tokens": 2**31}, "max_output_tokens", "less than or equal to"),
        ({"max_output_tokens": 16.5}, "max_output_tokens", "valid integer"),
        ({"metadata": {"k" * 65: "v"}}, "metadata", "64 characters"),
        ({"metadata": {"k": "v" * 513}}, "metadata", "512"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata", "at most 16"),
        ({"metadata": {"k": 1}}, "metadata.k", "valid string"),
        ({"service_tier": "reserved"}, "service_tier", "'auto', 'default', 'flex' or 'priority'"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "'function'"),
        ({"tools": [FUNCTION | {"name": "no spaces"}]}, "tools[0].name", "pattern"),
        ({"tools": [FUNCTION | {"parameters": {"type": "nonsense"}}]}, "tools[0].parameters", "JSON Schema"),
        ({"tools": [FUNCTION | {"parameters": {"type": "string"}}]}, "tools[0].parameters", "'object'"),
        ({"tool_choice": {"type": "file_search"}}, "tool_choice", "this form is not supported"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format", "needs 'name' and 'schema'"),
        (
            {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": 5}}}},
            "text.format.schema",
            "JSON Schema",
        ),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type", "'json_schema'"),
    ],
)
def test_an_invalid_value_is_refused_by_its_path(fields: dict[str, Any], param: str, reason: str) -> None:
    """The path as the caller would write it, and the reason."""
    status, code, named, message = parse_error(**fields)
    assert (status, code, named) == (400, "validation_error", param)
    assert reason in message


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        ({"input": [{"type": "item_reference"}]}, "input[0].id"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ],
)
def test_a_missing_field_is_refused_by_its_path(fields: dict[str, Any], missing: str) -> None:
    """Within an item or a tool."""
    assert parse_error(**fields) == (
        400,
        "missing_required_parameter",
        missing,
        f"Missing required parameter: '{missing}'.",
    )


def test_only_a_compaction_may_have_no_input() -> None:
    """It may start with a stored response instead."""
    body = json.dumps({"model": "m"}).encode()
    assert parse_body(CompactConversation, body, {}).items == []
    with pytest.raises(ApiError) as exc_info:
        parse_body(CreateResponse, body, {})
    assert (exc_info.value.kind.code, exc_info.value.param) == ("missing_required_parameter", "input")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(CreateResponse.model_fields)), JSON)
def test_any_value_of_a_field_is_accepted_or_a_400(name: str, value: Any) -> None:
    """Nothing else is raised."""
    try:
        parse_request(**{name: value})
    except ApiError as error:
        assert error.kind.status == 400  # noqa: PT017  either way is right


@given(JSON)
def test_any_item_or_tool_is_accepted_or_a_400(item: Any) -> None:
    """Nothing else is raised."""
    for fields in ({"input": [item]}, {"tools": [item]}):
        try:
            parse_request(**fields)
        except ApiError as error:
            assert error.kind.status == 400  # noqa: PT017  either way is right
