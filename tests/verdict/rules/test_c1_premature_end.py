"""C1: clients that take a status for the job's end that is not terminal, and clients that only seem to."""

from collections.abc import Callable

import pytest

from tests.verdict.audit_scenario import JOB, JOB_PATH, AuditScenario, ScriptedClient, job_object


def poll(client: ScriptedClient, *statuses: str, new_connections: bool = False) -> None:
    """Create a job and retrieve it once for each status."""
    client.create_job()
    for status in statuses:
        if new_connections:
            client.reconnect()
        client.retrieve_job(status)
        client.pause(1)


@pytest.mark.parametrize("status", ["validating_files", "queued", "running", "paused"])
def test_calling_the_tuned_model_before_the_job_has_ended_is_a_fail(status: str) -> None:
    """The tuned model's name is still null. `paused` is an unknown status."""
    scenario = AuditScenario()
    client = scenario.client()
    poll(client, status)
    client.invoke_model(None, status=400)
    rule, severity, case = scenario.only_case()
    assert (rule, severity, case.what) == (
        "C1",
        "fail",
        f"received job {JOB} as `{status}`, and then called a model without a name",
    )
    assert [(request.request, request.answer) for request in case.requests] == [
        (f"GET {JOB_PATH}", f"200, {status}"),
        ("POST /v1/chat/completions", "400, the model's name is missing, or a null as text"),
    ]


@pytest.mark.parametrize("name", ["", "None", "null", "undefined"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_null_that_became_text_is_no_model_name(name: str, method: str) -> None:
    """The texts of Python, JSON and JavaScript, when the model is called and when it is retrieved."""
    scenario = AuditScenario()
    client = scenario.client()
    client.create_job()
    if method == "POST":
        client.invoke_model(name, status=404)
    else:
        client.send("GET", f"/v1/models/{name}", status=404)
    assert scenario.severity_by_rule() == {"C1": "fail"}


def test_calling_a_named_model_while_the_job_runs_is_allowed() -> None:
    """A base model during the job, the tuned model after it."""
    scenario = AuditScenario()
    client = scenario.client()
    poll(client, "running")
    client.invoke_model("openai.gpt-oss-20b")
    client.retrieve_job("succeeded")
    client.invoke_model("ft:openai.gpt-oss-20b:123456789012::abcdefgh")
    assert scenario.severity_by_rule(exit_code=0) == {}


def test_a_nameless_model_is_no_fail_for_a_client_that_never_received_the_job() -> None:
    """It makes a different mistake."""
    scenario = AuditScenario()
    scenario.client("creator").create_job()
    scenario.client("other").invoke_model(None, status=400)
    assert "fail" not in scenario.severity_by_rule().values()


def test_exiting_with_0_while_the_polled_job_runs_is_a_warning() -> None:
    """A loop that does not handle `validating_files`."""
    scenario = AuditScenario()
    poll(scenario.client(), "validating_files", "validating_files", "queued")
    rule, severity, case = scenario.only_case(exit_code=0)
    assert (rule, severity, case.what) == (
        "C1",
        "warn",
        f"last received job {JOB} as `queued`, and no client received its end; the client exited with 0",
    )


def test_listing_checkpoints_after_the_only_read_is_a_warning() -> None:
    """The client takes the first checkpoints for the last."""
    scenario = AuditScenario()
    client = scenario.client()
    poll(client, "validating_files")
    client.list_page("checkpoints", [], has_more=False)
    assert scenario.severity_by_rule(exit_code=0) == {"C1": "warn"}


@pytest.mark.parametrize(("reads", "severity"), [(4, "note"), (5, "warn")])
def test_five_reads_on_separate_connections_are_polling(reads: int, severity: str) -> None:
    """Up to four may be a person's."""
    scenario = AuditScenario()
    poll(scenario.client(), *["running"] * reads, new_connections=True)
    assert scenario.severity_by_rule(exit_code=0) == {"C1": severity}


@pytest.mark.parametrize("exit_code", [None, 0])
def test_creating_a_job_and_leaving_is_a_note(exit_code: int | None) -> None:
    """The verdict stays clean."""
    scenario = AuditScenario()
    poll(scenario.client(), "queued")
    assert scenario.severity_by_rule(exit_code=exit_code) == {"C1": "note"}
    assert scenario.verdict(exit_code=exit_code).verdict == "clean"


@pytest.mark.parametrize("exit_code", [1, 2, 3, 130, 143, -2])
def test_a_client_that_fails_or_is_interrupted_has_no_premature_end(exit_code: int) -> None:
    """An error exit, or a signal."""
    scenario = AuditScenario()
    poll(scenario.client(), *["running"] * 20)
    assert scenario.severity_by_rule(exit_code=exit_code) == {}


def test_an_unknown_exit_code_is_no_finding_for_a_client_that_did_not_create_the_job() -> None:
    """The client may have been interrupted."""
    scenario = AuditScenario()
    client = scenario.client()
    for _ in range(20):
        client.retrieve_job("running")
        client.pause(1)
    assert scenario.severity_by_rule() == {}


def test_clients_that_go_on_may_still_read_the_end() -> None:
    """A verdict that is not final says nothing about it."""
    scenario = AuditScenario()
    poll(scenario.client(), "running", "running")
    assert scenario.severity_by_rule(is_final=False) == {}


def test_a_client_that_cancels_the_job_receives_its_end() -> None:
    """The answer says `cancelled`."""
    scenario = AuditScenario()
    client = scenario.client()
    poll(client, "running", "running")
    client.send("POST", f"{JOB_PATH}/cancel", answer_json=job_object(JOB, "cancelled"))
    assert scenario.severity_by_rule(exit_code=0) == {}


@pytest.mark.parametrize(
    "read_end",
    [
        lambda client: client.retrieve_job("succeeded"),
        lambda client: client.list_jobs(job_object(JOB, "succeeded")),
        lambda client: client.list_end_event("The job has successfully completed"),
    ],
    ids=["retrieve", "list", "event"],
)
def test_it_is_enough_that_another_client_receives_the_end(read_end: Callable[[ScriptedClient], object]) -> None:
    """One program creates the jobs, another one polls them."""
    scenario = AuditScenario()
    poll(scenario.client("creator"), "validating_files", "queued")
    read_end(scenario.client("poller"))
    assert scenario.severity_by_rule(exit_code=0) == {}
