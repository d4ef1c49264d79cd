"""Streams that are cut, stall, end early or have an invalid event: chat and Responses with the real SDK."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai import APIConnectionError, APITimeoutError, OpenAI

from tests.faults.test_connection import TIMEOUT, wait_for
from tests.simulators import BASE_MODEL, RunningSimulator

Streaming = Callable[[OpenAI], Iterable[Any]]


def chat(client: OpenAI) -> Iterable[Any]:
    """Request a chat completion as a stream."""
    return client.chat.completions.create(
        model=BASE_MODEL, messages=[{"role": "user", "content": "2 + 2?"}], stream=True, temperature=0
    )


def response(client: OpenAI) -> Iterable[Any]:
    """Request a response as a stream."""
    return client.responses.create(model=BASE_MODEL, input="2 + 2?", stream=True, temperature=0)


BOTH = pytest.mark.parametrize("request_stream", [chat, response])


def scripted(simulator: RunningSimulator, **stream: Any) -> str:
    """Add a stream fault for the next stream; return its id."""
    (fault_id,) = simulator.instance.context.fault_registry.add({"request": {"method": "POST"}, "stream": stream})
    return fault_id


def event_data(event: Any) -> Any:
    """Return the parts of an event that are the same in every response."""
    fields_of_event = event.to_dict()
    return {
        fault_id: fields_of_event[fault_id]
        for fault_id in ("choices", "delta", "type", "sequence_number")
        if fault_id in fields_of_event
    }


def all_events(simulator: RunningSimulator, request_stream: Streaming) -> list[Any]:
    """Return the events of the same stream without a fault."""
    return [event_data(event) for event in request_stream(simulator.openai_client())]


def collect(events: Iterable[Any], received: list[Any]) -> None:
    """Append the events one by one, so that those before an error are kept."""
    for event in events:
        received.append(event_data(event))  # noqa: PERF401  one by one: another thread reads the list, and the stream may not end


@pytest.mark.slow
@pytest.mark.shows("faults")
@BOTH
@pytest.mark.parametrize("events", [0, 5])
def test_a_cut_stream_is_a_connection_error_after_its_events(
    faulty_simulator: RunningSimulator, server_logs: list[str], request_stream: Streaming, events: int
) -> None:
    """The events before the cut arrive, and none after it."""
    expected = all_events(faulty_simulator, request_stream)[:events]
    scripted(faulty_simulator, cut_after=events)
    received: list[Any] = []
    with pytest.raises(APIConnectionError):
        collect(request_stream(faulty_simulator.openai_client()), received)
    assert received == expected
    assert server_logs == []


@BOTH
def test_a_stream_that_ends_early_raises_no_error(
    faulty_simulator: RunningSimulator, request_stream: Streaming
) -> None:
    """The client must notice the missing finish reason, or `response.completed`, itself."""
    expected = all_events(faulty_simulator, request_stream)[:5]
    scripted(faulty_simulator, end_after=5)
    received: list[Any] = []
    collect(request_stream(faulty_simulator.openai_client()), received)
    assert received == expected


@BOTH
def test_an_invalid_event_raises_a_json_error(faulty_simulator: RunningSimulator, request_stream: Streaming) -> None:
    """The SDK does not catch the parser's error."""
    expected = all_events(faulty_simulator, request_stream)[:5]
    scripted(faulty_simulator, break_after=5)
    received: list[Any] = []
    with pytest.raises(json.JSONDecodeError):
        collect(request_stream(faulty_simulator.openai_client()), received)
    assert received == expected


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "2 + 2?"}]}),
        ("/v1/responses", {"input": "2 + 2?"}),
    ],
)
def test_only_one_event_is_invalid(faulty_simulator: RunningSimulator, path: str, body: dict[str, Any]) -> None:
    """The events after it are unchanged. Tested on the wire, because no SDK reads on."""
    scripted(faulty_simulator, break_after=3)
    answer = faulty_simulator.http.post(path, json={"model": BASE_MODEL, "stream": True, **body})
    data = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    broken = [index for index, line in enumerate(data) if line != "[DONE]" and not _is_json(line)]
    assert broken == [3]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@BOTH
