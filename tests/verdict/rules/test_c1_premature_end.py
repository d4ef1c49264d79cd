"""C1 and C5: what a client makes of the status of its job."""

import pytest

from simulator.verdict.exchange import JobView, ParsedAnswer
from simulator.verdict.rule import Severity
from simulator.verdict.rules.c5_ignored_end import MAX_READS_ON_ONE_CONNECTION
from tests.verdict.audit_scenario import JOB, AuditScenario, job_object

NON_TERMINAL_STATUSES = ("validating_files", "queued", "running", "paused")


@pytest.mark.parametrize("status", NON_TERMINAL_STATUSES)
def test_to_ask_the_model_of_a_job_that_is_at_work_is_to_take_its_status_for_an_end(status: str) -> None:
    """The name of its tuned model is still null; `paused` is a status that nobody knows."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    client.retrieve_job(status)
    client.invoke_model(None, status=400)
    (finding,) = stage.verdict().findings
    (case,) = finding.shown
    assert (finding.rule, finding.severity, case.what) == (
        "C1",
        Severity.FAIL,
        f"saw job {JOB} as `{status}`, and then asked a model without a name",
    )
    assert [(request.request, request.answer) for request in case.requests] == [
        (f"GET /v1/fine_tuning/jobs/{JOB}", f"200, {status}"),
        ("POST /v1/chat/completions", "400, the model's name is missing or stands for null"),
    ]


@pytest.mark.parametrize("name", ["", "None", "null", "undefined"])
def test_what_a_template_makes_of_null_is_no_name_either(name: str) -> None:
    """Python's, JSON's and JavaScript's words, and none at all."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    client.invoke_model(name, status=404)
    assert stage.severity_by_rule() == {"C1": "fail"}


def test_to_look_up_the_model_none_is_as_bad() -> None:
    """Before it is asked, some look whether it is there."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    client.send("GET", "/v1/models/None", status=404)
    assert stage.severity_by_rule() == {"C1": "fail"}


def test_to_ask_a_base_model_meanwhile_is_no_fault() -> None:
    """For the comparison that comes later, say."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    client.retrieve_job("running")
    client.invoke_model("openai.gpt-oss-20b")
    client.retrieve_job("succeeded")
    client.invoke_model("ft:openai.gpt-oss-20b:123456789012::abcdefgh")
    assert stage.severity_by_rule(exit_code=0) == {}


def test_who_never_saw_a_job_is_not_found_to_have_taken_it_for_anything() -> None:
    """A model without a name is another mistake then."""
    stage = AuditScenario()
    stage.client("maker").create_job()
    stage.client("other").invoke_model(None, status=400)
    assert "fail" not in stage.severity_by_rule().values()


def test_to_watch_a_job_leave_it_at_work_and_be_content_is_warned_of() -> None:
    """A loop that ends with `validating_files`, and a program that exits with 0."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    for status in ("validating_files", "validating_files", "queued"):
        client.retrieve_job(status)
        client.pause(1)
    (finding,) = stage.verdict(exit_code=0).findings
    assert (finding.rule, finding.severity, finding.shown[0].what) == (
        "C1",
        Severity.WARN,
        f"last saw job {JOB} as `queued`, and nobody ever saw its end; the client exited with 0",
    )


def test_a_watch_on_a_connection_for_each_look_is_known_by_their_number() -> None:
    """One who pauses for longer than a connection is kept open."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    for _ in range(5):
        client.reconnect()
        client.retrieve_job("running")
    assert stage.severity_by_rule(exit_code=0) == {"C1": "warn"}


def test_to_list_checkpoints_as_if_all_were_there_is_warned_of() -> None:
    """One look, `validating_files`, and on to the results."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    client.retrieve_job("validating_files")
    client.list_page("checkpoints", [], has_more=False)
    assert stage.severity_by_rule(exit_code=0) == {"C1": "warn"}


@pytest.mark.parametrize("exit_code", [None, 0])
def test_to_make_a_job_and_leave_it_is_noted_and_no_more(exit_code: int | None) -> None:
    """Many do, on purpose: with a look or without."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    client.retrieve_job("queued")
    assert stage.severity_by_rule(exit_code=exit_code) == {"C1": "note"}
    assert stage.verdict(exit_code=exit_code).verdict == "clean"


def test_up_to_four_looks_on_connections_of_their_own_are_looks_by_hand() -> None:
    """A command each."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    for _ in range(4):
        client.reconnect()
        client.retrieve_job("running")
    assert stage.severity_by_rule(exit_code=0) == {"C1": "note"}


@pytest.mark.parametrize("exit_code", [1, 2, 3, 130, 143, -2])
def test_who_was_interrupted_or_gave_up_has_taken_nothing_for_an_end(exit_code: int) -> None:
    """Ctrl-C, a signal, or an error that it exits with."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    for _ in range(20):
        client.retrieve_job("running")
        client.pause(1)
    assert stage.severity_by_rule(exit_code=exit_code) == {}


