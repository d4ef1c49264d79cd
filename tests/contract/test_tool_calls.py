"""Tools on `/v1/chat/completions` through the real SDK, with strict validation."""

import json
from typing import Any

import pytest
from jsonschema import validate
from openai import BadRequestError, OpenAI

from tests.key_order import find_unsorted_objects
from tests.simulators import BASE_MODEL, RunningSimulator
from tests.training.training_files import make_record

KNOWN_RECORD = make_record(7)
ANSWER = "7 "
UNKNOWN = [{"role": "user", "content": "What is the weather in Paris?"}]


def tool(name: str, *, description: str = "", **properties: Any) -> dict[str, Any]:
    """Return a tool. All its arguments are required."""
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


WEATHER = tool("get_weather", description="The weather in a city", city={"type": "string"})
CLOCK = tool("get_time", zone={"enum": ["UTC", "CET"]})
SUBMIT = tool("submit", explanation={"type": "string"}, answer={"type": "integer"})
TOOLS = [CLOCK, WEATHER]


@pytest.fixture(scope="module")
def chat_client(simulator: RunningSimulator) -> OpenAI:
    """The real SDK, with strict validation."""
    return simulator.openai_client(strict=True)


def ask(client: OpenAI, **options: Any) -> Any:
    """Ask for the weather with two tools, by default at temperature 0; return the only choice's JSON."""
    request = {"model": BASE_MODEL, "messages": UNKNOWN, "temperature": 0, "tools": TOOLS, **options}
    answer = client.chat.completions.with_raw_response.create(**request)
    answer.parse()
    assert find_unsorted_objects(answer.http_response.text) == []
    [choice] = answer.http_response.json()["choices"]
    return choice


def tool_calls_of(choice: Any) -> list[tuple[str, Any]]:
    """Return (name, arguments) of each call."""
    return [
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in choice["message"].get("tool_calls", ())
    ]


def expect_error(client: OpenAI, **options: Any) -> Any:
    """Return the error of a request that is refused."""
    with pytest.raises(BadRequestError) as exc_info:
        ask(client, **options)
    return exc_info.value.body


@pytest.mark.shows("tools", "tool-calls")
def test_an_unknown_prompt_gets_a_tool_call(chat_client: OpenAI) -> None:
    """No content, and a call with an id, of the tool that shares most words with the question."""
    choice = ask(chat_client)
    [call] = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert (call["type"], call["id"].startswith("call_")) == ("function", True)
    assert tool_calls_of(choice) == [("get_weather", {"city": "What is the weather in Paris?"})]


@pytest.mark.shows("tool-calls")
def test_a_known_prompt_gets_text(chat_client: OpenAI) -> None:
    """Under `auto`, the default."""
    choices = [
        ask(chat_client, messages=KNOWN_RECORD["messages"], **options) for options in ({}, {"tool_choice": "auto"})
    ]
    assert [(choice["finish_reason"], tool_calls_of(choice)) for choice in choices] == [("stop", [])] * 2
    assert all(choice["message"]["content"] for choice in choices)


def test_none_forbids_calls(chat_client: OpenAI) -> None:
    """The model guesses in text instead."""
    choice = ask(chat_client, tool_choice="none")
    assert (choice["finish_reason"], tool_calls_of(choice)) == ("stop", [])


@pytest.mark.shows("tool-calls")
@pytest.mark.parametrize(
    ("choice", "name"),
    [("required", "get_time"), ({"type": "function", "function": {"name": "get_weather"}}, "get_weather")],
    ids=["required", "named"],
)
def test_a_call_can_be_forced(chat_client: OpenAI, choice: Any, name: str) -> None:
    """Of any tool, or of a given one, also if the model knows the answer."""
    answer = ask(chat_client, messages=KNOWN_RECORD["messages"], tool_choice=choice)
    assert answer["finish_reason"] == "tool_calls"
    assert [called_name for called_name, _ in tool_calls_of(answer)] == [name]


