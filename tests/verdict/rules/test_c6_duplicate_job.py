"""C6: clients that create a job again after a lost answer, and clients that check first or create another job."""

from typing import Any

import pytest

from simulator.settings import Settings
from simulator.verdict.exchange import Outcome
from tests.simulators import simulator_in_process
from tests.verdict.audit_scenario import JOBS_PATH, AuditScenario, job_object

LOST_OUTCOMES = (Outcome.NO_ANSWER, Outcome.CUT_OFF, Outcome.DISCONNECTED)
WITHOUT_CHECK = "created the same job again without checking whether it exists"


@pytest.mark.parametrize("outcome", LOST_OUTCOMES)
def test_creating_again_without_a_check_is_a_fail(outcome: Outcome) -> None:
    """The first job may be running."""
    scenario = AuditScenario()
    client = scenario.client()
    client.lose_job_creation(outcome)
    client.create_job()
    rule, severity, case = scenario.only_case(is_final=False)
    assert (rule, severity, case.what) == ("C6", "fail", WITHOUT_CHECK)
    assert [request.answer for request in case.requests] == [outcome.value, "200"]


@pytest.mark.parametrize(
    ("status", "findings"),
    [(status, {"C6": "warn"}) for status in (408, 500, 503)] + [(status, {}) for status in (400, 401, 403, 429)],
)
def test_an_error_that_leaves_the_effect_open_is_a_warning(status: int, findings: dict[str, str]) -> None:
    """The SDK's own retries cause it. An error that excludes the effect is no finding."""
    scenario = AuditScenario()
    client = scenario.client()
    client.create_job(status=status)
    client.create_job()
    assert scenario.severity_by_rule(is_final=False) == findings


def test_creating_again_is_allowed_if_the_list_does_not_have_the_job() -> None:
    """The client lists the jobs in between. A first try that fails does not matter."""
    scenario = AuditScenario()
    client = scenario.client()
    client.lose_job_creation()
    client.send("GET", JOBS_PATH, status=503)
    client.list_jobs(job_object("ftjob-other", "running", training_file="file-2"))
    client.create_job()
    assert scenario.severity_by_rule(is_final=False) == {}


@pytest.mark.parametrize("status", [401, 500, 503])
@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.NO_ANSWER])
def test_a_list_that_never_arrived_makes_it_a_warning(status: int, outcome: Outcome) -> None:
    """The client tried to check."""
    scenario = AuditScenario()
    client = scenario.client()
    client.lose_job_creation()
    client.send("GET", JOBS_PATH, status=status, outcome=outcome)
    client.create_job()
    _, severity, case = scenario.only_case(is_final=False)
    assert (severity, case.what) == ("warn", "created the same job again, although the list of jobs never arrived")


@pytest.mark.parametrize(
    ("second_digest", "messages"), [("bytes", [WITHOUT_CHECK]), ("others", [])], ids=["same bytes", "other bytes"]
)
def test_the_same_bytes_in_another_file_make_the_same_job(second_digest: str, messages: list[str]) -> None:
    """A retry that repeats the upload too. The client may have deleted the first file by then."""
    scenario = AuditScenario()
    scenario.server_state.file_digests = {"file-1": "bytes"}
    client = scenario.client()
    client.lose_job_creation()
    scenario.server_state.file_digests = {"file-2": second_digest}
    client.create_job(file="file-2")
    findings = scenario.verdict(is_final=False).findings
    assert [case.what for finding in findings for case in finding.shown] == messages
    assert [finding.severity for finding in findings] == ["warn"] * len(messages)


def test_a_list_from_before_the_loss_is_no_check() -> None:
    """It cannot have the job."""
    scenario = AuditScenario()
    client = scenario.client()
    client.list_jobs()
    client.lose_job_creation()
    client.create_job()
    assert scenario.severity_by_rule(is_final=False) == {"C6": "fail"}


def test_a_list_that_started_before_the_loss_is_no_check() -> None:
    """The server may have answered it before it created the job."""
    scenario = AuditScenario()
    client = scenario.client()
    creation = client.parse_request("POST", JOBS_PATH, body=b'{"training_file":"file-1"}')
    listing = client.parse_request("GET", JOBS_PATH)
    client.record(client.make_exchange(creation, started_at=0, ended_at=2, outcome=Outcome.NO_ANSWER, status=None))
    client.record(client.make_exchange(listing, started_at=1, ended_at=2.5))
    client.record(client.make_exchange(creation, started_at=3, ended_at=3.5))
    assert scenario.severity_by_rule(is_final=False) == {"C6": "fail"}


