"""Clients with and without mistakes, each a few lines of the real SDK over a real socket, under scripted faults."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI

from simulator.settings import Settings, VerdictSettings
from tests.simulators import BASE_MODEL, RunningSimulator, reinforcement_method, serve_simulator
from tests.training.training_files import make_training_file
from tests.verdict.audit_scenario import JOBS_PATH

LONGEST_WAIT = 0.3
DELAY = 0.4  # seconds until a late answer
TIMEOUT = 0.1
CREATE_REQUESTS = {"method": "POST", "path": JOBS_PATH}
RETRIEVE_REQUESTS = {"method": "GET", "path": f"{JOBS_PATH}/*"}


@pytest.fixture(scope="module")
def faulty_simulator() -> Iterator[RunningSimulator]:
    """A simulator that allows clients to wait for a short time only."""
    with serve_simulator(Settings(port=0, verdict=VerdictSettings(longest_wait=LONGEST_WAIT))) as simulator:
        yield simulator


def wait_for_answers(simulator: RunningSimulator) -> None:
    """Wait until the simulator has answered every request, also those of clients that have disconnected."""
    assert simulator.instance._services.in_flight_requests.wait_until_none(timeout=30)


@pytest.fixture(scope="module")
def job(faulty_simulator: RunningSimulator) -> str:
    """A job that has ended."""
    ended: str = faulty_simulator.run_job(make_training_file(120))["id"]
    return ended


@pytest.fixture(scope="module")
def file(faulty_simulator: RunningSimulator) -> str:
    """A training file. Each test counts the jobs that it creates from it."""
    return faulty_simulator.upload(make_training_file(120))


@pytest.fixture
def openai_client(faulty_simulator: RunningSimulator, job: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAI]:
    """The real SDK with its own retries, with shorter pauses between them, and a new audit."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.15)
    monkeypatch.setattr("simulator.verdict.audit_middleware.DISCONNECT_LISTEN_DELAY", 0.02)
    faulty_simulator.http.delete("/_simulator/verdict")
    yield faulty_simulator.openai_client().with_options(max_retries=2)
    faulty_simulator.instance.context.fault_registry.clear()


def add_fault(simulator: RunningSimulator, request: dict[str, str], **fault: Any) -> None:
    """Add a fault to the next matching request."""
    simulator.instance.context.fault_registry.add({"request": request, **fault})


def severity_by_rule(simulator: RunningSimulator) -> dict[str, str]:
    """Return the severity of each finding that is more than a note."""
    verdict = simulator.http.get("/_simulator/verdict", params={"exit_code": 0}).json()
    severities = {finding["rule"]: finding["severity"] for finding in verdict["findings"]}
    return {rule: severity for rule, severity in severities.items() if severity != "note"}


def create_job(client: OpenAI, file: str) -> str:
    """Create a job; return its id."""
    return client.fine_tuning.jobs.create(
        model=BASE_MODEL, training_file=file, extra_body={"method": reinforcement_method()}
    ).id


def count_jobs(client: OpenAI, file: str) -> int:
    """Return the number of jobs with a training file."""
    return sum(job.training_file == file for job in client.fine_tuning.jobs.list(limit=100))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "jobs", "severity"),
    [
        ({"drop": "before"}, 1, "fail"),
        ({"drop": "after"}, 2, "fail"),
        ({"delay": DELAY}, 2, "fail"),
        ({"error": "INTERNAL_ERROR", "when": "after"}, 2, "warn"),
    ],
    ids=["dropped before", "dropped after", "timeout", "error 500"],
)
def test_the_sdk_creates_a_job_again_when_the_answer_is_lost(
    faulty_simulator: RunningSimulator, openai_client: OpenAI, file: str, fault: Any, jobs: int, severity: str
) -> None:
    """It cannot know whether the job exists. An error status is only a warning."""
    before = count_jobs(openai_client, file)
    faulty_simulator.http.delete("/_simulator/verdict")
    add_fault(faulty_simulator, CREATE_REQUESTS, **fault)
    create_job(openai_client.with_options(timeout=TIMEOUT) if "delay" in fault else openai_client, file)
    assert severity_by_rule(faulty_simulator) == {"C6": severity}
    if "delay" in fault:
        wait_for_answers(faulty_simulator)  # the first job is created when the delay is over
    assert count_jobs(openai_client, file) - before == jobs