def test_where_nobody_knows_how_a_watch_ended_it_is_no_fault() -> None:
    """At a server Ctrl-C looks like an end that was misread."""
    stage = AuditScenario()
    client = stage.client()
    for _ in range(20):
        client.retrieve_job("running")
        client.pause(1)
    assert stage.severity_by_rule() == {}


def test_clients_that_go_on_may_still_look() -> None:
    """Nothing is said of the end before it."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    client.retrieve_job("running")
    client.retrieve_job("running")
    assert stage.severity_by_rule(is_final=False) == {}


def test_to_cancel_the_job_is_to_see_its_end() -> None:
    """The answer says `cancelled`."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    client.retrieve_job("running")
    client.retrieve_job("running")
    client.send("POST", f"/v1/fine_tuning/jobs/{JOB}/cancel", tells=job_object(JOB, "cancelled"))
    assert stage.severity_by_rule(exit_code=0) == {}


@pytest.mark.parametrize("by", ["look", "list", "event"])
def test_it_is_enough_that_another_client_saw_the_end(by: str) -> None:
    """One makes the jobs, another watches them: by the job, by the list, or by an event that tells of the end."""
    stage = AuditScenario()
    maker, watcher = stage.client("maker"), stage.client("watcher")
    maker.create_job()
    maker.retrieve_job("validating_files")
    maker.retrieve_job("queued")
    match by:
        case "look":
            watcher.retrieve_job("succeeded")
        case "list":
            watcher.list_jobs(job_object(JOB, "succeeded"))
        case "event":
            told = {"data": [{"id": "e1", "message": "The job has successfully completed"}], "has_more": False}
            watcher.send("GET", f"/v1/fine_tuning/jobs/{JOB}/events", tells=told)
    assert stage.severity_by_rule(exit_code=0) == {}


def test_to_ask_a_failed_jobs_model_is_not_to_have_read_its_end() -> None:
    """It was told, and did not look."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    client.retrieve_job("failed")
    client.invoke_model(None, status=400)
    (finding,) = stage.verdict().findings
    assert (finding.rule, finding.severity, finding.shown[0].what) == (
        "C5",
        Severity.FAIL,
        f"was told that job {JOB} is `failed`, and then asked a model without a name",
    )


@pytest.mark.parametrize("end", ["failed", "cancelled", "succeeded"])
def test_to_ask_on_after_the_end_is_not_to_have_read_it(end: str) -> None:
    """A loop that waits for another word."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    for _ in range(1 + MAX_READS_ON_ONE_CONNECTION):
        client.retrieve_job(end)
        client.pause(1)
    assert stage.severity_by_rule() == {"C5": "fail"}


@pytest.mark.parametrize("end", ["failed", "cancelled", "succeeded"])
def test_to_look_again_at_a_job_that_has_ended_is_no_fault(end: str) -> None:
    """Several commands, one after the other, each look once."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    for _ in range(20):
        client.reconnect()
        client.retrieve_job(end)
    assert stage.severity_by_rule() == {}


def test_looks_that_were_under_way_when_the_end_was_told_knew_nothing_of_it() -> None:
    """Threads of one program that all watch the job."""
    stage = AuditScenario()
    client = stage.client()
    client.retrieve_job("running")
    began = stage.now
    client.retrieve_job("failed")
    for _ in range(2 * MAX_READS_ON_ONE_CONNECTION):
        asked = client.parse_request("GET", f"/v1/fine_tuning/jobs/{JOB}")
        told = ParsedAnswer(jobs=(JobView(job_id=JOB, status="failed", label=""),))
        stage.auditor.record(client.make_exchange(asked, started_at=began, ended_at=stage.now, answer=told))
    assert stage.severity_by_rule() == {}


def test_to_be_content_with_a_job_that_failed_unseen_is_a_fail() -> None:
    """The watch ended before the job did, and the exit code says that all went well."""
    stage = AuditScenario()
    stage.server_state.statuses[JOB] = "failed"
    client = stage.client()
    client.create_job()
    client.retrieve_job("running")
    client.retrieve_job("running")
    (finding,) = stage.verdict(exit_code=0).findings
    assert (finding.rule, finding.severity, finding.shown[0].what) == (
        "C5",
        Severity.FAIL,
        f"job {JOB} failed; the last it saw was `running`, and it exited with 0",
    )


def test_an_event_that_tells_of_the_failure_is_enough() -> None:
    """Some follow the events alone."""
    stage = AuditScenario()
    stage.server_state.statuses[JOB] = "failed"
    client = stage.client()
    client.create_job()
    client.retrieve_job("running")
    client.retrieve_job("running")
    told = {"data": [{"id": "e1", "message": "Fine-tuning job failed: the grader raised"}], "has_more": False}
    client.send("GET", f"/v1/fine_tuning/jobs/{JOB}/events", tells=told)
    assert stage.severity_by_rule(exit_code=0) == {}


def test_a_list_that_lags_behind_does_not_undo_the_end() -> None:
    """SAMPLE: the notebook does not trust its statuses."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job()
    client.retrieve_job("succeeded")
    client.list_jobs(job_object(JOB, "running"))
    client.invoke_model(None, status=400)
    assert stage.severity_by_rule(exit_code=0) == {}
