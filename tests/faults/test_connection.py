"""Connections that close and requests that wait, over real sockets: what a client meets, and what was done."""

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from openai import APIConnectionError, OpenAI

from simulator.faults.connection import Hold
from simulator.settings import Settings
from simulator.simulator import Simulator
from tests.simulators import BASE, World, method
from tests.training.training_files import jsonl

JOBS = "/v1/fine_tuning/jobs"
PATIENCE = 30.0  # seconds until what does not come about is a failure


def scripted(world: World, fault: dict[str, Any]) -> str:
    """Add a fault; return its id."""
    (name,) = world.simulator.house.faults.add(fault)
    return name


def until(true: Callable[[], bool]) -> None:
    """Wait for something to come about."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def jobs(world: World) -> int:
    """Return how many jobs there are."""
    return len(world.http.get(JOBS, params={"limit": 1000}).json()["data"])


def create(client: OpenAI, file: str) -> None:
    """Create a job by the SDK."""
    client.fine_tuning.jobs.create(model=BASE, training_file=file, extra_body={"method": method()})


@pytest.fixture(scope="module")
def file(served: World) -> str:
    """A training file."""
    return served.upload(jsonl(100))


@pytest.mark.shows("faults")
@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_hides_whether_the_work_was_done(
    faulty: World, file: str, noise: list[str], when: str, made: int
) -> None:
    """The client sees the same; the service has made the job, or has not."""
    scripted(faulty, {"request": {"method": "POST", "path": JOBS}, "drop": when})
    before = jobs(faulty)
    with pytest.raises(APIConnectionError):
        create(faulty.mantle(), file)
    assert jobs(faulty) - before == made
    assert noise == []


def test_a_lost_answer_makes_two_jobs(faulty: World, file: str) -> None:
    """The SDK tries again by itself, and no key tells Bedrock that it is the same request."""
    scripted(faulty, {"request": {"method": "POST", "path": JOBS}, "drop": "after"})
    before = jobs(faulty)
    create(faulty.mantle().with_options(max_retries=1), file)
    assert jobs(faulty) - before == 2


def test_an_upload_can_be_cut_off_before_it_is_read(faulty: World, noise: list[str]) -> None:
    """However much of it is still on its way."""
    scripted(faulty, {"request": {"path": "/v1/files"}, "drop": "before"})
    with pytest.raises(httpx2.TransportError):
        faulty.upload(b"x" * 20_000_000)
    assert faulty.http.get("/v1/files").status_code == 200
    assert noise == []


@pytest.mark.parametrize("bytes_sent", [0, 10])
def test_a_body_can_be_cut_short_under_the_length_of_all_of_it(
    faulty: World, noise: list[str], bytes_sent: int
) -> None:
    """A client that trusts the length notices; the SDK does."""
    scripted(faulty, {"request": {}, "times": 2, "body": {"cut_after": bytes_sent}})
    with pytest.raises(httpx2.RemoteProtocolError, match=rf"received {bytes_sent} bytes, expected \d+"):
        faulty.http.get("/v1/models")
    with pytest.raises(APIConnectionError):
        faulty.mantle().models.list()
    assert noise == []


def test_an_answer_that_is_no_longer_than_that_goes_out_whole(faulty: World) -> None:
    """And the fault has not taken effect."""
    scripted(faulty, {"request": {"path": "/v1/models/*"}, "body": {"cut_after": 10_000}})
    assert faulty.mantle().models.retrieve(BASE).id == BASE
    assert faulty.simulator.house.faults.standings()[0].applied == 0


def test_a_delayed_request_holds_nobody_else_up(faulty: World) -> None:
    """It goes on when its time is over, or when the fault is taken back."""
    name = scripted(faulty, {"request": {"path": f"/v1/models/{BASE}"}, "delay": 3_600})
    client = faulty.mantle().with_options(timeout=PATIENCE)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(client.models.retrieve, BASE)
        until(lambda: faulty.simulator.house.faults.standings()[0].applied == 1)
        assert client.models.list().data
        assert not waiting.done()
        faulty.simulator.house.faults.remove(name)
        assert waiting.result(PATIENCE).id == BASE


def test_a_delay_goes_with_any_other_effect(faulty: World) -> None:
    """First the wait, then the rest; each request counts once."""
    scripted(faulty, {"request": {}, "delay": 0.001, "drop": "before"})
    scripted(faulty, {"request": {}, "nth": 2, "delay": 0.001, "error": "UNAVAILABLE"})
    with pytest.raises(APIConnectionError):
        faulty.mantle().models.list()
    assert faulty.http.get("/v1/models").status_code == 503
    standings = faulty.simulator.house.faults.standings()
    assert [(standing.matched, standing.applied) for standing in standings] == [(2, 1), (2, 1)]


def test_a_delayed_answer_says_so(faulty: World) -> None:
    """Beside what the simulator has to say itself."""
    name = scripted(faulty, {"request": {}, "delay": 0.001})
    asked = {"model": BASE, "messages": [{"role": "user", "content": "Who?"}]}
    assert faulty.http.post("/v1/chat/completions", json=asked).headers["x-simulator-hint"].split("; ") == [
        "this prompt is in no uploaded file, so the simulated model could only guess",
        f"scripted by {name}",
        "GET /_simulator/faults shows it, DELETE takes it back",
    ]


def test_without_a_socket_a_dropped_connection_is_an_exception(inner: World) -> None:
    """The one that a connection which closes brings about: the SDK makes the same of it."""
    scripted(inner, {"request": {"path": "/v1/models"}, "times": 2, "drop": "before"})
    with pytest.raises(httpx2.RemoteProtocolError, match="a scripted fault has dropped the connection"):
        inner.http.get("/v1/models")
    with pytest.raises(APIConnectionError):
        inner.mantle().models.list()


@pytest.mark.parametrize("stream", [{"cut_after": 2}, {"stall_after": 2}])
def test_without_a_socket_a_broken_stream_is_an_exception(inner: World, stream: dict[str, Any]) -> None:
    """So is one that stalls for good: nobody could go away."""
    scripted(inner, {"request": {}, "stream": stream})
    body = {"model": BASE, "messages": [{"role": "user", "content": "2 + 2?"}], "stream": True}
    with pytest.raises(httpx2.RemoteProtocolError, match="a scripted fault has dropped the connection"):
        inner.http.post("/v1/chat/completions", content=json.dumps(body))


def test_a_wait_is_over_by_itself() -> None:
    """And leaves nothing behind."""
    hold = Hold()
    asyncio.run(hold.wait(0.001))
    assert hold._waiting == set()


def test_a_simulator_that_closes_holds_nobody_up() -> None:
    """Also when its server goes on, as at a reset."""
    with Simulator(Settings(), url="http://testserver") as simulator:
        simulator.house.faults.add({"request": {}, "stream": {"stall_after": 1}})
        (entry,) = simulator.house.faults._entries

    async def goes_on() -> bool:
        return await asyncio.wait_for(entry.hold.wait(None), PATIENCE)

    assert not asyncio.run(goes_on())


def test_after_all_were_let_go_nobody_waits() -> None:
    """The fault is gone; but when the server stops, nobody goes on either."""
    hold = Hold()
    hold.let_go()
    assert asyncio.run(hold.wait(None))
    hold.cut_off()
    assert not asyncio.run(hold.wait(None))
    assert hold._waiting == set()