def test_repeating_the_upload_and_the_creation_creates_the_same_job_twice(
    faulty_simulator: RunningSimulator, openai_client: OpenAI
) -> None:
    """The second file has another id and the same bytes."""
    client = openai_client.with_options(max_retries=0)
    first = faulty_simulator.upload(make_training_file(121))
    add_fault(faulty_simulator, CREATE_REQUESTS, drop="after")
    with pytest.raises(openai.APIConnectionError):
        create_job(client, first)
    second = faulty_simulator.upload(make_training_file(121))
    create_job(client, second)
    assert first != second
    assert severity_by_rule(faulty_simulator) == {"C6": "warn"}
    assert [count_jobs(client, file) for file in (first, second)] == [1, 1]


def test_listing_the_jobs_before_creating_again_finds_the_job(
    faulty_simulator: RunningSimulator, openai_client: OpenAI
) -> None:
    """The client need not create it again."""
    client = openai_client.with_options(max_retries=0)
    file = faulty_simulator.upload(make_training_file(122))
    add_fault(faulty_simulator, CREATE_REQUESTS, drop="after")
    with pytest.raises(openai.APIConnectionError):
        create_job(client, file)
    assert (count_jobs(client, file), severity_by_rule(faulty_simulator)) == (1, {})


@pytest.mark.slow
def test_the_sdk_waits_as_long_as_retry_after_says(
    faulty_simulator: RunningSimulator, openai_client: OpenAI, job: str
) -> None:
    """A second, the shortest that the header can say."""
    add_fault(faulty_simulator, RETRIEVE_REQUESTS, error="RATE_LIMITED", retry_after=1)
    openai_client.fine_tuning.jobs.retrieve(job)
    assert severity_by_rule(faulty_simulator) == {}


@pytest.mark.parametrize("wait", [1, {"date_in": 5}])
def test_a_loop_that_ignores_retry_after(
    faulty_simulator: RunningSimulator, openai_client: OpenAI, job: str, wait: object
) -> None:
    """It catches the error and goes on. The header is seconds or a date."""
    client = openai_client.with_options(max_retries=0)
    add_fault(faulty_simulator, RETRIEVE_REQUESTS, error="RATE_LIMITED", retry_after=wait)
    with pytest.raises(openai.RateLimitError):
        client.fine_tuning.jobs.retrieve(job)
    client.fine_tuning.jobs.retrieve(job)
    assert severity_by_rule(faulty_simulator) == {"C3": "fail"}


@pytest.mark.slow
def test_waiting_longer_than_the_limit(faulty_simulator: RunningSimulator, openai_client: OpenAI, job: str) -> None:
    """The client receives the late answer."""
    add_fault(faulty_simulator, RETRIEVE_REQUESTS, delay=DELAY)
    openai_client.fine_tuning.jobs.retrieve(job)
    assert severity_by_rule(faulty_simulator) == {"C7": "fail"}


@pytest.mark.slow
def test_a_timeout_within_the_limit(faulty_simulator: RunningSimulator, openai_client: OpenAI, job: str) -> None:
    """The client has disconnected before the answer comes."""
    add_fault(faulty_simulator, RETRIEVE_REQUESTS, delay=DELAY)
    with pytest.raises(openai.APITimeoutError):
        openai_client.with_options(timeout=TIMEOUT, max_retries=0).fine_tuning.jobs.retrieve(job)
    wait_for_answers(faulty_simulator)
    assert severity_by_rule(faulty_simulator) == {}
    assert faulty_simulator.http.get("/_simulator/verdict").json()["seen"]["answers"] == {"hung up": 1}
