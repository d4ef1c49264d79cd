"""Streams that are cut, stall, end too soon or hold a broken event: chat and Responses, by the real SDK."""

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
    """Ask for a chat completion as a stream."""
    return client.chat.completions.create(
        model=BASE_MODEL, messages=[{"role": "user", "content": "2 + 2?"}], stream=True, temperature=0
    )


def response(client: OpenAI) -> Iterable[Any]:
    """Ask for a response as a stream."""
    return client.responses.create(model=BASE_MODEL, input="2 + 2?", stream=True, temperature=0)


BOTH = pytest.mark.parametrize("streaming", [chat, response])


def scripted(world: RunningSimulator, **stream: Any) -> str:
    """Add a fault of the next stream; return its id."""
    (name,) = world.instance.context.fault_registry.add({"request": {"method": "POST"}, "stream": stream})
    return name


def event_data(event: Any) -> Any:
    """Return what of an event does not differ from one answer to the next."""
    read = event.to_dict()
    return {name: read[name] for name in ("choices", "delta", "type", "sequence_number") if name in read}


def all_events(world: RunningSimulator, streaming: Streaming) -> list[Any]:
    """Return the events of the same stream without a fault."""
    return [event_data(event) for event in streaming(world.openai_client())]


def collect(events: Iterable[Any], taken: list[Any]) -> None:
    """Take all events, and keep those that came before whatever happens."""
    for event in events:
        taken.append(event_data(event))  # noqa: PERF401  one by one: they are looked at meanwhile, and there may be no end


@pytest.mark.shows("faults")
@BOTH
@pytest.mark.parametrize("events", [0, 1, 5])
def test_a_cut_stream_is_a_connection_error_after_so_many_events(
    faulty_simulator: RunningSimulator, server_logs: list[str], streaming: Streaming, events: int
) -> None:
    """Those that came first are all there, and none more."""
    expected = all_events(faulty_simulator, streaming)[:events]
    scripted(faulty_simulator, cut_after=events)
    taken: list[Any] = []
    with pytest.raises(APIConnectionError):
        collect(streaming(faulty_simulator.openai_client()), taken)
    assert taken == expected
    assert server_logs == []


@BOTH
def test_a_stream_that_ends_too_soon_ends_without_an_error(
    faulty_simulator: RunningSimulator, streaming: Streaming
) -> None:
    """The client has to miss the finish reason, or `response.completed`, by itself."""
    expected = all_events(faulty_simulator, streaming)[:5]
    scripted(faulty_simulator, end_after=5)
    taken: list[Any] = []
    collect(streaming(faulty_simulator.openai_client()), taken)
    assert taken == expected


@BOTH
def test_a_broken_event_is_no_json(faulty_simulator: RunningSimulator, streaming: Streaming) -> None:
    """The SDK lets the parser's own error through."""
    expected = all_events(faulty_simulator, streaming)[:5]
    scripted(faulty_simulator, break_after=5)
    taken: list[Any] = []
    with pytest.raises(json.JSONDecodeError):
        collect(streaming(faulty_simulator.openai_client()), taken)
    assert taken == expected


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "2 + 2?"}]}),
        ("/v1/responses", {"input": "2 + 2?"}),
    ],
)
def test_a_broken_event_is_the_only_one(faulty_simulator: RunningSimulator, path: str, body: dict[str, Any]) -> None:
    """All that comes after it is as it would be; on the wire, since no SDK reads on."""
    scripted(faulty_simulator, break_after=3)
    answer = faulty_simulator.http.post(path, json={"model": BASE_MODEL, "stream": True, **body})
    data = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    broken = [place for place, line in enumerate(data) if line != "[DONE]" and not _is_json(line)]
    assert broken == [3]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@BOTH
def test_a_stalled_stream_holds_nobody_else_up(
    faulty_simulator: RunningSimulator, server_logs: list[str], streaming: Streaming
) -> None:
    """It goes on where it stood once the fault is taken back."""
    expected = all_events(faulty_simulator, streaming)
    name = scripted(faulty_simulator, stall_after=4)
    client = faulty_simulator.openai_client().with_options(timeout=TIMEOUT)
    taken: list[Any] = []
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(collect, streaming(client), taken)
        wait_for(lambda: len(taken) == 4)
        assert client.models.list().data
        assert not waiting.done()
        faulty_simulator.instance.context.fault_registry.remove(name)
        waiting.result(TIMEOUT)
    assert taken == expected
    assert server_logs == []


def test_a_stall_may_have_an_end(faulty_simulator: RunningSimulator) -> None:
    """Then a patient client gets everything."""
    expected = all_events(faulty_simulator, chat)
    scripted(faulty_simulator, stall_after=4, seconds=0.01)
    assert [event_data(event) for event in chat(faulty_simulator.openai_client())] == expected
    assert faulty_simulator.instance.context.fault_registry.statuses()[0].applied == 1


def test_a_client_that_loses_patience_is_not_waited_for(
    faulty_simulator: RunningSimulator, server_logs: list[str]
) -> None:
    """Its time-out ends the stall on both sides."""
    scripted(faulty_simulator, stall_after=4)
    (entry,) = faulty_simulator.instance.context.fault_registry._entries
    taken: list[Any] = []
    with pytest.raises((APITimeoutError, APIConnectionError)):
        collect(chat(faulty_simulator.openai_client().with_options(timeout=0.5)), taken)
    wait_for(lambda: not entry.delay_gate._waiting)
    assert len(taken) == 4
    assert server_logs == []


@BOTH
@pytest.mark.parametrize("stream", [{"cut_after": 10_000}, {"end_after": 10_000}, {"break_after": 10_000}])
def test_a_stream_with_fewer_events_goes_out_whole(
    faulty_simulator: RunningSimulator, server_logs: list[str], streaming: Streaming, stream: dict[str, int]
) -> None:
    """The fault has met it, and done nothing."""
    expected = all_events(faulty_simulator, streaming)
    scripted(faulty_simulator, **stream)
    assert [event_data(event) for event in streaming(faulty_simulator.openai_client())] == expected
    (standing,) = faulty_simulator.instance.context.fault_registry.statuses()
    assert (standing.matched, standing.applied) == (1, 0)
    assert server_logs == []


def test_a_stream_can_be_cut_before_it_ends_properly(faulty_simulator: RunningSimulator) -> None:
    """All events came, and the end did not."""
    expected = all_events(faulty_simulator, response)
    scripted(faulty_simulator, cut_after=len(expected))
    taken: list[Any] = []
    with pytest.raises(APIConnectionError):
        collect(response(faulty_simulator.openai_client()), taken)
    assert taken == expected


def test_an_answer_that_is_no_stream_is_left_alone(faulty_simulator: RunningSimulator) -> None:
    """The fault is one of streams."""
    scripted(faulty_simulator, cut_after=0)
    client = faulty_simulator.openai_client()
    assert client.chat.completions.create(model=BASE_MODEL, messages=[{"role": "user", "content": "2 + 2?"}]).choices
    assert faulty_simulator.instance.context.fault_registry.statuses()[0].applied == 0


def test_a_response_whose_stream_was_cut_is_stored_all_the_same(faulty_simulator: RunningSimulator) -> None:
    """The service went on without its client, who can ask for it."""
    client = faulty_simulator.openai_client()
    scripted(faulty_simulator, cut_after=1)
    stream = client.responses.create(model=BASE_MODEL, input="2 + 2?", stream=True)
    created = next(iter(stream))
    assert created.type == "response.created"
    assert client.responses.retrieve(created.response.id).status == "completed"