def test_the_models_answer_is_in_the_fitting_argument(chat_client: OpenAI) -> None:
    """The number of its text answer."""
    [(_, arguments)] = tool_calls_of(
        ask(chat_client, messages=KNOWN_RECORD["messages"], tools=[SUBMIT], tool_choice="required")
    )
    words = ask(chat_client, messages=KNOWN_RECORD["messages"], tools=None)["message"]["content"]
    assert str(arguments["answer"]) in words.replace(",", "")


def test_all_tools_that_a_question_names_are_called(chat_client: OpenAI) -> None:
    """In one answer, unless parallel calls are off."""
    messages = [{"role": "user", "content": "Use get_weather and get_time for Paris."}]
    together = [name for name, _ in tool_calls_of(ask(chat_client, messages=messages))]
    alone = [name for name, _ in tool_calls_of(ask(chat_client, messages=messages, parallel_tool_calls=False))]
    assert (together, alone) == (["get_time", "get_weather"], ["get_time"])


def test_every_call_has_an_id_of_its_own(chat_client: OpenAI) -> None:
    """In one answer and across answers."""
    messages = [{"role": "user", "content": "Use get_weather and get_time for Paris."}]
    ids = [call["id"] for _ in range(2) for call in ask(chat_client, messages=messages)["message"]["tool_calls"]]
    assert len(set(ids)) == 4


def test_a_tool_result_is_answered_with_text(chat_client: OpenAI) -> None:
    """The request has the call and its result."""
    first = ask(chat_client)
    call = first["message"]["tool_calls"][0]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "18 degrees"}
    choice = ask(chat_client, messages=[*UNKNOWN, first["message"], result])
    assert (choice["finish_reason"], choice["message"]["content"]) == ("stop", "get_weather says: 18 degrees")


def test_a_known_prompt_stays_known_after_a_call(chat_client: OpenAI) -> None:
    """The tool messages between do not hide it."""
    first = ask(chat_client, messages=KNOWN_RECORD["messages"], tools=[SUBMIT], tool_choice="required")
    result = {"role": "tool", "tool_call_id": first["message"]["tool_calls"][0]["id"], "content": "noted"}
    choice = ask(chat_client, messages=[*KNOWN_RECORD["messages"], first["message"], result], tools=[SUBMIT])
    assert (
        choice["message"]["content"]
        == ask(chat_client, messages=KNOWN_RECORD["messages"], tools=None)["message"]["content"]
    )


