"""C6: what a client does when the answer to its order is lost."""

import pytest

from simulator.settings import Settings
from simulator.verdict.exchange import Outcome
from tests.simulators import simulator_in_process
from tests.verdict.audit_scenario import AuditScenario, job_object

UNANSWERED_OUTCOMES = (Outcome.NO_ANSWER, Outcome.CUT_OFF, Outcome.DISCONNECTED)


@pytest.mark.parametrize("outcome", UNANSWERED_OUTCOMES)
def test_to_order_again_without_a_look_is_a_fail(outcome: Outcome) -> None:
    """No answer came, or it was cut off, or not waited for: the job may be at work."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job(outcome=outcome, status=None)
    client.create_job()
    (finding,) = stage.verdict(is_final=False).findings
    (case,) = finding.shown
    assert (finding.rule, finding.severity.value, case.what) == (
        "C6",
        "fail",
        "asked for the same job again without a look whether it had been made",
    )
    assert [request.answer for request in case.requests] == [outcome.value, "200"]


@pytest.mark.parametrize("status", [408, 500, 503])
def test_an_answer_that_leaves_it_open_is_warned_of(status: int) -> None:
    """As the SDK's own retries do."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job(status=status)
    client.create_job()
    assert stage.severity_by_rule(is_final=False) == {"C6": "warn"}


def test_to_look_and_to_find_nothing_is_to_be_free_to_order_again() -> None:
    """The list is read before."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job(outcome=Outcome.NO_ANSWER, status=None)
    client.list_jobs(job_object("ftjob-other", "running", training_file="file-2"))
    client.create_job()
    assert stage.severity_by_rule(is_final=False) == {}


@pytest.mark.parametrize("status", [401, 500, 503])
@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.NO_ANSWER])
def test_a_look_that_failed_is_a_look_that_told_nothing(status: int, outcome: Outcome) -> None:
    """It was tried: to order again is rash, and no more."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job(outcome=Outcome.NO_ANSWER, status=None)
    client.send("GET", "/v1/fine_tuning/jobs", status=status, outcome=outcome)
    client.create_job()
    (finding,) = stage.verdict(is_final=False).findings
    assert (finding.severity.value, finding.shown[0].what) == (
        "warn",
        "asked for the same job again though no look told whether it had been made",
    )


def test_a_look_that_failed_and_then_did_not_is_a_look() -> None:
    """The second try of the list found no job."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job(outcome=Outcome.NO_ANSWER, status=None)
    client.send("GET", "/v1/fine_tuning/jobs", status=503)
    client.list_jobs()
    client.create_job()
    assert stage.severity_by_rule(is_final=False) == {}


@pytest.mark.parametrize("outcome", UNANSWERED_OUTCOMES)
def test_the_same_bytes_sent_again_make_the_same_job(outcome: Outcome) -> None:
    """The whole function is repeated, upload and order; the first file may be gone by then."""
    stage = AuditScenario()
    stage.server_state.file_digests = {"file-1": "bytes"}
    client = stage.client()
    client.create_job(outcome=outcome, status=None)
    stage.server_state.file_digests = {"file-2": "bytes"}
    client.create_job(file="file-2")
    (finding,) = stage.verdict(is_final=False).findings
    assert (finding.severity.value, finding.shown[0].what) == (
        "warn",
        "asked for the same job again without a look whether it had been made",
    )


def test_other_bytes_make_another_job() -> None:
    """In the same order otherwise."""
    stage = AuditScenario()
    stage.server_state.file_digests = {"file-1": "bytes", "file-2": "others"}
    client = stage.client()
    client.create_job(outcome=Outcome.NO_ANSWER, status=None)
    client.create_job(file="file-2")
    assert stage.severity_by_rule(is_final=False) == {}


def test_a_look_from_before_is_none() -> None:
    """It cannot have shown the job."""
    stage = AuditScenario()
    client = stage.client()
    client.list_jobs()
    client.create_job(outcome=Outcome.NO_ANSWER, status=None)
    client.create_job()
    assert stage.severity_by_rule(is_final=False) == {"C6": "fail"}


def test_a_look_that_began_before_the_loss_is_none() -> None:
    """It was answered after it, and may have been read before the job was made."""
    stage = AuditScenario()
    client = stage.client()
    order = client.parse_request("POST", "/v1/fine_tuning/jobs", body=b'{"training_file":"file-1"}')
    look = client.parse_request("GET", "/v1/fine_tuning/jobs")
    stage.auditor.record(
        client.make_exchange(order, started_at=0.0, ended_at=2.0, outcome=Outcome.NO_ANSWER, status=None)
    )
    stage.auditor.record(client.make_exchange(look, started_at=1.0, ended_at=2.5))
    stage.auditor.record(client.make_exchange(order, started_at=3.0, ended_at=3.5))
    assert stage.severity_by_rule(is_final=False) == {"C6": "fail"}


def test_to_order_again_what_the_list_has_shown_is_warned_of() -> None:
    """With its training file and metadata; the client had not known of it."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job(metadata={"run": "1"}, outcome=Outcome.NO_ANSWER, status=None)
    client.list_jobs(job_object("ftjob-7", "running", metadata={"run": "1"}))
    client.create_job(metadata={"run": "1"})
    (finding,) = stage.verdict(is_final=False).findings
    assert (finding.severity.value, finding.shown[0].what) == (
        "warn",
        "made a job again that the list had shown: ftjob-7",
    )


