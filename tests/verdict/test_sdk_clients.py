"""Right and wrong clients, each a few lines of the real SDK over a real socket, and the verdict on them."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.simulators import BASE_MODEL, TERMINAL_STATUSES, FinishedJob, RunningSimulator, reinforcement_method
from tests.training.training_files import make_training_file
from tests.verdict.audit_scenario import JOB


@pytest.fixture(autouse=True)
def _reset_verdict(served_simulator: RunningSimulator) -> Iterator[None]:
    """Each test is a story of its own."""
    served_simulator.http.delete("/_simulator/verdict")
    yield
    served_simulator.http.delete("/_simulator/verdict")


@pytest.fixture(scope="module")
def failed_job(served_simulator: RunningSimulator) -> str:
    """A job at its bad end, of a client that is long gone."""
    job: str = served_simulator.run_job(make_training_file(120))["id"]
    return job


def severity_by_rule(world: RunningSimulator, **query: Any) -> dict[str, str]:
    """Return what is found, as the severity of each rule."""
    verdict = world.http.get("/_simulator/verdict", params=query).json()
    return {finding["rule"]: finding["severity"] for finding in verdict["findings"]}


def create_job(mantle: OpenAI, file: str) -> Any:
    """Order a job."""
    return mantle.fine_tuning.jobs.create(
        model=BASE_MODEL, training_file=file, extra_body={"method": reinforcement_method()}
    )


def invoke_model(mantle: OpenAI, model: str | None) -> None:
    """Ask a model, and take no for an answer."""
    message: Any = {"role": "user", "content": "How many books is that?"}
    nameless: Any = model
    try:
        mantle.chat.completions.create(model=nameless, messages=[message])
    except openai.APIStatusError:
        return


def test_a_loop_that_does_not_know_validating_files(served_simulator: RunningSimulator, openai_client: OpenAI) -> None:
    """It is over before it has begun, and the tuned model has no name."""
    job = create_job(openai_client, served_simulator.upload(make_training_file(120)))
    while job.status in {"queued", "running"}:
        job = openai_client.fine_tuning.jobs.retrieve(job.id)
    invoke_model(openai_client, job.fine_tuned_model)
    assert severity_by_rule(served_simulator) == {"C1": "fail"}


def test_a_loop_that_knows_the_three_ends(served_simulator: RunningSimulator, openai_client: OpenAI) -> None:
    """And that asks the tuned model only where there is one."""
    job = create_job(openai_client, served_simulator.upload(make_training_file(120)))
    while job.status not in TERMINAL_STATUSES:
        time.sleep(0.05)
        job = openai_client.fine_tuning.jobs.retrieve(job.id)
    if job.fine_tuned_model:
        invoke_model(openai_client, job.fine_tuned_model)
    assert job.status == "failed"
    assert severity_by_rule(served_simulator, exit_code=1) == {}


def test_a_loop_without_a_pause(served_simulator: RunningSimulator, openai_client: OpenAI, failed_job: str) -> None:
    """Thirty-one looks within a second."""
    for _ in range(31):
        openai_client.fine_tuning.jobs.list_events(failed_job, limit=1)
    assert severity_by_rule(served_simulator) == {"C2": "fail"}


def test_one_page_of_events(
    served_simulator: RunningSimulator, openai_client: OpenAI, finished_job: FinishedJob
) -> None:
    """`.data` is the page alone."""
    assert len(openai_client.fine_tuning.jobs.list_events(finished_job.id).data) == 20
    assert severity_by_rule(served_simulator, exit_code=0) == {"C4": "fail"}


def test_all_pages_of_events(
    served_simulator: RunningSimulator, openai_client: OpenAI, finished_job: FinishedJob
) -> None:
    """To iterate over the page is to follow it."""
    assert len(list(openai_client.fine_tuning.jobs.list_events(finished_job.id))) > 20
    assert severity_by_rule(served_simulator, exit_code=0) == {}


def test_the_newest_events_until_one_is_known(
    served_simulator: RunningSimulator, openai_client: OpenAI, finished_job: FinishedJob
) -> None:
    """The SDK's own paging, left where it has come to what was read before."""
    known = {event.id for event in openai_client.fine_tuning.jobs.list_events(finished_job.id)}
    for event in openai_client.fine_tuning.jobs.list_events(finished_job.id):
        if event.id in known:
            break
    assert severity_by_rule(served_simulator, exit_code=0) == {}


def test_some_events_as_an_excerpt(
    served_simulator: RunningSimulator, openai_client: OpenAI, finished_job: FinishedJob
) -> None:
    """A limit says that it is one."""
    assert len(list(islice(openai_client.fine_tuning.jobs.list_events(finished_job.id, limit=5), 5))) == 5
    assert severity_by_rule(served_simulator, exit_code=0) == {}


def test_the_model_of_a_job_that_failed(
    served_simulator: RunningSimulator, openai_client: OpenAI, failed_job: str
) -> None:
    """Nobody looked at the status."""
    job = openai_client.fine_tuning.jobs.retrieve(failed_job)
    invoke_model(openai_client, job.fine_tuned_model)
    assert severity_by_rule(served_simulator) == {"C5": "fail"}


def test_a_loop_that_knows_succeeded_alone(
    served_simulator: RunningSimulator, openai_client: OpenAI, failed_job: str
) -> None:
    """It is told `failed`, and goes on; a patient one is stopped sooner or later."""
    for _ in range(11):
        if openai_client.fine_tuning.jobs.retrieve(failed_job).status == "succeeded":
            break
    assert severity_by_rule(served_simulator, exit_code=143) == {"C5": "fail"}


def test_a_loop_that_takes_a_refusal_for_a_bad_day(served_simulator: RunningSimulator, openai_client: OpenAI) -> None:
    """A key that is none, and no end."""
    stranger = served_simulator.openai_client(key="ABSKnobody")
    for _ in range(10):
        with pytest.raises(openai.AuthenticationError):
            stranger.fine_tuning.jobs.retrieve(JOB)
    assert severity_by_rule(served_simulator) == {"C8": "warn"}


def test_two_clients_that_name_themselves(served_simulator: RunningSimulator, failed_job: str) -> None:
    """Each is judged by what it did, and named in the report."""
    with_name = served_simulator.openai_client().with_options
    watcher, maker = (with_name(default_headers={"x-simulator-client": name}) for name in ("watcher", "maker"))
    watcher.fine_tuning.jobs.retrieve(failed_job)
    invoke_model(maker, None)
    verdict = served_simulator.http.get("/_simulator/verdict").json()
    assert (verdict["verdict"], verdict["seen"]["clients"]) == ("clean", {"maker": 1, "watcher": 1})


def test_the_control_plane_and_aws_are_not_watched(served_simulator: RunningSimulator) -> None:
    """Mantle alone is."""
    served_simulator.http.get("/_simulator/health")
    assert served_simulator.lambda_client.list_functions()["Functions"] is not None
    seen = served_simulator.http.get("/_simulator/verdict").json()["seen"]
    assert (seen["requests"], seen["clients"], seen["answers"]) == (0, {}, {})


@pytest.mark.parametrize("query", ["exit_code=x", "exit_code=1.5", "so_far=perhaps"])
def test_a_question_that_makes_no_sense_is_refused(served_simulator: RunningSimulator, query: str) -> None:
    """In the envelope of all errors."""
    answer = served_simulator.http.get(f"/_simulator/verdict?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, query.partition("=")[0])
