"""C4: clients that read one page of a list, and clients that read all of it or only need an excerpt."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from simulator.verdict.exchange import Outcome
from tests.verdict.audit_scenario import JOB, JOB_PATH, JOBS_PATH, AuditScenario, ScriptedClient, job_object

EVENTS = [f"e{number}" for number in range(60, 0, -1)]  # newest first

FAILED_ANSWERS: Sequence[Mapping[str, Any]] = (
    {"status": 401},
    {"status": 503},
    {"status": None, "outcome": Outcome.NO_ANSWER},
    {"outcome": Outcome.CUT_OFF},
    {"status": None, "outcome": Outcome.DISCONNECTED},
)


@pytest.fixture
def scenario() -> AuditScenario:
    """A job that has ended, with 60 events and 15 checkpoints."""
    ended = AuditScenario()
    ended.server_state.statuses[JOB] = "succeeded"
    ended.server_state.listed_events[JOB] = EVENTS
    ended.server_state.listed_checkpoints[JOB] = EVENTS[:15]
    return ended


def read_all_events(
    client: ScriptedClient, *, size: int = 20, limit: int | None = None, ids: Sequence[str] = EVENTS
) -> None:
    """Page through all events, newest first."""
    limit_query = [] if limit is None else [f"limit={limit}"]
    for start in range(0, len(ids), size):
        after_query = [f"after={ids[start - 1]}"] if start else []
        query = "&".join([*limit_query, *after_query])
        client.list_page("events", ids[start : start + size], has_more=start + size < len(ids), query=query)


def list_many_jobs(client: ScriptedClient) -> None:
    """List a page of jobs that has more, without a limit."""
    client.list_jobs(*(job_object(f"ftjob-{number}", "succeeded") for number in range(20)), has_more=True, query="")


def test_reading_one_page_of_an_ended_jobs_events_is_a_fail(scenario: AuditScenario) -> None:
    """The case has the number of events, and how many the client missed."""
    scenario.client().list_page("events", EVENTS[:20], has_more=True)
    rule, severity, case = scenario.only_case()
    assert (rule, severity, case.what) == ("C4", "fail", f"never received 40 of the 60 events of job {JOB}")
    assert [(request.request, request.answer) for request in case.requests] == [
        (f"GET {JOB_PATH}/events", "200, 20 and has_more")
    ]


def test_checkpoints_are_checked_like_events(scenario: AuditScenario) -> None:
    """Their default page has ten."""
    scenario.client().list_page("checkpoints", EVENTS[:10], has_more=True)
    _, _, case = scenario.only_case()
    assert case.what == f"never received 5 of the 15 checkpoints of job {JOB}"


def test_one_page_with_a_large_limit_is_a_warning(scenario: AuditScenario) -> None:
    """The client may have meant it."""
    scenario.client().list_page("events", EVENTS[:50], has_more=True, query="limit=50")
    assert scenario.severity_by_rule() == {"C4": "warn"}


def test_reading_all_pages_is_allowed(scenario: AuditScenario) -> None:
    """With a limit and without."""
    read_all_events(scenario.client("one"))
    read_all_events(scenario.client("other"), size=7, limit=20)
    assert scenario.severity_by_rule() == {}


def test_stopping_at_a_later_page_is_a_fail(scenario: AuditScenario) -> None:
    """Two pages of three."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    client.list_page("events", EVENTS[20:40], has_more=True, query="after=e41")
    _, _, case = scenario.only_case()
    assert case.what == f"never received 20 of the 60 events of job {JOB}"


def test_reading_the_newest_page_until_a_known_element_is_allowed(scenario: AuditScenario) -> None:
    """A client that polls reads one page each time."""
    client = scenario.client()
    for count in (5, 12, 31, 50, 60):
        events = EVENTS[len(EVENTS) - count :]
        client.list_page("events", events[:20], has_more=count > 20)
    assert scenario.severity_by_rule() == {}


def test_a_newest_page_without_a_known_element_leaves_a_gap(scenario: AuditScenario) -> None:
    """More than a page of events came since the last read."""
    client = scenario.client()
    client.list_page("events", EVENTS[50:], has_more=False)
    client.list_page("events", EVENTS[:20], has_more=True)
    _, _, case = scenario.only_case()
    assert case.what == f"never received 30 of the 60 events of job {JOB}"


