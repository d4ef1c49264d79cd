"""Creating jobs at the pace `finished`, over the HTTP API."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import anyio.to_thread
import httpx2
import pytest
from starlette.testclient import TestClient

from simulator.settings import Pace, Settings
from simulator.simulator import Simulator
from tests.jobs.engine_setup import FakeGraders
from tests.simulators import RunningSimulator, serve_simulator, simulator_in_process
from tests.training.training_files import make_training_file

TIMEOUT = 10.0  # seconds


@contextmanager
def simulator_with_graders(**settings: Any) -> Iterator[tuple[RunningSimulator, FakeGraders]]:
    """Start a simulator whose reward functions are replaced, at the pace `finished` by default."""
    graders = FakeGraders()
    with simulator_in_process(Settings(**{"pace": Pace.FINISHED, **settings})) as simulator:
        simulator.instance.context.engine._graders = graders
        yield simulator, graders
        graders.may_continue.set()


def create_job(simulator: RunningSimulator) -> Any:
    """Upload a file and create a job; return the response."""
    return simulator.create_job(simulator.upload(make_training_file(100)))


def test_a_job_has_ended_when_its_creation_returns() -> None:
    """The response has the first status, as on Bedrock. A retrieve and both lists are complete at once."""
    with simulator_with_graders() as (simulator, _):
        created = create_job(simulator)
        job = simulator.retrieve_job(created["id"])
        checkpoints = simulator.http.get(f"/v1/fine_tuning/jobs/{job['id']}/checkpoints").json()["data"]
        events = simulator.list_events(job["id"])
    assert (created["status"], job["status"]) == ("validating_files", "succeeded")
    assert job["fine_tuned_model"]
    assert [checkpoint["step_number"] for checkpoint in checkpoints] == [22, 20]
    assert events[-1]["message"] == "The job has successfully completed"
    assert events[-1]["created_at"] == job["finished_at"]


@pytest.mark.slow
def test_the_events_are_those_of_the_pace_instant() -> None:
    """Only the create request waits; the job itself is the same."""
    events = []
    for pace in (Pace.FINISHED, Pace.INSTANT):
        with simulator_with_graders(pace=pace) as (simulator, _):
            job = simulator.wait_for_job(create_job(simulator)["id"])
            events.append(simulator.list_events(job["id"]))
    assert events[0] == events[1]


def test_creation_does_not_wait_while_the_clock_is_frozen() -> None:
    """After the thaw the job continues by itself."""
    with simulator_with_graders() as (simulator, _):
        simulator.http.post("/_simulator/clock", json={"freeze": True})
        job = create_job(simulator)
        assert simulator.retrieve_job(job["id"])["status"] == "validating_files"
        simulator.http.post("/_simulator/clock", json={"freeze": False})
        assert simulator.wait_for_job(job["id"])["status"] == "succeeded"


def test_creation_does_not_wait_for_a_slot_that_no_running_job_can_free() -> None:
    """The job before it waits for the clock."""
    with simulator_with_graders(pace=Pace.MANUAL, concurrent_jobs=1) as (simulator, _):
        first = create_job(simulator)["id"]
        simulator.http.post("/_simulator/clock", json={"run": {"job": first, "step": 1}})
        simulator.http.post("/_simulator/clock", json={"pace": "manual", "job": first})
        simulator.http.post("/_simulator/clock", json={"pace": "finished"})
        second = create_job(simulator)["id"]
        assert simulator.retrieve_job(second)["status"] == "queued"


@pytest.mark.slow
def test_creation_waits_for_a_slot_that_a_running_job_frees() -> None:
    """Both jobs have ended when both creations have returned."""
    with simulator_with_graders(concurrent_jobs=1) as (simulator, graders), ThreadPoolExecutor() as threads:
        graders.waits_at = 1
        first = threads.submit(create_job, simulator)
        assert graders.reached.wait(TIMEOUT)
        second = threads.submit(create_job, simulator)
        graders.may_continue.set()
        jobs = [simulator.retrieve_job(created.result(TIMEOUT)["id"]) for created in (first, second)]
    assert [job["status"] for job in jobs] == ["succeeded", "succeeded"]


def test_creation_waits_a_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job continues at the pace `instant`."""
    monkeypatch.setattr("simulator.jobs.engine._MAX_FINISH_WAIT", 0.05)
    with simulator_with_graders() as (simulator, graders):
        graders.waits_at = 1
        job = create_job(simulator)["id"]
        assert simulator.retrieve_job(job)["status"] == "running"
        graders.may_continue.set()
        assert simulator.wait_for_job(job)["status"] == "succeeded"


def test_waiting_creations_take_no_thread_from_other_requests() -> None:
    """The reward function of the job may send such requests."""

    async def allow_one_thread() -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = 1

    with simulator_with_graders() as (simulator, graders), ThreadPoolExecutor() as threads:
        file = simulator.upload(make_training_file(100))
        client = simulator.http
        assert isinstance(client, TestClient)
        assert client.portal
        client.portal.call(allow_one_thread)
        graders.waits_at = 1
        created = threads.submit(simulator.create_job, file)
        assert graders.reached.wait(TIMEOUT)
        status = threads.submit(client.post, "/_simulator/clock", json={"freeze": False})
        assert status.result(TIMEOUT).status_code == 200
        assert not created.done()
        graders.may_continue.set()
        created.result(TIMEOUT)


def test_a_change_to_the_pace_finished_waits_for_the_unfinished_jobs() -> None:
    """A retrieve after it finds the end."""
    with simulator_with_graders(pace=Pace.MANUAL) as (simulator, _):
        job = create_job(simulator)["id"]
        simulator.http.post("/_simulator/clock", json={"pace": "finished", "job": job})
        assert simulator.retrieve_job(job)["status"] == "succeeded"


def test_a_run_to_a_step_stops_a_job_that_would_continue_by_itself() -> None:
    """Its pace becomes `manual`."""
    with simulator_with_graders() as (simulator, graders), ThreadPoolExecutor() as threads:
        graders.waits_at = 1
        created = threads.submit(create_job, simulator)
        assert graders.reached.wait(TIMEOUT)
        job = simulator.http.get("/v1/fine_tuning/jobs").json()["data"][0]["id"]
        run = threads.submit(simulator.http.post, "/_simulator/clock", json={"run": {"job": job, "step": 3}})
        while simulator.http.get("/_simulator/clock").json()["jobs"][0]["pace"] != "manual":
            assert not run.done()
        graders.may_continue.set()
        (status,) = run.result(TIMEOUT).json()["jobs"]
        created.result(TIMEOUT)
    assert (status["step"], status["pace"]) == (3, "manual")


@pytest.mark.slow
def test_a_server_that_stops_does_not_wait_for_a_creation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grader waits here until the server has ended, and the simulator closes after that."""
    graders, close = FakeGraders(), Simulator.close
    graders.waits_at = 1

    def release_grader_and_close(simulator: Simulator) -> None:
        graders.may_continue.set()
        close(simulator)

    monkeypatch.setattr(Simulator, "close", release_grader_and_close)
    with ThreadPoolExecutor() as threads:
        with serve_simulator(Settings(port=0, pace=Pace.FINISHED)) as simulator:
            simulator.instance.context.engine._graders = graders
            created = threads.submit(create_job, simulator)
            assert graders.reached.wait(TIMEOUT)
        with pytest.raises(httpx2.TransportError):
            created.result(0)
    assert ("train", 1) in graders.calls  # the grader did not wait in vain
