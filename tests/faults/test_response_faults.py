"""Streams that are cut, stall, end too soon or hold a broken event: chat and Responses, by the real SDK."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai import APIConnectionError, APITimeoutError, OpenAI

from tests.faults.test_connection import PATIENCE, until
from tests.simulators import BASE, World

Streaming = Callable[[OpenAI], Iterable[Any]]


def chat(client: OpenAI) -> Iterable[Any]:
    """Ask for a chat completion as a stream."""
    return client.chat.completions.create(
        model=BASE, messages=[{"role": "user", "content": "2 + 2?"}], stream=True, temperature=0
    )


def response(client: OpenAI) -> Iterable[Any]:
    """Ask for a response as a stream."""
    return client.responses.create(model=BASE, input="2 + 2?", stream=True, temperature=0)


BOTH = pytest.mark.parametrize("streaming", [chat, response])


def scripted(world: World, **stream: Any) -> str:
    """Add a fault of the next stream; return its id."""
    (name,) = world.simulator.house.faults.add({"request": {"method": "POST"}, "stream": stream})
    return name


def told(event: Any) -> Any:
    """Return what of an event does not differ from one answer to the next."""
    read = event.to_dict()
    return {name: read[name] for name in ("choices", "delta", "type", "sequence_number") if name in read}


def whole(world: World, streaming: Streaming) -> list[Any]:
    """Return the events of the same stream without a fault."""
    return [told(event) for event in streaming(world.mantle())]


def received(events: Iterable[Any], taken: list[Any]) -> None:
    """Take all events, and keep those that came before whatever happens."""
    for event in events:
        taken.append(told(event))  # noqa: PERF401  one by one: they are looked at meanwhile, and there may be no end


@pytest.mark.shows("faults")
@BOTH
@pytest.mark.parametrize("events", [0, 1, 5])
def test_a_cut_stream_is_a_connection_error_after_so_many_events(
    faulty: World, noise: list[str], streaming: Streaming, events: int
) -> None:
    """Those that came first are all there, and none more."""
    expected = whole(faulty, streaming)[:events]
    scripted(faulty, cut_after=events)
    taken: list[Any] = []
    with pytest.raises(APIConnectionError):
        received(streaming(faulty.mantle()), taken)
    assert taken == expected
    assert noise == []


@BOTH
def test_a_stream_that_ends_too_soon_ends_without_an_error(faulty: World, streaming: Streaming) -> None:
    """The client has to miss the finish reason, or `response.completed`, by itself."""
    expected = whole(faulty, streaming)[:5]
    scripted(faulty, end_after=5)
    taken: list[Any] = []
    received(streaming(faulty.mantle()), taken)
    assert taken == expected


@BOTH
def test_a_broken_event_is_no_json(faulty: World, streaming: Streaming) -> None:
    """The SDK lets the parser's own error through."""
    expected = whole(faulty, streaming)[:5]
    scripted(faulty, break_after=5)
    taken: list[Any] = []
    with pytest.raises(json.JSONDecodeError):
        received(streaming(faulty.mantle()), taken)
    assert taken == expected


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "2 + 2?"}]}),
        ("/v1/responses", {"input": "2 + 2?"}),
    ],
)
def test_a_broken_event_is_the_only_one(faulty: World, path: str, body: dict[str, Any]) -> None:
    """All that comes after it is as it would be; on the wire, since no SDK reads on."""
    scripted(faulty, break_after=3)
    answer = faulty.http.post(path, json={"model": BASE, "stream": True, **body})
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
def test_a_stalled_stream_holds_nobody_else_up(faulty: World, noise: list[str], streaming: Streaming) -> None:
    """It goes on where it stood once the fault is taken back."""
    expected = whole(faulty, streaming)
    name = scripted(faulty, stall_after=4)
    client = faulty.mantle().with_options(timeout=PATIENCE)
    taken: list[Any] = []
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(received, streaming(client), taken)
        until(lambda: len(taken) == 4)
        assert client.models.list().data
        assert not waiting.done()
        faulty.simulator.house.faults.remove(name)
        waiting.result(PATIENCE)
    assert taken == expected
    assert noise == []


def test_a_stall_may_have_an_end(faulty: World) -> None:
    """Then a patient client gets everything."""
    expected = whole(faulty, chat)
    scripted(faulty, stall_after=4, seconds=0.01)
    assert [told(event) for event in chat(faulty.mantle())] == expected
    assert faulty.simulator.house.faults.standings()[0].applied == 1


def test_a_client_that_loses_patience_is_not_waited_for(faulty: World, noise: list[str]) -> None:
    """Its time-out ends the stall on both sides."""
    scripted(faulty, stall_after=4)
    (entry,) = faulty.simulator.house.faults._entries
    taken: list[Any] = []
    with pytest.raises((APITimeoutError, APIConnectionError)):
        received(chat(faulty.mantle().with_options(timeout=0.5)), taken)
    until(lambda: not entry.hold._waiting)
    assert len(taken) == 4
    assert noise == []


@BOTH
@pytest.mark.parametrize("stream", [{"cut_after": 10_000}, {"end_after": 10_000}, {"break_after": 10_000}])
def test_a_stream_with_fewer_events_goes_out_whole(
    faulty: World, noise: list[str], streaming: Streaming, stream: dict[str, int]
) -> None:
    """The fault has met it, and done nothing."""
    expected = whole(faulty, streaming)
    scripted(faulty, **stream)
    assert [told(event) for event in streaming(faulty.mantle())] == expected
    (standing,) = faulty.simulator.house.faults.standings()
    assert (standing.matched, standing.applied) == (1, 0)
    assert noise == []


def test_a_stream_can_be_cut_before_it_ends_properly(faulty: World) -> None:
    """All events came, and the end did not."""
    expected = whole(faulty, response)
    scripted(faulty, cut_after=len(expected))
    taken: list[Any] = []
    with pytest.raises(APIConnectionError):
        received(response(faulty.mantle()), taken)
    assert taken == expected


def test_an_answer_that_is_no_stream_is_left_alone(faulty: World) -> None:
    """The fault is one of streams."""
    scripted(faulty, cut_after=0)
    client = faulty.mantle()
    assert client.chat.completions.create(model=BASE, messages=[{"role": "user", "content": "2 + 2?"}]).choices
    assert faulty.simulator.house.faults.standings()[0].applied == 0


def test_a_response_whose_stream_was_cut_is_stored_all_the_same(faulty: World) -> None:
    """The service went on without its client, who can ask for it."""
    client = faulty.mantle()
    scripted(faulty, cut_after=1)
    stream = client.responses.create(model=BASE, input="2 + 2?", stream=True)
    created = next(iter(stream))
    assert created.type == "response.created"
    assert client.responses.retrieve(created.response.id).status == "completed"
