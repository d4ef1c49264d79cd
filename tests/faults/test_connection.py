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

from simulator.faults.delay_gate import DelayGate
from simulator.settings import Settings
from simulator.simulator import Simulator
from tests.simulators import BASE_MODEL, RunningSimulator, reinforcement_method
from tests.training.training_files import make_training_file

JOBS = "/v1/fine_tuning/jobs"
TIMEOUT = 30.0  # seconds until what does not come about is a failure


def add_fault(world: RunningSimulator, fault: dict[str, Any]) -> str:
    """Add a fault; return its id."""
    (name,) = world.instance.context.fault_registry.add(fault)
    return name


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for something to come about."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def count_jobs(world: RunningSimulator) -> int:
    """Return how many jobs there are."""
    return len(world.http.get(JOBS, params={"limit": 1000}).json()["data"])


def create(client: OpenAI, file: str) -> None:
    """Create a job by the SDK."""
    client.fine_tuning.jobs.create(model=BASE_MODEL, training_file=file, extra_body={"method": reinforcement_method()})


@pytest.fixture(scope="module")
def file(served_simulator: RunningSimulator) -> str:
    """A training file."""
    return served_simulator.upload(make_training_file(100))


@pytest.mark.shows("faults")
@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_hides_whether_the_work_was_done(
    faulty_simulator: RunningSimulator, file: str, server_logs: list[str], when: str, made: int
) -> None:
    """The client sees the same; the service has made the job, or has not."""
    add_fault(faulty_simulator, {"request": {"method": "POST", "path": JOBS}, "drop": when})
    before = count_jobs(faulty_simulator)
    with pytest.raises(APIConnectionError):
        create(faulty_simulator.openai_client(), file)
    assert count_jobs(faulty_simulator) - before == made
    assert server_logs == []


def test_a_lost_answer_makes_two_jobs(faulty_simulator: RunningSimulator, file: str) -> None:
    """The SDK tries again by itself, and no key tells Bedrock that it is the same request."""
    add_fault(faulty_simulator, {"request": {"method": "POST", "path": JOBS}, "drop": "after"})
    before = count_jobs(faulty_simulator)
    create(faulty_simulator.openai_client().with_options(max_retries=1), file)
    assert count_jobs(faulty_simulator) - before == 2


def test_an_upload_can_be_cut_off_before_it_is_read(faulty_simulator: RunningSimulator, server_logs: list[str]) -> None:
    """However much of it is still on its way."""
    add_fault(faulty_simulator, {"request": {"path": "/v1/files"}, "drop": "before"})
    with pytest.raises(httpx2.TransportError):
        faulty_simulator.upload(b"x" * 20_000_000)
    assert faulty_simulator.http.get("/v1/files").status_code == 200
    assert server_logs == []


@pytest.mark.parametrize("bytes_sent", [0, 10])
def test_a_body_can_be_cut_short_under_the_length_of_all_of_it(
    faulty_simulator: RunningSimulator, server_logs: list[str], bytes_sent: int
) -> None:
    """A client that trusts the length notices; the SDK does."""
    add_fault(faulty_simulator, {"request": {}, "times": 2, "body": {"cut_after": bytes_sent}})
    with pytest.raises(httpx2.RemoteProtocolError, match=rf"received {bytes_sent} bytes, expected \d+"):
        faulty_simulator.http.get("/v1/models")
    with pytest.raises(APIConnectionError):
        faulty_simulator.openai_client().models.list()
    assert server_logs == []


def test_an_answer_that_is_no_longer_than_that_goes_out_whole(faulty_simulator: RunningSimulator) -> None:
    """And the fault has not taken effect."""
    add_fault(faulty_simulator, {"request": {"path": "/v1/models/*"}, "body": {"cut_after": 10_000}})
    assert faulty_simulator.openai_client().models.retrieve(BASE_MODEL).id == BASE_MODEL
    assert faulty_simulator.instance.context.fault_registry.statuses()[0].applied == 0