def test_a_gap_may_be_filled_later(scenario: AuditScenario) -> None:
    """From the newest element, in pages of another size."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    read_all_events(client, size=50, limit=50)
    assert scenario.severity_by_rule() == {}


def test_two_first_pages_with_the_same_end_leave_one_gap(scenario: AuditScenario) -> None:
    """Two threads read the list, and the older answer arrives later."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    client.list_page("events", EVENTS[10:20], has_more=True)
    _, _, case = scenario.only_case()
    assert [request.answer for request in case.requests] == ["200, 20 and has_more"]


def test_a_limit_below_the_default_page_requests_an_excerpt(scenario: AuditScenario) -> None:
    """For example the latest message."""
    client = scenario.client()
    for _ in range(3):
        client.list_page("events", EVENTS[:1], has_more=True, query="limit=1")
    assert scenario.severity_by_rule() == {}


def test_one_page_from_before_the_end_is_allowed(scenario: AuditScenario) -> None:
    """The client did not read the end."""
    scenario.client().list_page("events", EVENTS[20:40], has_more=True)
    assert scenario.severity_by_rule() == {}


@pytest.mark.parametrize(
    ("status", "options"),
    [("running", {}), ("succeeded", {"is_final": False}), ("succeeded", {"exit_code": 130})],
    ids=["job runs", "clients go on", "client interrupted"],
)
def test_the_rest_may_still_be_read(scenario: AuditScenario, status: str, options: Mapping[str, Any]) -> None:
    """While the job runs, while the clients go on, and if a signal ended the client."""
    scenario.server_state.statuses[JOB] = status
    scenario.client().list_page("events", EVENTS[:20], has_more=True)
    assert scenario.severity_by_rule(**options) == {}


def test_events_that_are_listed_twice_are_read_completely(scenario: AuditScenario) -> None:
    """A setting of the simulator lists each event twice."""
    read_all_events(scenario.client(), size=20, ids=[event_id for event_id in EVENTS for _ in range(2)])
    assert scenario.severity_by_rule() == {}


@pytest.mark.parametrize("answer", FAILED_ANSWERS)
@pytest.mark.parametrize("exit_code", [None, 1])
def test_a_next_page_that_failed_was_not_ignored(
    scenario: AuditScenario, answer: Mapping[str, Any], exit_code: int | None
) -> None:
    """The key has expired or the connection is lost, and the client stops."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    client.send("GET", f"{JOB_PATH}/events", query="after=e41", **answer)
    assert scenario.severity_by_rule(exit_code=exit_code) == {}


def test_a_failed_page_excuses_no_other_gap(scenario: AuditScenario) -> None:
    """Neither one of another list nor one elsewhere in this list."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    client.send("GET", f"{JOB_PATH}/events", query="after=e21", status=503)
    client.send("GET", f"{JOB_PATH}/checkpoints", query="after=e41", status=503)
    assert scenario.severity_by_rule() == {"C4": "fail"}


def test_a_page_that_arrived_at_the_second_try_has_a_next_page(scenario: AuditScenario) -> None:
    """The first try excuses only this page."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    client.send("GET", f"{JOB_PATH}/events", query="after=e41", status=503)
    client.list_page("events", EVENTS[20:40], has_more=True, query="after=e41")
    _, _, case = scenario.only_case()
    assert case.what == f"never received 20 of the 60 events of job {JOB}"


def test_an_unused_page_of_jobs_is_a_note() -> None:
    """The job that the client needs may be on the next page."""
    scenario = AuditScenario()
    list_many_jobs(scenario.client())
    rule, severity, case = scenario.only_case()
    assert (rule, severity, case.what) == (
        "C4",
        "note",
        "received 20 jobs, used none of them, and did not request more",
    )


def test_a_search_of_the_jobs_may_end_at_a_job_or_at_a_failed_page() -> None:
    """The client used a job of the page, or requested the next page."""
    for path, query, status in ((f"{JOBS_PATH}/ftjob-3", "", 200), (JOBS_PATH, "after=ftjob-19", 503)):
        scenario = AuditScenario()
        client = scenario.client()
        list_many_jobs(client)
        client.send("GET", path, query=query, status=status)
        assert scenario.severity_by_rule() == {}
