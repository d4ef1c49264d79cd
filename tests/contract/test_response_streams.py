"""Streamed responses through the real SDK: Mantle's order of events, OpenAI's order, and replays."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from openai import APIResponseValidationError, BadRequestError, NotFoundError, OpenAI
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter, ValidationError

from simulator.settings import ResponseEvents, Settings
from tests.response_event_order import MANTLE_EVENT_ORDER
from tests.simulators import BASE_MODEL, RunningSimulator, simulator_in_process
from tests.training.training_files import make_record, make_training_file

[KNOWN_PROMPT] = [message["content"] for message in make_record(7)["messages"]]
HINT = (
    "the stream has Mantle's events: no SDK has types for response.reasoning_part, and responses.stream() of the Node "
    "SDK stops at it; --responses-events openai sends the events of OpenAI's specification"
)
TOOL: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
REQUEST: dict[str, Any] = {"model": BASE_MODEL, "input": KNOWN_PROMPT, "temperature": 0}


@pytest.fixture(scope="module")
def simulator() -> Iterator[RunningSimulator]:
    """A simulator with default settings: Mantle's order."""
    with simulator_in_process() as created:
        created.upload(make_training_file(10))
        yield created


@pytest.fixture(scope="module")
def mantle_order_client(simulator: RunningSimulator) -> OpenAI:
    """The real SDK on it, without strict validation."""
    return simulator.openai_client()


@pytest.fixture(scope="module")
def openai_order_simulator() -> Iterator[RunningSimulator]:
    """A simulator with the order of OpenAI's specification."""
    with simulator_in_process(Settings(responses_events=ResponseEvents.OPENAI)) as created:
        created.upload(make_training_file(10))
        yield created


@pytest.fixture(scope="module")
def strict_client(openai_order_simulator: RunningSimulator) -> OpenAI:
    """The real SDK on that one, with strict validation of every event."""
    return openai_order_simulator.openai_client(strict=True)


def stream_raw(simulator: RunningSimulator, **fields: Any) -> tuple[str, Any]:
    """Return a stream's text and its headers."""
    got = simulator.http.post("/v1/responses", json=REQUEST | {"stream": True} | fields)
    assert got.status_code == 200, got.text
    return got.text, got.headers


def parse_event_data(text: str) -> list[Any]:
    """Return the data of each event."""
    events = text.removesuffix("\n\n").split("\n\n")
    return [json.loads(event.split("\ndata: ")[1]) for event in events]


def streamed_in_background(simulator: RunningSimulator, *, when: str, then: Callable[[str], Any]) -> list[str]:
    """Stream a background response; do something with its id once an event of a type came. Return the types that came.

    A test client reads a stream when it is over; so the simulator is called as a server calls it.
    """
    came: list[str] = []
    body = json.dumps(REQUEST | {"stream": True, "background": True}).encode()
    headers = [(b"authorization", f"Bearer {simulator.key}".encode()), (b"host", b"testserver")]
    scope = {"type": "http", "method": "POST", "path": "/v1/responses", "query_string": b"", "headers": headers}
    scope |= {"scheme": "http", "server": ("testserver", 80), "client": ("testclient", 1), "root_path": ""}
    names: list[str] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if not message.get("body"):
            return
        events = parse_event_data(message["body"].decode())
        came.extend(event["type"] for event in events)
        names.extend(event["response"]["id"] for event in events if event["type"] == "response.created")
        if when in (event["type"] for event in events):
            then(names[0])

    async def call() -> None:
        await simulator.instance.api(scope, receive, send)

    asyncio.run(call())
    return came


def types(events: Any) -> list[str]:
    """Return the types of events, without repetitions."""
    names = [event.type for event in events]
    return [name for place, name in enumerate(names) if place == 0 or names[place - 1] != name]


@pytest.mark.shows("order-of-events")
@pytest.mark.slow
def test_the_sdk_reads_mantles_order(mantle_order_client: OpenAI) -> None:
    """SAMPLE: the types and the order that Amazon's notebook reads."""
    assert types(mantle_order_client.responses.create(**REQUEST, stream=True)) == MANTLE_EVENT_ORDER


@pytest.mark.shows("strict-validation")
def test_strict_validation_refuses_only_two_of_mantles_events(simulator: RunningSimulator) -> None:
    """The SDK has types for all others."""
    adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)

    def refused(event: Any) -> bool:
        try:
            adapter.validate_python(event, strict=True)
        except ValidationError:
            return True
        return False

    text, _ = stream_raw(simulator)
    assert {event["type"] for event in parse_event_data(text) if refused(event)} == {
        "response.reasoning_part.added",
        "response.reasoning_part.done",
    }