def test_a_delayed_request_holds_nobody_else_up(faulty_simulator: RunningSimulator) -> None:
    """It goes on when its time is over, or when the fault is taken back."""
    name = add_fault(faulty_simulator, {"request": {"path": f"/v1/models/{BASE_MODEL}"}, "delay": 3_600})
    client = faulty_simulator.openai_client().with_options(timeout=TIMEOUT)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(client.models.retrieve, BASE_MODEL)
        wait_for(lambda: faulty_simulator.instance.context.fault_registry.statuses()[0].applied == 1)
        assert client.models.list().data
        assert not waiting.done()
        faulty_simulator.instance.context.fault_registry.remove(name)
        assert waiting.result(TIMEOUT).id == BASE_MODEL


def test_a_delay_goes_with_any_other_effect(faulty_simulator: RunningSimulator) -> None:
    """First the wait, then the rest; each request counts once."""
    add_fault(faulty_simulator, {"request": {}, "delay": 0.001, "drop": "before"})
    add_fault(faulty_simulator, {"request": {}, "nth": 2, "delay": 0.001, "error": "UNAVAILABLE"})
    with pytest.raises(APIConnectionError):
        faulty_simulator.openai_client().models.list()
    assert faulty_simulator.http.get("/v1/models").status_code == 503
    standings = faulty_simulator.instance.context.fault_registry.statuses()
    assert [(standing.matched, standing.applied) for standing in standings] == [(2, 1), (2, 1)]


def test_a_delayed_answer_says_so(faulty_simulator: RunningSimulator) -> None:
    """Beside what the simulator has to say itself."""
    name = add_fault(faulty_simulator, {"request": {}, "delay": 0.001})
    asked = {"model": BASE_MODEL, "messages": [{"role": "user", "content": "Who?"}]}
    assert faulty_simulator.http.post("/v1/chat/completions", json=asked).headers["x-simulator-hint"].split("; ") == [
        "this prompt is in no uploaded file, so the simulated model could only guess",
        f"scripted by {name}",
        "GET /_simulator/faults shows it, DELETE removes it",
    ]


def test_without_a_socket_a_dropped_connection_is_an_exception(local_simulator: RunningSimulator) -> None:
    """The one that a connection which closes brings about: the SDK makes the same of it."""
    add_fault(local_simulator, {"request": {"path": "/v1/models"}, "times": 2, "drop": "before"})
    with pytest.raises(httpx2.RemoteProtocolError, match="a scripted fault has dropped the connection"):
        local_simulator.http.get("/v1/models")
    with pytest.raises(APIConnectionError):
        local_simulator.openai_client().models.list()


@pytest.mark.parametrize("stream", [{"cut_after": 2}, {"stall_after": 2}])
def test_without_a_socket_a_broken_stream_is_an_exception(
    local_simulator: RunningSimulator, stream: dict[str, Any]
) -> None:
    """So is one that stalls for good: nobody could go away."""
    add_fault(local_simulator, {"request": {}, "stream": stream})
    body = {"model": BASE_MODEL, "messages": [{"role": "user", "content": "2 + 2?"}], "stream": True}
    with pytest.raises(httpx2.RemoteProtocolError, match="a scripted fault has dropped the connection"):
        local_simulator.http.post("/v1/chat/completions", content=json.dumps(body))


def test_a_wait_is_over_by_itself() -> None:
    """And leaves nothing behind."""
    hold = DelayGate()
    asyncio.run(hold.wait(0.001))
    assert hold._waiting == set()


def test_a_simulator_that_closes_holds_nobody_up() -> None:
    """Also when its server goes on, as at a reset."""
    with Simulator(Settings(), url="http://testserver") as simulator:
        simulator.context.fault_registry.add({"request": {}, "stream": {"stall_after": 1}})
        (entry,) = simulator.context.fault_registry._entries

    async def goes_on() -> bool:
        return await asyncio.wait_for(entry.delay_gate.wait(None), TIMEOUT)

    assert not asyncio.run(goes_on())


def test_after_all_were_let_go_nobody_waits() -> None:
    """The fault is gone; but when the server stops, nobody goes on either."""
    hold = DelayGate()
    hold.release()
    assert asyncio.run(hold.wait(None))
    hold.disconnect()
    assert not asyncio.run(hold.wait(None))
    assert hold._waiting == set()
