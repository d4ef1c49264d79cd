"""Right and wrong clients, each a few lines of the real SDK over a real socket, and faults as they are scripted."""

import time
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from simulator.settings import Settings, VerdictSettings
from tests.simulators import BASE_MODEL, RunningSimulator, reinforcement_method, serve_simulator
from tests.training.training_files import make_training_file

STALL_SECONDS = 1.2  # seconds
JOBS_PATH = "/v1/fine_tuning/jobs"
CREATE_REQUESTS = {"method": "POST", "path": JOBS_PATH}
RETRIEVE_REQUESTS = {"method": "GET", "path": f"{JOBS_PATH}/*"}


@pytest.fixture(scope="module")
def faulty_simulator() -> Iterator[RunningSimulator]:
    """A simulator at which a client may wait in silence for a second."""
    with serve_simulator(Settings(port=0, verdict=VerdictSettings(longest_wait=1.0))) as world:
        yield world


@pytest.fixture(scope="module")
def job(faulty_simulator: RunningSimulator) -> str:
    """A job that has ended."""
    made: str = faulty_simulator.run_job(make_training_file(120))["id"]
    return made


@pytest.fixture
def openai_client(faulty_simulator: RunningSimulator, job: str) -> Iterator[OpenAI]:
    """The real SDK, with its own retries; each test is a story of its own."""
    faulty_simulator.http.delete("/_simulator/verdict")
    yield faulty_simulator.openai_client().with_options(max_retries=2)
    faulty_simulator.instance.context.fault_registry.clear()


def add_fault(world: RunningSimulator, request: dict[str, str], **fault: Any) -> None:
    """Let a fault befall the next requests."""
    world.instance.context.fault_registry.add({"request": request, **fault})


def severity_by_rule(world: RunningSimulator) -> dict[str, str]:
    """Return what is found and is no mere note, as the severity of each rule."""
    verdict = world.http.get("/_simulator/verdict", params={"exit_code": 0}).json()
    severities = {finding["rule"]: finding["severity"] for finding in verdict["findings"]}
    return {rule: severity for rule, severity in severities.items() if severity != "note"}


def create_job(mantle: OpenAI, file: str) -> str:
    """Order a job; return its id."""
    return mantle.fine_tuning.jobs.create(
        model=BASE_MODEL, training_file=file, extra_body={"method": reinforcement_method()}
    ).id


def training_files(mantle: OpenAI, file: str) -> list[str]:
    """Look for the jobs that are made of a file."""
    return [job.id for job in mantle.fine_tuning.jobs.list(limit=100) if job.training_file == file]


@pytest.mark.parametrize(("when", "jobs"), [("before", 1), ("after", 2)])
def test_the_sdk_by_itself_orders_again_when_the_connection_drops(
    faulty_simulator: RunningSimulator, openai_client: OpenAI, when: str, jobs: int
) -> None:
    """It cannot know whether the work was done; that there are two jobs only sometimes makes it no better."""
    file = faulty_simulator.upload(make_training_file(120))
    add_fault(faulty_simulator, CREATE_REQUESTS, drop=when)
    create_job(openai_client, file)
    assert (severity_by_rule(faulty_simulator), len(training_files(openai_client, file))) == ({"C6": "fail"}, jobs)


def test_the_sdk_by_itself_orders_again_after_a_500(faulty_simulator: RunningSimulator, openai_client: OpenAI) -> None:
    """Somebody answered, so it is a warning."""
    file = faulty_simulator.upload(make_training_file(120))
    add_fault(faulty_simulator, CREATE_REQUESTS, error="INTERNAL_ERROR", when="after")
    create_job(openai_client, file)
    assert (severity_by_rule(faulty_simulator), len(training_files(openai_client, file))) == ({"C6": "warn"}, 2)