def test_a_stalled_stream_does_not_delay_other_requests(
    faulty_simulator: RunningSimulator, server_logs: list[str], request_stream: Streaming
) -> None:
    """It continues when the fault is removed."""
    expected = all_events(faulty_simulator, request_stream)
    fault_id = scripted(faulty_simulator, stall_after=4)
    client = faulty_simulator.openai_client().with_options(timeout=TIMEOUT)
    received: list[Any] = []
    with ThreadPoolExecutor(1) as thread:
        stream_thread = thread.submit(collect, request_stream(client), received)
        wait_for(lambda: len(received) == 4)
        assert client.models.list().data
        assert not stream_thread.done()
        faulty_simulator.instance.context.fault_registry.remove(fault_id)
        stream_thread.result(TIMEOUT)
    assert received == expected
    assert server_logs == []


def test_a_stall_can_end_by_itself(faulty_simulator: RunningSimulator) -> None:
    """A client that waits gets everything."""
    expected = all_events(faulty_simulator, chat)
    scripted(faulty_simulator, stall_after=4, seconds=0.01)
    assert [event_data(event) for event in chat(faulty_simulator.openai_client())] == expected
    assert faulty_simulator.instance.context.fault_registry.statuses()[0].applied == 1


@pytest.mark.slow
def test_a_stall_ends_when_the_client_times_out(faulty_simulator: RunningSimulator, server_logs: list[str]) -> None:
    """On both sides."""
    scripted(faulty_simulator, stall_after=4)
    (entry,) = faulty_simulator.instance.context.fault_registry._entries
    received: list[Any] = []
    with pytest.raises((APITimeoutError, APIConnectionError)):
        collect(chat(faulty_simulator.openai_client().with_options(timeout=0.5)), received)
    wait_for(lambda: not entry.delay_gate._waiting)
    assert len(received) == 4
    assert server_logs == []


@BOTH
@pytest.mark.parametrize("stream", [{"cut_after": 10_000}, {"end_after": 10_000}, {"break_after": 10_000}])
def test_a_stream_with_fewer_events_is_unchanged(
    faulty_simulator: RunningSimulator, server_logs: list[str], request_stream: Streaming, stream: dict[str, int]
) -> None:
    """The fault matches and is not applied."""
    expected = all_events(faulty_simulator, request_stream)
    scripted(faulty_simulator, **stream)
    assert [event_data(event) for event in request_stream(faulty_simulator.openai_client())] == expected
    (status,) = faulty_simulator.instance.context.fault_registry.statuses()
    assert (status.matched, status.applied) == (1, 0)
    assert server_logs == []


def test_a_stream_can_be_cut_after_its_last_event(faulty_simulator: RunningSimulator) -> None:
    """All events arrive, and the end of the stream does not."""
    expected = all_events(faulty_simulator, response)
    scripted(faulty_simulator, cut_after=len(expected))
    received: list[Any] = []
    with pytest.raises(APIConnectionError):
        collect(response(faulty_simulator.openai_client()), received)
    assert received == expected


def test_a_response_that_is_not_a_stream_is_unchanged(faulty_simulator: RunningSimulator) -> None:
    """The fault applies to streams only."""
    scripted(faulty_simulator, cut_after=0)
    client = faulty_simulator.openai_client()
    assert client.chat.completions.create(model=BASE_MODEL, messages=[{"role": "user", "content": "2 + 2?"}]).choices
    assert faulty_simulator.instance.context.fault_registry.statuses()[0].applied == 0


def test_a_response_whose_stream_was_cut_is_stored(faulty_simulator: RunningSimulator) -> None:
    """The client can retrieve it."""
    client = faulty_simulator.openai_client()
    scripted(faulty_simulator, cut_after=1)
    stream = client.responses.create(model=BASE_MODEL, input="2 + 2?", stream=True)
    created = next(iter(stream))
    assert created.type == "response.created"
    assert client.responses.retrieve(created.response.id).status == "completed"