def test_a_strict_client_stops_at_mantles_order(simulator: RunningSimulator) -> None:
    """As it would at Bedrock."""
    stream = simulator.openai_client(strict=True).responses.create(**REQUEST, stream=True)
    with pytest.raises(APIResponseValidationError):
        list(stream)


@pytest.mark.shows("order-of-events")
def test_mantles_order_has_a_hint(simulator: RunningSimulator, openai_order_simulator: RunningSimulator) -> None:
    """What it is, which client stops at it, and how to get the other order."""
    assert stream_raw(simulator)[1]["x-simulator-hint"] == HINT
    assert "x-simulator-hint" not in stream_raw(openai_order_simulator)[1]


def test_a_stream_is_server_sent_events(simulator: RunningSimulator) -> None:
    """Each with its name and its data."""
    text, headers = stream_raw(simulator)
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    for event in text.removesuffix("\n\n").split("\n\n"):
        name, data = event.split("\n")
        assert name.removeprefix("event: ") == json.loads(data.removeprefix("data: "))["type"]


@pytest.mark.shows("order-of-events")
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"max_output_tokens": 16},
        {"max_output_tokens": 600},
        {"input": "How is the weather in Rome?", "tools": [TOOL]},
        {"text": {"format": {"type": "json_object"}}},
        {"background": True},
        {"store": False},
    ],
)
def test_every_event_of_openais_order_is_valid_to_the_sdk(strict_client: OpenAI, fields: dict[str, Any]) -> None:
    """Strictly. The last one has the complete response."""
    *_, end = strict_client.responses.create(**(REQUEST | fields), stream=True)
    assert end.type in ("response.completed", "response.incomplete")
    assert end.response.usage


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{}, {"input": "How is the weather in Rome?", "tools": [TOOL]}])
def test_the_streaming_helper_joins_the_deltas(strict_client: OpenAI, fields: dict[str, Any]) -> None:
    """OpenAI's order: text and tool calls."""
    with strict_client.responses.stream(**(REQUEST | fields)) as stream:
        deltas: dict[str, str] = {}
        for event in stream:
            if event.type in ("response.output_text.delta", "response.function_call_arguments.delta"):
                deltas[event.type] = deltas.get(event.type, "") + event.delta
        whole = stream.get_final_response()
    last = whole.output[-1]
    message = last.arguments if last.type == "function_call" else whole.output_text
    assert list(deltas.values()) == [message]


def test_the_streaming_helper_of_python_reads_mantles_order_too(mantle_order_client: OpenAI) -> None:
    """Node's does not."""
    with mantle_order_client.responses.stream(**REQUEST) as stream:
        stream.until_done()
        assert stream.get_final_response().output_text == mantle_order_client.responses.create(**REQUEST).output_text


def test_a_stream_can_be_read_raw(mantle_order_client: OpenAI) -> None:
    """By `with_streaming_response`."""
    with mantle_order_client.responses.with_streaming_response.create(**REQUEST, stream=True) as answer:
        lines = [line for line in answer.iter_lines() if line.startswith("event: ")]
    assert (lines[0], lines[-1]) == ("event: response.created", "event: response.completed")


@pytest.mark.shows("replay")
@pytest.mark.parametrize("background", [False, True])
def test_a_replay_gives_the_same_bytes(simulator: RunningSimulator, background: bool) -> None:
    """Completely, or after a given event."""
    text, _ = stream_raw(simulator, background=background)
    events = parse_event_data(text)
    name = events[0]["response"]["id"]
    whole = simulator.http.get(f"/v1/responses/{name}", params={"stream": "true"})
    rest = simulator.http.get(f"/v1/responses/{name}", params={"stream": "true", "starting_after": 5})
    assert (whole.text, parse_event_data(rest.text)) == (text, events[6:])


def test_the_sdk_resumes_a_broken_stream(mantle_order_client: OpenAI) -> None:
    """OPENAI: a background stream continues after the last event."""
    stream = mantle_order_client.responses.create(**REQUEST, background=True, stream=True)
    first = next(iter(stream))
    assert first.type == "response.created"
    stream.close()
    rest = mantle_order_client.responses.retrieve(first.response.id, stream=True, starting_after=first.sequence_number)
    numbers = [event.sequence_number for event in rest]
    assert numbers == list(range(1, len(numbers) + 1))


