"""Dropped connections and delayed requests over real sockets."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from openai import APIConnectionError, OpenAI

from tests.simulators import BASE_MODEL, RunningSimulator, reinforcement_method
from tests.training.training_files import make_training_file

JOBS = "/v1/fine_tuning/jobs"
TIMEOUT = 30.0  # seconds until what does not come about is a failure


def add_fault(simulator: RunningSimulator, fault: dict[str, Any]) -> str:
    """Add a fault; return its id."""
    (fault_id,) = simulator.instance.context.fault_registry.add(fault)
    return fault_id


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def count_jobs(simulator: RunningSimulator) -> int:
    """Return the number of jobs."""
    return len(simulator.http.get(JOBS, params={"limit": 1000}).json()["data"])


def create(client: OpenAI, file: str) -> None:
    """Create a job with the SDK."""
    client.fine_tuning.jobs.create(model=BASE_MODEL, training_file=file, extra_body={"method": reinforcement_method()})


@pytest.fixture(scope="module")
def file(served_simulator: RunningSimulator) -> str:
    """A training file."""
    return served_simulator.upload(make_training_file(100))


@pytest.mark.shows("faults")
@pytest.mark.parametrize(("when", "new_jobs"), [("before", 0), ("after", 1)])
def test_a_dropped_connection_hides_whether_the_job_was_created(
    faulty_simulator: RunningSimulator, file: str, server_logs: list[str], when: str, new_jobs: int
) -> None:
    """The client gets the same error in both cases."""
    add_fault(faulty_simulator, {"request": {"method": "POST", "path": JOBS}, "drop": when})
    before = count_jobs(faulty_simulator)
    with pytest.raises(APIConnectionError):
        create(faulty_simulator.openai_client(), file)
    assert count_jobs(faulty_simulator) - before == new_jobs
    assert server_logs == []


@pytest.mark.slow
def test_a_lost_response_makes_the_sdk_create_two_jobs(faulty_simulator: RunningSimulator, file: str) -> None:
    """The SDK retries by itself, and the API has no idempotency key."""
    add_fault(faulty_simulator, {"request": {"method": "POST", "path": JOBS}, "drop": "after"})
    before = count_jobs(faulty_simulator)
    create(faulty_simulator.openai_client().with_options(max_retries=1), file)
    assert count_jobs(faulty_simulator) - before == 2


def test_an_upload_can_be_dropped_before_it_is_read(faulty_simulator: RunningSimulator, server_logs: list[str]) -> None:
    """Even a large one."""
    add_fault(faulty_simulator, {"request": {"path": "/v1/files"}, "drop": "before"})
    with pytest.raises(httpx2.TransportError):
        faulty_simulator.upload(b"x" * 20_000_000)
    assert faulty_simulator.http.get("/v1/files").status_code == 200
    assert server_logs == []


@pytest.mark.parametrize("bytes_sent", [0, 10])
def test_a_body_can_be_shorter_than_its_content_length(
    faulty_simulator: RunningSimulator, server_logs: list[str], bytes_sent: int
) -> None:
    """A client that checks the length notices; the SDK does."""
    add_fault(faulty_simulator, {"request": {}, "times": 2, "body": {"cut_after": bytes_sent}})
    with pytest.raises(httpx2.RemoteProtocolError, match=rf"received {bytes_sent} bytes, expected \d+"):
        faulty_simulator.http.get("/v1/models")
    with pytest.raises(APIConnectionError):
        faulty_simulator.openai_client().models.list()
    assert server_logs == []


def test_a_body_shorter_than_the_cut_is_unchanged(faulty_simulator: RunningSimulator) -> None:
    """And the fault does not count as applied."""
    add_fault(faulty_simulator, {"request": {"path": "/v1/models/*"}, "body": {"cut_after": 10_000}})
    assert faulty_simulator.openai_client().models.retrieve(BASE_MODEL).id == BASE_MODEL
    assert faulty_simulator.instance.context.fault_registry.statuses()[0].applied == 0


def test_a_delayed_request_does_not_delay_others(faulty_simulator: RunningSimulator) -> None:
    """It continues when the fault is removed."""
    fault_id = add_fault(faulty_simulator, {"request": {"path": f"/v1/models/{BASE_MODEL}"}, "delay": 3_600})
    client = faulty_simulator.openai_client().with_options(timeout=TIMEOUT)
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(client.models.retrieve, BASE_MODEL)
        wait_for(lambda: faulty_simulator.instance.context.fault_registry.statuses()[0].applied == 1)
        assert client.models.list().data
        assert not waiting.done()
        faulty_simulator.instance.context.fault_registry.remove(fault_id)
        assert waiting.result(TIMEOUT).id == BASE_MODEL


def test_a_delay_can_be_combined_with_every_effect(faulty_simulator: RunningSimulator) -> None:
    """The delay comes first, and each request counts once."""
    add_fault(faulty_simulator, {"request": {}, "delay": 0.001, "drop": "before"})
    add_fault(faulty_simulator, {"request": {}, "nth": 2, "delay": 0.001, "error": "UNAVAILABLE"})
    with pytest.raises(APIConnectionError):
        faulty_simulator.openai_client().models.list()
    assert faulty_simulator.http.get("/v1/models").status_code == 503
    statuses = faulty_simulator.instance.context.fault_registry.statuses()
    assert [(status.matched, status.applied) for status in statuses] == [(2, 1), (2, 1)]


def test_the_response_to_a_delayed_request_has_a_hint(faulty_simulator: RunningSimulator) -> None:
    """After the simulator's own hints."""
    fault_id = add_fault(faulty_simulator, {"request": {}, "delay": 0.001})
    body = {"model": BASE_MODEL, "messages": [{"role": "user", "content": "Who?"}]}
    assert faulty_simulator.http.post("/v1/chat/completions", json=body).headers["x-simulator-hint"].split("; ") == [
        "this prompt is in no uploaded file, so the simulated model could only guess",
        f"scripted by {fault_id}",
        "GET /_simulator/faults shows it, DELETE removes it",
    ]


def test_without_a_socket_a_dropped_connection_is_an_exception(local_simulator: RunningSimulator) -> None:
    """The one that a closed connection raises."""
    add_fault(local_simulator, {"request": {"path": "/v1/models"}, "times": 2, "drop": "before"})
    with pytest.raises(httpx2.RemoteProtocolError, match="a scripted fault has dropped the connection"):
        local_simulator.http.get("/v1/models")
    with pytest.raises(APIConnectionError):
        local_simulator.openai_client().models.list()


@pytest.mark.parametrize("stream", [{"cut_after": 2}, {"stall_after": 2}])
def test_without_a_socket_a_broken_stream_is_an_exception(
    local_simulator: RunningSimulator, stream: dict[str, Any]
) -> None:
    """Also a stream that stalls without limit, because no client can disconnect."""
    add_fault(local_simulator, {"request": {}, "stream": stream})
    body = {"model": BASE_MODEL, "messages": [{"role": "user", "content": "2 + 2?"}], "stream": True}
    with pytest.raises(httpx2.RemoteProtocolError, match="a scripted fault has dropped the connection"):
        local_simulator.http.post("/v1/chat/completions", content=json.dumps(body))
