"""C5: clients that ignore the end of their job, and clients that only read it again."""

import pytest

from simulator.verdict.exchange import JobView, ParsedAnswer
from simulator.verdict.rules.c5_ignored_end import MAX_READS_ON_ONE_CONNECTION, MAX_READS_ON_SEVERAL_CONNECTIONS
from tests.verdict.audit_scenario import JOB, JOB_PATH, AuditScenario, job_object

ENDS = ("failed", "cancelled", "succeeded")


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_calling_the_model_of_a_job_without_one_is_a_fail(end: str) -> None:
    """The client does not read the status."""
    scenario = AuditScenario()
    client = scenario.client()
    client.create_job()
    client.retrieve_job(end)
    client.invoke_model(None, status=400)
    rule, severity, case = scenario.only_case()
    assert (rule, severity, case.what) == (
        "C5",
        "fail",
        f"received job {JOB} as `{end}`, and then called a model without a name",
    )


@pytest.mark.parametrize("end", ENDS)
def test_polling_on_after_the_end_is_a_fail(end: str) -> None:
    """A loop that waits for another status."""
    scenario = AuditScenario()
    client = scenario.client()
    client.create_job()
    for _ in range(1 + MAX_READS_ON_ONE_CONNECTION):
        client.retrieve_job(end)
        client.pause(1)
    rule, severity, case = scenario.only_case()
    assert (rule, severity, case.what) == ("C5", "fail", f"received job {JOB} as `{end}`, and read it 10 more times")


@pytest.mark.parametrize(("reads", "findings"), [(20, {}), (1 + MAX_READS_ON_SEVERAL_CONNECTIONS, {"C5": "fail"})])
@pytest.mark.parametrize("end", ENDS)
def test_reading_an_ended_job_on_separate_connections_is_allowed_for_long(
    end: str, reads: int, findings: dict[str, str]
) -> None:
    """Several commands each read it once."""
    scenario = AuditScenario()
    client = scenario.client()
    client.create_job()
    for _ in range(reads):
        client.reconnect()
        client.retrieve_job(end)
        client.pause(1)
    assert scenario.severity_by_rule() == findings


def test_reads_in_progress_when_the_end_arrives_do_not_count() -> None:
    """Threads of one program that all poll the job."""
    scenario = AuditScenario()
    client = scenario.client()
    client.retrieve_job("running")
    started_at = scenario.now
    client.retrieve_job("failed")
    request = client.parse_request("GET", JOB_PATH)
    answer = ParsedAnswer(jobs=(JobView(job_id=JOB, status="failed", label=""),))
    for _ in range(2 * MAX_READS_ON_ONE_CONNECTION):
        client.record(client.make_exchange(request, started_at=started_at, ended_at=scenario.now, answer=answer))
    assert scenario.severity_by_rule() == {}


def test_exiting_with_0_without_noticing_the_failure_is_a_fail() -> None:
    """The client stopped polling before the job failed."""
    scenario = AuditScenario()
    scenario.server_state.statuses[JOB] = "failed"
    client = scenario.client()
    client.create_job()
    client.retrieve_job("running")
    client.retrieve_job("running")
    rule, severity, case = scenario.only_case(exit_code=0)
    assert (rule, severity, case.what) == (
        "C5",
        "fail",
        f"job {JOB} failed; the client last received it as `running`, and exited with 0",
    )


def test_an_event_that_announces_the_failure_is_enough() -> None:
    """Some clients read only the events."""
    scenario = AuditScenario()
    scenario.server_state.statuses[JOB] = "failed"
    client = scenario.client()
    client.create_job()
    client.retrieve_job("running")
    client.retrieve_job("running")
    client.list_end_event("Fine-tuning job failed: the grader raised")
    assert scenario.severity_by_rule(exit_code=0) == {}


def test_a_list_that_lags_behind_does_not_undo_the_end() -> None:
    """The job stays `succeeded`, so neither C1 nor C5 applies."""
    scenario = AuditScenario()
    client = scenario.client()
    client.create_job()
    client.retrieve_job("succeeded")
    client.list_jobs(job_object(JOB, "running"))
    client.invoke_model(None, status=400)
    assert scenario.severity_by_rule(exit_code=0) == {}