def test_the_sdk_by_itself_orders_again_what_it_did_not_wait_for(
    faulty_simulator: RunningSimulator, openai_client: OpenAI
) -> None:
    """It hung up, and the job was made behind its back."""
    file = faulty_simulator.upload(make_training_file(120))
    add_fault(faulty_simulator, CREATE_REQUESTS, delay=0.4)
    create_job(openai_client.with_options(timeout=0.15), file)
    assert (severity_by_rule(faulty_simulator), len(training_files(openai_client, file))) == ({"C6": "fail"}, 2)


def test_to_upload_again_and_then_order_again_makes_the_same_job_twice(
    faulty_simulator: RunningSimulator, openai_client: OpenAI
) -> None:
    """A retry around the whole function: the file has another id, and the same bytes."""
    careful = openai_client.with_options(max_retries=0)
    first = faulty_simulator.upload(make_training_file(121))
    add_fault(faulty_simulator, CREATE_REQUESTS, drop="after")
    with pytest.raises(openai.APIConnectionError):
        create_job(careful, first)
    second = faulty_simulator.upload(make_training_file(121))
    create_job(careful, second)
    verdict = severity_by_rule(faulty_simulator)
    assert (first != second, verdict) == (True, {"C6": "warn"})
    assert [len(training_files(careful, file)) for file in (first, second)] == [1, 1]


def test_to_look_for_the_job_before_it_is_ordered_again(
    faulty_simulator: RunningSimulator, openai_client: OpenAI
) -> None:
    """It is there, and there is one."""
    file = faulty_simulator.upload(make_training_file(120))
    add_fault(faulty_simulator, CREATE_REQUESTS, drop="after")
    careful = openai_client.with_options(max_retries=0)
    with pytest.raises(openai.APIConnectionError):
        create_job(careful, file)
    assert (len(training_files(careful, file)), severity_by_rule(faulty_simulator)) == (1, {})


def test_the_sdk_by_itself_waits_as_long_as_it_is_told(
    faulty_simulator: RunningSimulator, openai_client: OpenAI, job: str
) -> None:
    """A second."""
    add_fault(faulty_simulator, RETRIEVE_REQUESTS, error="RATE_LIMITED", retry_after=1)
    openai_client.fine_tuning.jobs.retrieve(job)
    assert severity_by_rule(faulty_simulator) == {}


@pytest.mark.parametrize("wait", [1, {"date_in": 5}])
def test_a_loop_of_ones_own_that_does_not_wait(
    faulty_simulator: RunningSimulator, openai_client: OpenAI, job: str, wait: object
) -> None:
    """It catches the error and goes on, whether it is told seconds or a date."""
    hasty = openai_client.with_options(max_retries=0)
    add_fault(faulty_simulator, RETRIEVE_REQUESTS, error="RATE_LIMITED", retry_after=wait)
    with pytest.raises(openai.RateLimitError):
        hasty.fine_tuning.jobs.retrieve(job)
    hasty.fine_tuning.jobs.retrieve(job)
    assert severity_by_rule(faulty_simulator) == {"C3": "fail"}


def test_to_wait_for_an_answer_however_long_it_takes(
    faulty_simulator: RunningSimulator, openai_client: OpenAI, job: str
) -> None:
    """Longer than this server lets it."""
    add_fault(faulty_simulator, RETRIEVE_REQUESTS, delay=STALL_SECONDS)
    openai_client.fine_tuning.jobs.retrieve(job)
    assert severity_by_rule(faulty_simulator) == {"C7": "fail"}


def test_to_hang_up_in_time(faulty_simulator: RunningSimulator, openai_client: OpenAI, job: str) -> None:
    """The answer comes later still, and nobody waits for it any more."""
    add_fault(faulty_simulator, RETRIEVE_REQUESTS, delay=STALL_SECONDS)
    with pytest.raises(openai.APITimeoutError):
        openai_client.with_options(timeout=0.15, max_retries=0).fine_tuning.jobs.retrieve(job)
    time.sleep(STALL_SECONDS)
    assert severity_by_rule(faulty_simulator) == {}
    assert faulty_simulator.http.get("/_simulator/verdict").json()["seen"]["answers"] == {"hung up": 1}
