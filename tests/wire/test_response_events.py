"""A response as events: both orders, the sequence numbers, and the same content as the response object."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.inference.chat_request import Reply, ToolCall
from simulator.settings import ResponseEvents
from simulator.wire.response_events import render_response_events, stream_response_events
from simulator.wire.response_requests import CreateResponse
from simulator.wire.responses import render_output, render_response, unfinished_response
from tests.key_order import find_unsorted_objects
from tests.response_event_order import MANTLE_EVENT_ORDER, OPENAI_EVENT_ORDER

VLLM, OPENAI = ResponseEvents

REASONING_REPLY = Reply(
    text="The answer is 7.",
    reasoning="Adding the two.",
    prompt_tokens=77,
    completion_tokens=30,
    reasoning_tokens=4,
    finish_reason="stop",
    is_prompt_known=True,
)
TOOL_CALL_REPLY = Reply(
    text="",
    reasoning="",
    tool_calls=(ToolCall(id="call_1", name="look_up", arguments='{"city": "Rome"}'),),
    prompt_tokens=77,
    completion_tokens=9,
    reasoning_tokens=0,
    finish_reason="tool_calls",
    is_prompt_known=False,
)


def response(reply: Reply = REASONING_REPLY) -> Any:
    """Return the response object of a reply."""
    output = render_output(reply, item_id=lambda prefix, position: f"{prefix}_{position}")
    return render_response(
        CreateResponse(model="m", input="Why?"), response_id="resp_1", created_at=5, reply=reply, output=output
    )


def parse_events(of: Any, order: ResponseEvents = VLLM) -> list[tuple[str, Any]]:
    """Return (event, data) of each event."""
    pairs = []
    for text in render_response_events(of, event_order=order):
        name, data = text.removesuffix("\n\n").split("\n")
        assert find_unsorted_objects(data.removeprefix("data: ")) == []
        pairs.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return pairs


def event_order(pairs: list[tuple[str, Any]]) -> list[str]:
    """Return the names of events, without repetitions."""
    names = [name for name, _ in pairs]
    return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]


def test_the_default_order_is_that_of_the_sample() -> None:
    """SAMPLE: the walkthrough's notebook reads `reasoning_part` around the reasoning."""
    assert event_order(parse_events(response())) == MANTLE_EVENT_ORDER


def test_openais_order_differs_in_two_names() -> None:
    """`content_part` for the reasoning too."""
    assert event_order(parse_events(response(), OPENAI)) == OPENAI_EVENT_ORDER


@pytest.mark.parametrize("order", ResponseEvents)
def test_each_event_has_its_type_and_its_number(order: ResponseEvents) -> None:
    """From 0, without a gap. The name of the event is the type in its data."""
    pairs = parse_events(response(), order)
    assert [data["sequence_number"] for _, data in pairs] == list(range(len(pairs)))
    assert [data["type"] for _, data in pairs] == [name for name, _ in pairs]


def test_the_events_of_a_message_have_every_key() -> None:
    """The item's id, its position, and the log probabilities that the SDKs require."""
    reply = Reply(
        text="So, 7",
        reasoning="",
        prompt_tokens=1,
        completion_tokens=1,
        reasoning_tokens=0,
        finish_reason="stop",
        is_prompt_known=True,
    )
    place = {"content_index": 0, "item_id": "msg_0", "output_index": 0}
    part = {"annotations": [], "logprobs": [], "text": "So, 7", "type": "output_text"}
    item = {"content": [part], "id": "msg_0", "role": "assistant", "status": "completed", "type": "message"}
    assert [data for _, data in parse_events(response(reply))][2:-1] == [
        {
            "item": item | {"content": [], "status": "in_progress"},
            "output_index": 0,
            "sequence_number": 2,
            "type": "response.output_item.added",
        },
        place | {"part": part | {"text": ""}, "sequence_number": 3, "type": "response.content_part.added"},
        place | {"delta": "So, ", "logprobs": [], "sequence_number": 4, "type": "response.output_text.delta"},
        place | {"delta": "7", "logprobs": [], "sequence_number": 5, "type": "response.output_text.delta"},
        place | {"logprobs": [], "sequence_number": 6, "text": "So, 7", "type": "response.output_text.done"},
        place | {"part": part, "sequence_number": 7, "type": "response.content_part.done"},
        {"item": item, "output_index": 0, "sequence_number": 8, "type": "response.output_item.done"},
    ]


