"""Clients with and without mistakes, each a few lines of the real SDK over a real socket, and their verdict."""

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
    """Start a new audit for each test."""
    served_simulator.http.delete("/_simulator/verdict")
    yield
    served_simulator.http.delete("/_simulator/verdict")


@pytest.fixture(scope="module")
def failed_job(served_simulator: RunningSimulator) -> str:
    """A job that has failed, created by a client that is gone."""
    job: str = served_simulator.run_job(make_training_file(120))["id"]
    return job


def severity_by_rule(simulator: RunningSimulator, **query: Any) -> dict[str, str]:
    """Return the severity of each finding."""
    verdict = simulator.http.get("/_simulator/verdict", params=query).json()
    return {finding["rule"]: finding["severity"] for finding in verdict["findings"]}


def create_job(client: OpenAI, file: str) -> Any:
    """Create a job."""
    return client.fine_tuning.jobs.create(
        model=BASE_MODEL, training_file=file, extra_body={"method": reinforcement_method()}
    )


def invoke_model(client: OpenAI, model: str | None) -> None:
    """Call a model, and ignore an error status."""
    message: Any = {"role": "user", "content": "How many books is that?"}
    untyped_model: Any = model
    try:
        client.chat.completions.create(model=untyped_model, messages=[message])
    except openai.APIStatusError:
        return


def test_a_loop_that_does_not_handle_validating_files(
    served_simulator: RunningSimulator, openai_client: OpenAI
) -> None:
    """It ends at once, and the tuned model has no name."""
    job = create_job(openai_client, served_simulator.upload(make_training_file(120)))
    while job.status in {"queued", "running"}:
        job = openai_client.fine_tuning.jobs.retrieve(job.id)
    invoke_model(openai_client, job.fine_tuned_model)
    assert severity_by_rule(served_simulator) == {"C1": "fail"}


def test_a_loop_until_the_status_is_terminal(served_simulator: RunningSimulator, openai_client: OpenAI) -> None:
    """It calls the tuned model only if there is one."""
    job = create_job(openai_client, served_simulator.upload(make_training_file(120)))
    while job.status not in TERMINAL_STATUSES:
        time.sleep(0.05)
        job = openai_client.fine_tuning.jobs.retrieve(job.id)
    if job.fine_tuned_model:
        invoke_model(openai_client, job.fine_tuned_model)
    assert job.status == "failed"
    assert severity_by_rule(served_simulator, exit_code=1) == {}


def test_a_loop_without_a_pause(served_simulator: RunningSimulator, openai_client: OpenAI, failed_job: str) -> None:
    """Thirty-one reads within a second."""
    for _ in range(31):
        openai_client.fine_tuning.jobs.list_events(failed_job, limit=1)
    assert severity_by_rule(served_simulator) == {"C2": "fail"}


def test_the_data_of_a_page_is_only_that_page(
    served_simulator: RunningSimulator, openai_client: OpenAI, finished_job: FinishedJob
) -> None:
    """The client misses the other events."""
    assert len(openai_client.fine_tuning.jobs.list_events(finished_job.id).data) == 20
    assert severity_by_rule(served_simulator, exit_code=0) == {"C4": "fail"}


def test_iterating_over_a_page_reads_all_pages(
    served_simulator: RunningSimulator, openai_client: OpenAI, finished_job: FinishedJob
) -> None:
    """The first time completely, the second time until the first known event."""
    known = {event.id for event in openai_client.fine_tuning.jobs.list_events(finished_job.id)}
    assert len(known) > 20
    for event in openai_client.fine_tuning.jobs.list_events(finished_job.id):
        if event.id in known:
            break
    assert severity_by_rule(served_simulator, exit_code=0) == {}


def test_an_excerpt_has_a_limit(
    served_simulator: RunningSimulator, openai_client: OpenAI, finished_job: FinishedJob
) -> None:
    """A limit below the default page."""
    assert len(list(islice(openai_client.fine_tuning.jobs.list_events(finished_job.id, limit=5), 5))) == 5
    assert severity_by_rule(served_simulator, exit_code=0) == {}


def test_calling_the_model_of_a_failed_job(
    served_simulator: RunningSimulator, openai_client: OpenAI, failed_job: str
) -> None:
    """The client does not read the status."""
    job = openai_client.fine_tuning.jobs.retrieve(failed_job)
    invoke_model(openai_client, job.fine_tuned_model)
    assert severity_by_rule(served_simulator) == {"C5": "fail"}


def test_a_loop_that_handles_only_succeeded(
    served_simulator: RunningSimulator, openai_client: OpenAI, failed_job: str
) -> None:
    """It goes on after `failed`, until something interrupts it."""
    for _ in range(11):
        if openai_client.fine_tuning.jobs.retrieve(failed_job).status == "succeeded":
            break
    assert severity_by_rule(served_simulator, exit_code=143) == {"C5": "fail"}


def test_a_loop_that_retries_after_a_401(served_simulator: RunningSimulator) -> None:
    """With an invalid key."""
    client = served_simulator.openai_client(key="ABSKinvalid")
    for _ in range(10):
        with pytest.raises(openai.AuthenticationError):
            client.fine_tuning.jobs.retrieve(JOB)
    assert severity_by_rule(served_simulator) == {"C8": "warn"}


def test_clients_that_name_themselves_are_distinguished(served_simulator: RunningSimulator, failed_job: str) -> None:
    """One reads the job, the other one calls a model without a name: together they would be a C5."""
    reader, caller = (
        served_simulator.openai_client().with_options(default_headers={"x-simulator-client": name})
        for name in ("reader", "caller")
    )
    reader.fine_tuning.jobs.retrieve(failed_job)
    invoke_model(caller, None)
    verdict = served_simulator.http.get("/_simulator/verdict").json()
    assert (verdict["verdict"], verdict["seen"]["clients"]) == ("clean", {"caller": 1, "reader": 1})


def test_the_control_plane_and_aws_are_not_audited(served_simulator: RunningSimulator) -> None:
    """Only the OpenAI-compatible API is."""
    served_simulator.http.get("/_simulator/health")
    assert served_simulator.lambda_client.list_functions()["Functions"] is not None
    statistics = served_simulator.http.get("/_simulator/verdict").json()["seen"]
    assert (statistics["requests"], statistics["clients"], statistics["answers"]) == (0, {}, {})


@pytest.mark.parametrize("query", ["exit_code=x", "exit_code=1.5", "so_far=perhaps"])
def test_an_invalid_option_of_the_verdict_is_refused(served_simulator: RunningSimulator, query: str) -> None:
    """With the error envelope."""
    answer = served_simulator.http.get(f"/_simulator/verdict?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, query.partition("=")[0])