def test_creating_a_job_that_the_list_has_is_a_warning() -> None:
    """It has the training file and the metadata of the lost job, and is new to the client."""
    scenario = AuditScenario()
    client = scenario.client()
    client.lose_job_creation(metadata={"run": "1"})
    client.list_jobs(job_object("ftjob-7", "running", metadata={"run": "1"}))
    client.create_job(metadata={"run": "1"})
    _, severity, case = scenario.only_case(is_final=False)
    assert (severity, case.what) == ("warn", "created a job again that was in the list: ftjob-7")


@pytest.mark.parametrize(
    "listed",
    [{"metadata": {"run": "0"}}, {"training_file": "file-2", "metadata": {"run": "1"}}],
    ids=["other metadata", "other file"],
)
def test_a_listed_job_with_another_label_is_another_job(listed: dict[str, Any]) -> None:
    """It may belong to another client."""
    scenario = AuditScenario()
    client = scenario.client()
    client.lose_job_creation(metadata={"run": "1"})
    client.list_jobs(job_object("ftjob-7", "running", **listed))
    client.create_job(metadata={"run": "1"})
    assert scenario.severity_by_rule(is_final=False) == {}


def test_a_job_that_the_client_knew_before_is_not_the_lost_one() -> None:
    """It created the same job once before."""
    scenario = AuditScenario()
    client = scenario.client()
    client.create_job("ftjob-1")
    client.lose_job_creation()
    client.list_jobs(job_object("ftjob-1", "running"))
    client.create_job("ftjob-2")
    assert scenario.severity_by_rule(is_final=False) == {}


def test_the_same_job_may_be_created_twice_if_no_answer_is_lost() -> None:
    """The client does it on purpose."""
    scenario = AuditScenario()
    client = scenario.client()
    client.create_job("ftjob-1")
    client.create_job("ftjob-2")
    assert scenario.severity_by_rule(is_final=False) == {}


@pytest.mark.parametrize(
    ("second", "findings"),
    [({"file": "file-2"}, {}), ({"metadata": {"try": "2"}}, {"C6": "fail"})],
    ids=["other file", "other label"],
)
def test_a_job_is_the_same_apart_from_its_labels(second: dict[str, Any], findings: dict[str, str]) -> None:
    """A tag for each try hides nothing. Another file makes another job."""
    scenario = AuditScenario()
    client = scenario.client()
    client.lose_job_creation(metadata={"try": "1"})
    client.create_job(**({"metadata": {"try": "1"}} | second))
    assert scenario.severity_by_rule(is_final=False) == findings


def test_two_concurrent_creations_are_no_repetition() -> None:
    """The second started before the first was lost."""
    scenario = AuditScenario()
    client = scenario.client()
    creation = client.parse_request("POST", JOBS_PATH, body=b'{"training_file":"file-1"}')
    client.record(client.make_exchange(creation, started_at=0, ended_at=2, outcome=Outcome.NO_ANSWER, status=None))
    client.record(client.make_exchange(creation, started_at=1, ended_at=2.5))
    assert scenario.severity_by_rule(is_final=False) == {}


def test_an_upload_may_be_repeated() -> None:
    """A second copy of a file costs only space."""
    scenario = AuditScenario()
    client = scenario.client()
    client.send("POST", "/v1/files", body=b"1000", outcome=Outcome.NO_ANSWER, status=None)
    client.send("POST", "/v1/files", body=b"1000")
    assert scenario.severity_by_rule(is_final=False) == {}


def test_a_creation_that_is_lost_after_the_store_is_closed_raises_nothing() -> None:
    """It was in progress at a reset."""
    with simulator_in_process(Settings(port=0)) as simulator:
        auditor = simulator.instance.context.auditor
    client = AuditScenario().client()
    client.record = auditor.record
    client.lose_job_creation()
    client.create_job()
    assert [finding.rule for finding in auditor.verdict(is_final=False).findings] == ["C6"]