def test_the_events_of_a_function_call_have_every_key() -> None:
    """The arguments in pieces and then complete."""
    place = {"item_id": "fc_0", "output_index": 0}
    item = {
        "arguments": '{"city": "Rome"}',
        "call_id": "call_1",
        "id": "fc_0",
        "name": "look_up",
        "status": "completed",
        "type": "function_call",
    }
    delta = "response.function_call_arguments.delta"
    assert [data for _, data in parse_events(response(TOOL_CALL_REPLY))][2:-1] == [
        {
            "item": item | {"arguments": "", "status": "in_progress"},
            "output_index": 0,
            "sequence_number": 2,
            "type": "response.output_item.added",
        },
        place | {"delta": '{"ci', "sequence_number": 3, "type": delta},
        place | {"delta": 'ty":', "sequence_number": 4, "type": delta},
        place | {"delta": ' "Ro', "sequence_number": 5, "type": delta},
        place | {"delta": 'me"}', "sequence_number": 6, "type": delta},
        place
        | {
            "arguments": '{"city": "Rome"}',
            "sequence_number": 7,
            "type": "response.function_call_arguments.done",
        },
        {"item": item, "output_index": 0, "sequence_number": 8, "type": "response.output_item.done"},
    ]


def test_a_stream_starts_without_output_and_ends_with_all_of_it() -> None:
    """Only the last event has `usage`."""
    pairs = parse_events(response())
    in_progress = response() | {"output": [], "status": "in_progress", "usage": None}
    assert [pairs[0][1]["response"], pairs[1][1]["response"], pairs[-1][1]["response"]] == [
        in_progress,
        in_progress,
        response(),
    ]


@pytest.mark.parametrize(
    ("reply", "end"),
    [(REASONING_REPLY, "response.completed"), (TOOL_CALL_REPLY, "response.completed")],
)
def test_a_complete_answer_ends_completed(reply: Reply, end: str) -> None:
    """A text or tool calls."""
    assert parse_events(response(reply))[-1][0] == end


def test_a_cut_off_answer_ends_incomplete() -> None:
    """The budget ended within the reasoning: there is no message."""
    cut = Reply(
        text="",
        reasoning="Hm",
        prompt_tokens=1,
        completion_tokens=16,
        reasoning_tokens=16,
        finish_reason="length",
        is_prompt_known=True,
    )
    names = [name for name, _ in parse_events(response(cut))]
    assert names[-2:] == ["response.output_item.done", "response.incomplete"]
    assert "response.content_part.added" not in names


def test_a_cancelled_response_has_no_end_event() -> None:
    """OpenAI has none for it."""
    assert [name for name, _ in parse_events(unfinished_response(response(), "cancelled"))] == [
        "response.created",
        "response.in_progress",
    ]


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from(ResponseEvents))
def test_the_deltas_join_to_the_text(text: str, reasoning: str, order: ResponseEvents) -> None:
    """To the last character, with quotes, control characters and lone surrogates."""
    reply = Reply(
        text=text,
        reasoning=reasoning,
        prompt_tokens=1,
        completion_tokens=1,
        reasoning_tokens=0,
        finish_reason="stop",
        is_prompt_known=True,
    )
    pairs = parse_events(response(reply), order)

    def deltas(kind: str) -> str:
        return "".join(data["delta"] for name, data in pairs if name == kind)

    assert (deltas("response.output_text.delta"), deltas("response.reasoning_text.delta")) == (text, reasoning)


@pytest.mark.parametrize("after", [-1, 0, 7, 127, 500, 10_000])
def test_a_replay_has_the_same_bytes_after_any_event(after: int) -> None:
    """With any number of events in one message."""
    long = Reply(
        text="word " * 400,
        reasoning="hm " * 200,
        prompt_tokens=1,
        completion_tokens=1,
        reasoning_tokens=0,
        finish_reason="stop",
        is_prompt_known=True,
    )
    every = list(render_response_events(response(long), event_order=VLLM))
    replayed = b"".join(stream_response_events(response(long), event_order=VLLM, after=after))
    assert replayed == "".join(every[after + 1 :]).encode()