@pytest.mark.parametrize(
    "listed",
    [
        job_object("ftjob-7", "running", metadata={"run": "0"}),
        job_object("ftjob-7", "running", training_file="file-2", metadata={"run": "1"}),
    ],
)
def test_a_job_of_another_label_is_another_one(listed: dict[str, object]) -> None:
    """Somebody else's, of the same file, or another file's."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job(metadata={"run": "1"}, outcome=Outcome.NO_ANSWER, status=None)
    client.list_jobs(listed)
    client.create_job(metadata={"run": "1"})
    assert stage.severity_by_rule(is_final=False) == {}


def test_a_job_that_the_client_knew_before_is_not_the_one_that_was_lost() -> None:
    """It had ordered the same once already."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job("ftjob-1")
    client.create_job(outcome=Outcome.NO_ANSWER, status=None)
    client.list_jobs(job_object("ftjob-1", "running"))
    client.create_job("ftjob-2")
    assert stage.severity_by_rule(is_final=False) == {}


@pytest.mark.parametrize("status", [400, 401, 403, 429])
def test_what_was_surely_not_done_may_be_ordered_again(status: int) -> None:
    """It was refused at the door."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job(status=status)
    client.create_job()
    assert stage.severity_by_rule(is_final=False) == {}


def test_the_same_job_twice_on_purpose_is_no_fault() -> None:
    """No answer was lost."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job("ftjob-1")
    client.create_job("ftjob-2")
    assert stage.severity_by_rule(is_final=False) == {}


def test_another_job_is_not_the_lost_one_again() -> None:
    """A sweep over files, one of which was not answered."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job(outcome=Outcome.NO_ANSWER, status=None)
    client.create_job(file="file-2")
    assert stage.severity_by_rule(is_final=False) == {}


def test_another_label_makes_no_other_job() -> None:
    """A tag for each try hides nothing."""
    stage = AuditScenario()
    client = stage.client()
    client.create_job(metadata={"try": "1"}, outcome=Outcome.NO_ANSWER, status=None)
    client.create_job(metadata={"try": "2"})
    assert stage.severity_by_rule(is_final=False) == {"C6": "fail"}


def test_an_order_that_is_lost_after_its_store_was_closed_breaks_nothing() -> None:
    """It was under way at a reset."""
    with simulator_in_process(Settings(port=0)) as world:
        judge = world.instance.context.auditor
    client = AuditScenario().client()
    client.record = judge.record
    client.create_job(outcome=Outcome.NO_ANSWER, status=None)
    client.create_job()
    assert [finding.rule for finding in judge.verdict(is_final=False).findings] == ["C6"]


def test_two_orders_at_once_are_not_one_after_the_other() -> None:
    """The second was on its way before the first was lost."""
    stage = AuditScenario()
    client = stage.client()
    order = client.parse_request("POST", "/v1/fine_tuning/jobs", body=b'{"training_file":"file-1"}')
    stage.auditor.record(
        client.make_exchange(order, started_at=0.0, ended_at=2.0, outcome=Outcome.NO_ANSWER, status=None)
    )
    stage.auditor.record(client.make_exchange(order, started_at=1.0, ended_at=2.5))
    assert stage.severity_by_rule(is_final=False) == {}


def test_uploads_may_be_made_again() -> None:
    """A second copy of a file costs nothing but space."""
    stage = AuditScenario()
    client = stage.client()
    client.send("POST", "/v1/files", body=b"1000", outcome=Outcome.NO_ANSWER, status=None)
    client.send("POST", "/v1/files", body=b"1000")
    assert stage.severity_by_rule(is_final=False) == {}