def test_streaming_a_background_response_completes_it(mantle_order_client: OpenAI) -> None:
    """The stream has all of it."""
    name = mantle_order_client.responses.create(**REQUEST, background=True).id
    *_, end = mantle_order_client.responses.retrieve(name, stream=True)
    assert end.type == "response.completed"
    assert mantle_order_client.responses.retrieve(name).status == "completed"


def test_the_stream_of_a_cancelled_response_has_no_end_event(mantle_order_client: OpenAI) -> None:
    """OpenAI has none for it."""
    name = mantle_order_client.responses.create(**REQUEST, background=True).id
    mantle_order_client.responses.cancel(name)
    events = list(mantle_order_client.responses.retrieve(name, stream=True))
    assert types(events) == ["response.created", "response.in_progress"]


@pytest.mark.shows("cancelling")
@pytest.mark.parametrize("when", ["response.in_progress", "response.output_text.done"])
def test_a_background_stream_ends_when_it_is_cancelled(simulator: RunningSimulator, when: str) -> None:
    """At once, at any event."""
    entries: list[Any] = []

    def cancel(name: str) -> None:
        entries.append(simulator.http.post(f"/v1/responses/{name}/cancel").json()["status"])
        entries.append(simulator.http.get(f"/v1/responses/{name}").json()["status"])

    came = streamed_in_background(simulator, when=when, then=cancel)
    assert (came[-1], entries) == (when, ["cancelled", "cancelled"])


def test_a_background_stream_ends_when_it_is_deleted(simulator: RunningSimulator) -> None:
    """The response no longer exists."""
    came = streamed_in_background(
        simulator, when="response.in_progress", then=lambda name: simulator.http.delete(f"/v1/responses/{name}")
    )
    assert came == ["response.created", "response.in_progress"]


@pytest.mark.shows("background")
def test_a_background_response_is_in_progress_until_its_stream_ends(simulator: RunningSimulator) -> None:
    """However often it is retrieved."""
    events: list[str] = []

    def look(name: str) -> None:
        events.extend(simulator.http.get(f"/v1/responses/{name}").json()["status"] for _ in range(3))

    for when in ("response.in_progress", "response.output_text.done", "response.completed"):
        streamed_in_background(simulator, when=when, then=look)
    assert events == ["in_progress"] * 6 + ["completed"] * 3


@pytest.mark.shows("cancelling")
def test_a_completely_streamed_response_cannot_be_cancelled(simulator: RunningSimulator) -> None:
    """It is completed."""
    entries: list[str] = []
    streamed_in_background(
        simulator,
        when="response.completed",
        then=lambda name: entries.append(
            simulator.http.post(f"/v1/responses/{name}/cancel").json()["error"]["message"]
        ),
    )
    assert entries == ["Cannot cancel a completed response."]


def test_a_response_with_a_lost_stream_completes_by_retrieves(simulator: RunningSimulator) -> None:
    """Like one that was never streamed."""
    name: list[str] = []

    def lose(lost: str) -> None:
        name.append(lost)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        streamed_in_background(simulator, when="response.in_progress", then=lose)
    events = [simulator.http.get(f"/v1/responses/{name[0]}").json()["status"] for _ in range(2)]
    assert events == ["in_progress", "completed"]


def test_an_unstored_response_cannot_be_replayed(mantle_order_client: OpenAI) -> None:
    """The same 404 as elsewhere."""
    with pytest.raises(NotFoundError) as exc_info:
        mantle_order_client.responses.retrieve("resp_never", stream=True)
    assert exc_info.value.code == "not_found_error"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"stream": "maybe"}, "Invalid 'stream': expected true or false, got 'maybe'."),
        (
            {"stream": "true", "starting_after": "-1"},
            "Invalid 'starting_after': expected the sequence number of an event, got '-1'.",
        ),
        (
            {"stream": "true", "starting_after": "9" * 19},
            f"Invalid 'starting_after': expected the sequence number of an event, got '{'9' * 19}'.",
        ),
    ],
)
def test_an_invalid_query_is_refused(mantle_order_client: OpenAI, query: dict[str, str], message: str) -> None:
    """By the name of the parameter."""
    name = mantle_order_client.responses.create(**REQUEST).id
    with pytest.raises(BadRequestError) as exc_info:
        mantle_order_client.responses.retrieve(name, extra_query=query)
    assert (exc_info.value.code, exc_info.value.message) == ("validation_error", f"Error code: 400 - {message}")
