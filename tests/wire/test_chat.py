"""Chat completions: the complete object, and server-sent chunks with the same content."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.inference.chat_request import Reply, ToolCall
from simulator.wire.chat import Completion, render_completion, stream_completion
from tests.key_order import find_unsorted_objects

REPLY = Reply(
    text="3 + 4 = 7\n#### 7",
    reasoning="Adding the two.",
    prompt_tokens=77,
    completion_tokens=30,
    reasoning_tokens=4,
    finish_reason="stop",
    is_prompt_known=True,
)
COMPLETION = Completion(id="chatcmpl-1", model="openai.gpt-oss-20b", created=1_767_225_600, replies=(REPLY,))
USAGE = {"completion_tokens": 30, "prompt_tokens": 77, "total_tokens": 107}


def chunks(completion: Completion, *, include_usage: bool = False) -> list[Any]:
    """Return the JSON chunks of a stream, which must be well-formed and end in [DONE]."""
    events = b"".join(stream_completion(completion, include_usage=include_usage)).split(b"\n\n")
    assert events[-2:] == [b"data: [DONE]", b""]
    assert all(event.startswith(b"data: {") for event in events[:-2])
    return [json.loads(event.removeprefix(b"data: ")) for event in events[:-2]]


def joined_deltas(streamed: list[Any], part: str) -> str:
    """Return the joined deltas of one field."""
    return "".join(choice["delta"].get(part) or "" for chunk in streamed for choice in chunk["choices"])


def test_a_completion_has_the_observed_keys() -> None:
    """`message.reasoning` beside `content`, in alphabetical order."""
    rendered = render_completion(COMPLETION)
    assert rendered == {
        "choices": [
            {
                "finish_reason": "stop",
                "index": 0,
                "logprobs": None,
                "message": {
                    "content": "3 + 4 = 7\n#### 7",
                    "reasoning": "Adding the two.",
                    "refusal": None,
                    "role": "assistant",
                },
            }
        ],
        "created": 1_767_225_600,
        "id": "chatcmpl-1",
        "model": "openai.gpt-oss-20b",
        "object": "chat.completion",
        "service_tier": "default",
        "system_fingerprint": None,
        "usage": USAGE,
    }
    assert find_unsorted_objects(json.dumps(rendered)) == []


def test_a_reply_without_reasoning_has_no_reasoning_key() -> None:
    """As from a model without it."""
    silent = replace(COMPLETION, replies=(replace(REPLY, reasoning=""),))
    assert "reasoning" not in render_completion(silent)["choices"][0]["message"]


def test_a_stream_begins_with_the_role_and_ends_with_the_reason() -> None:
    """The first chunk has the role and no text, the last one the finish reason and no text."""
    first, *_, last = chunks(COMPLETION)
    assert first["choices"] == [
        {"delta": {"content": "", "role": "assistant"}, "finish_reason": None, "index": 0, "logprobs": None}
    ]
    assert last["choices"] == [{"delta": {}, "finish_reason": "stop", "index": 0, "logprobs": None}]


def test_the_reasoning_is_streamed_before_the_content() -> None:
    """As Mantle does."""
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(COMPLETION)[1:-1]]
    kinds = [next(iter(delta)) for delta in deltas]
    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {"reasoning", "content"}


def test_usage_is_streamed_only_on_request() -> None:
    """OBSERVED: then every chunk has the key, and one last chunk without choices has the numbers."""
    request, unasked = chunks(COMPLETION, include_usage=True), chunks(COMPLETION)
    assert (request[-1]["choices"], request[-1]["usage"]) == ([], USAGE)
    assert [chunk["usage"] for chunk in request[:-1]] == [None] * len(unasked)
    assert all("usage" not in chunk for chunk in unasked)


@pytest.mark.parametrize("include_usage", [True, False])
def test_every_chunk_has_its_keys_in_order(include_usage: bool) -> None:
    """In the deltas and in the envelope."""
    for chunk in chunks(COMPLETION, include_usage=include_usage):
        assert find_unsorted_objects(json.dumps(chunk)) == []
        assert (chunk["id"], chunk["object"]) == ("chatcmpl-1", "chat.completion.chunk")


@given(st.text(max_size=80), st.text(max_size=80))
def test_the_stream_has_the_text_of_the_complete_object(text: str, reasoning: str) -> None:
    """To the last character, white space included."""
    streamed = chunks(replace(COMPLETION, replies=(replace(REPLY, text=text, reasoning=reasoning),)))
    assert (joined_deltas(streamed, "content"), joined_deltas(streamed, "reasoning")) == (text, reasoning)


CALLS = replace(
    REPLY,
    text="",
    tool_calls=(
        ToolCall(id="call_1", name="weather", arguments='{"city": "Paris"}'),
        ToolCall(id="call_2", name="time", arguments="{}"),
    ),
    finish_reason="tool_calls",
)


def test_tool_calls_have_no_content() -> None:
    """It is null beside them."""
    [choice] = render_completion(replace(COMPLETION, replies=(CALLS,)))["choices"]
    assert choice == {
        "finish_reason": "tool_calls",
        "index": 0,
        "logprobs": None,
        "message": {
            "content": None,
            "reasoning": "Adding the two.",
            "refusal": None,
            "role": "assistant",
            "tool_calls": [
                {"function": {"arguments": '{"city": "Paris"}', "name": "weather"}, "id": "call_1", "type": "function"},
                {"function": {"arguments": "{}", "name": "time"}, "id": "call_2", "type": "function"},
            ],
        },
    }
    assert find_unsorted_objects(json.dumps(choice)) == []


def test_a_streamed_call_has_its_name_once_and_its_arguments_in_pieces() -> None:
    """OPENAI: each delta has the index of its call."""
    streamed = chunks(replace(COMPLETION, replies=(replace(CALLS, reasoning=""),)))
    deltas = [call for chunk in streamed for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert deltas == [
        {"function": {"arguments": "", "name": "weather"}, "id": "call_1", "index": 0, "type": "function"},
        {"function": {"arguments": '{"ci'}, "index": 0},
        {"function": {"arguments": 'ty":'}, "index": 0},
        {"function": {"arguments": ' "Pa'}, "index": 0},
        {"function": {"arguments": 'ris"'}, "index": 0},
        {"function": {"arguments": "}"}, "index": 0},
        {"function": {"arguments": "", "name": "time"}, "id": "call_2", "index": 1, "type": "function"},
        {"function": {"arguments": "{}"}, "index": 1},
    ]
    assert all(find_unsorted_objects(json.dumps(chunk)) == [] for chunk in streamed)


def test_several_choices_alternate_in_a_stream() -> None:
    """They are counted together."""
    two = replace(COMPLETION, replies=(replace(REPLY, text="a b"), replace(REPLY, text="c", finish_reason="length")))
    streamed = chunks(two)
    said_by = {
        place: "".join(
            choice["delta"].get("content", "")
            for chunk in streamed
            for choice in chunk["choices"]
            if choice["index"] == place
        )
        for place in (0, 1)
    }
    last_choices = [choice for chunk in streamed for choice in chunk["choices"] if choice["finish_reason"]]
    assert said_by == {0: "a b", 1: "c"}
    assert sorted((end["index"], end["finish_reason"]) for end in last_choices) == [(0, "stop"), (1, "length")]
    assert two.usage == {"completion_tokens": 60, "prompt_tokens": 77, "total_tokens": 137}


def test_each_token_is_one_event() -> None:
    """A token has four characters."""
    streamed = chunks(replace(COMPLETION, replies=(replace(REPLY, text="x" * 41, reasoning=""),)))
    assert [len(chunk["choices"][0]["delta"].get("content", "")) for chunk in streamed] == [0, *[4] * 10, 1, 0]


def test_many_events_are_sent_in_one_message() -> None:
    """About a hundred tokens."""
    words = replace(COMPLETION, replies=(replace(REPLY, text="word " * 1000),))
    batches = list(stream_completion(words, include_usage=False))
    assert sum(batch.count(b"data: ") for batch in batches) > 1000
    assert len(batches) < 20