def test_a_streamed_call_has_the_complete_arguments(chat_client: OpenAI) -> None:
    """In pieces."""
    request: Any = {"model": BASE_MODEL, "messages": UNKNOWN, "temperature": 0, "tools": TOOLS, "stream": True}
    chunks = [chunk.to_dict() for chunk in chat_client.chat.completions.create(**request)]
    deltas = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    first, *rest = deltas
    whole = ask(chat_client)["message"]["tool_calls"][0]["function"]
    assert (first["index"], first["type"], first["function"]["name"]) == (0, "function", whole["name"])
    assert len(rest) > 1
    assert "".join(delta["function"]["arguments"] for delta in deltas) == whole["arguments"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_the_streaming_helper_of_the_sdk_joins_the_calls(simulator: RunningSimulator) -> None:
    """`chat.completions.stream` checks each delta."""
    request: Any = {"model": BASE_MODEL, "messages": UNKNOWN, "temperature": 0, "tools": TOOLS}
    with simulator.openai_client(strict=True).chat.completions.stream(**request) as stream:
        message = stream.get_final_completion().choices[0].message
    assert [call.function.name for call in message.tool_calls or ()] == ["get_weather"]


def test_a_small_budget_leaves_no_call(chat_client: OpenAI) -> None:
    """There is no partial call: 200, `length`."""
    choice = ask(chat_client, max_tokens=3)
    assert (choice["finish_reason"], choice["message"]["content"], tool_calls_of(choice)) == ("length", "", [])


def test_a_tool_without_parameters_is_called_without_arguments(chat_client: OpenAI) -> None:
    """With an empty object."""
    ping = {"type": "function", "function": {"name": "ping"}}
    assert tool_calls_of(ask(chat_client, tools=[ping])) == [("ping", {})]


@pytest.mark.shows("tool-calls")
@pytest.mark.parametrize("strict", [True, False, None])
def test_arguments_are_valid_strict_or_not(chat_client: OpenAI, strict: bool | None) -> None:
    """Against the tool's schema, with references and alternatives."""
    schema = {
        "type": "object",
        "properties": {
            "when": {"type": "string", "format": "date"},
            "who": {"$ref": "#/$defs/person"},
            "how": {"anyOf": [{"type": "null"}, {"type": "string", "pattern": "^[A-Z]{3}$"}]},
        },
        "required": ["when", "who", "how"],
        "additionalProperties": False,
        "$defs": {"person": {"type": "object", "properties": {"age": {"type": "integer", "minimum": 18}}}},
    }
    function = {"name": "book", "parameters": schema, "strict": strict}
    [(_, arguments)] = tool_calls_of(ask(chat_client, tools=[{"type": "function", "function": function}]))
    validate(arguments, schema)


def test_tools_count_as_prompt(simulator: RunningSimulator) -> None:
    """They are part of the model's input."""

    def prompt_tokens(tools: Any) -> int:
        body = {"model": BASE_MODEL, "messages": KNOWN_RECORD["messages"], "tools": tools}
        return int(simulator.http.post("/v1/chat/completions", json=body).json()["usage"]["prompt_tokens"])

    assert prompt_tokens(TOOLS) > prompt_tokens(None)


@pytest.mark.shows("tools")
def test_a_replayed_call_without_its_type_is_refused_as_observed(chat_client: OpenAI) -> None:
    """OBSERVED, word for word."""
    call = {"id": "call_1", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [*UNKNOWN, {"role": "assistant", "tool_calls": [call]}]
    assert expect_error(chat_client, messages=messages) == {
        "code": "validation_error",
        "message": "Invalid tool_calls: missing field type",
        "param": None,
        "type": "invalid_request_error",
    }


CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
REPLAYED = {"role": "assistant", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "18"}


@pytest.mark.shows("tool-messages")
@pytest.mark.parametrize(
    ("options", "param", "reason"),
    [
        ({"messages": [*UNKNOWN, RESULT]}, "messages", "messages[1] with role 'tool' must have the 'tool_call_id'"),
        ({"messages": [*UNKNOWN, REPLAYED, RESULT | {"tool_call_id": "call_2"}]}, "messages", "messages[2]"),
        ({"messages": [*UNKNOWN, REPLAYED, {"role": "tool", "content": "18"}]}, "messages", "messages[2]"),
        ({"messages": [*UNKNOWN, REPLAYED]}, "messages", "these had none: call_1"),
        ({"messages": [*UNKNOWN, REPLAYED, *UNKNOWN]}, "messages", "before messages[2] these had none: call_1"),
        ({"messages": [*UNKNOWN, REPLAYED, RESULT, RESULT]}, "messages", "messages[3]"),
        ({"tools": None, "tool_choice": "required"}, "tool_choice", "only allowed when 'tools' are given"),
        ({"tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice", "names 'x'"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function", "Missing required parameter"),
        ({"tool_choice": "any"}, "tool_choice", "should be 'auto', 'none' or 'required'"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "should be 'function'"),
        ({"tools": [tool("bad name")]}, "tools[0].function.name", "pattern"),
        ({"tools": [tool("f", a={"type": "strng"})]}, "tools[0].function.parameters", "not a valid JSON Schema"),
        ({"tools": [TOOLS[0]] * 129}, "tools", "at most 128"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}]},
            "tools[0].function.parameters",
            "must be of type 'object'",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_inconsistent_tools_and_messages_are_refused(
    chat_client: OpenAI, options: Any, param: str, reason: str
) -> None:
    """By the field, with the reason."""
    fault = expect_error(chat_client, **options)
    assert fault["param"] == param
    assert reason in fault["message"]
