"""C4: how a client reads a list that comes in pages."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from simulator.verdict.exchange import Outcome
from tests.verdict.audit_scenario import JOB, AuditScenario, ScriptedClient, job_object

EVENTS = [f"e{number}" for number in range(60, 0, -1)]  # newest first


@pytest.fixture
def scenario() -> AuditScenario:
    """A job that has ended, with 60 events and 15 checkpoints."""
    made = AuditScenario()
    made.server_state.statuses[JOB] = "succeeded"
    made.server_state.listed_events[JOB] = EVENTS
    made.server_state.listed_checkpoints[JOB] = EVENTS[:15]
    return made


def read_events(
    client: ScriptedClient, *, size: int = 20, limit: int | None = None, ids: Sequence[str] = EVENTS
) -> None:
    """Page through all events, newest first."""
    given = [] if limit is None else [f"limit={limit}"]
    for start in range(0, len(ids), size):
        after = [f"after={ids[start - 1]}"] if start else []
        more = start + size < len(ids)
        client.list_page("events", ids[start : start + size], has_more=more, query="&".join([*given, *after]))


def test_one_page_of_an_ended_jobs_events_leaves_the_rest_unread(scenario: AuditScenario) -> None:
    """The case says how many there were, and how many never came."""
    scenario.client().list_page("events", EVENTS[:20], has_more=True)
    (finding,) = scenario.verdict().findings
    (case,) = finding.shown
    assert (finding.rule, finding.severity.value, case.what) == (
        "C4",
        "fail",
        f"was never given 40 of the 60 events of job {JOB}",
    )
    assert [(request.request, request.answer) for request in case.requests] == [
        (f"GET /v1/fine_tuning/jobs/{JOB}/events", "200, 20 and has_more")
    ]


def test_checkpoints_come_in_pages_as_well(scenario: AuditScenario) -> None:
    """Of ten."""
    scenario.client().list_page("checkpoints", EVENTS[:10], has_more=True)
    (finding,) = scenario.verdict().findings
    assert finding.shown[0].what == f"was never given 5 of the 15 checkpoints of job {JOB}"


def test_a_page_as_large_as_it_may_be_has_a_next_one_too(scenario: AuditScenario) -> None:
    """Who gives a limit may have meant it, so it is a warning."""
    scenario.client().list_page("events", EVENTS[:50], has_more=True, query="limit=50")
    assert scenario.severity_by_rule() == {"C4": "warn"}


def test_to_read_all_pages_is_right(scenario: AuditScenario) -> None:
    """With a limit and without."""
    read_events(scenario.client("one"))
    read_events(scenario.client("other"), size=7, limit=20)
    assert scenario.severity_by_rule() == {}


def test_to_stop_in_the_middle_is_as_bad_as_at_the_start(scenario: AuditScenario) -> None:
    """Two pages of three."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    client.list_page("events", EVENTS[20:40], has_more=True, query="after=e41")
    assert scenario.verdict().findings[0].shown[0].what == f"was never given 20 of the 60 events of job {JOB}"


def test_newest_first_and_stop_at_what_is_known_is_right(scenario: AuditScenario) -> None:
    """A watch that reads a page now and then and goes on only where it knows none of it."""
    client = scenario.client()
    for seen in (5, 12, 31, 50, 60):
        so_far = EVENTS[len(EVENTS) - seen :]
        client.list_page("events", so_far[:20], has_more=seen > 20)
    assert scenario.severity_by_rule() == {}


def test_what_came_between_two_looks_is_missed_when_it_is_more_than_a_page(scenario: AuditScenario) -> None:
    """The newest page holds nothing that is known, and is not continued."""
    client = scenario.client()
    client.list_page("events", EVENTS[50:], has_more=False)
    client.list_page("events", EVENTS[:20], has_more=True)
    assert scenario.verdict().findings[0].shown[0].what == f"was never given 30 of the 60 events of job {JOB}"


def test_what_was_missed_may_be_read_later(scenario: AuditScenario) -> None:
    """From the top, in pages of another size."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    read_events(client, size=50, limit=50)
    assert scenario.severity_by_rule() == {}


def test_two_first_pages_that_end_alike_leave_one_gap(scenario: AuditScenario) -> None:
    """Two threads read it, and the older answer came later: what lies behind is left unread once."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    client.list_page("events", EVENTS[10:20], has_more=True)
    (case,) = scenario.verdict().findings[0].shown
    assert [request.answer for request in case.requests] == ["200, 20 and has_more"]


def test_an_excerpt_is_one_on_purpose(scenario: AuditScenario) -> None:
    """A limit below the usual page: the latest message, to be shown."""
    client = scenario.client()
    for _ in range(3):
        client.list_page("events", EVENTS[:1], has_more=True, query="limit=1")
    assert scenario.severity_by_rule() == {}


def test_a_single_page_of_a_job_at_work_is_a_look(scenario: AuditScenario) -> None:
    """And the job went on without the one who looked."""
    scenario.client().list_page("events", EVENTS[20:40], has_more=True)
    assert scenario.severity_by_rule() == {}


def test_while_a_job_is_at_work_its_events_may_still_be_read(scenario: AuditScenario) -> None:
    """Nothing is said before it has ended."""
    scenario.server_state.statuses[JOB] = "running"
    scenario.client().list_page("events", EVENTS[:20], has_more=True)
    assert scenario.severity_by_rule() == {}


def test_clients_that_go_on_may_still_turn_the_page(scenario: AuditScenario) -> None:
    """Nor before they are done."""
    scenario.client().list_page("events", EVENTS[:20], has_more=True)
    assert scenario.severity_by_rule(is_final=False) == {}


def test_who_was_stopped_between_two_pages_ignored_nothing(scenario: AuditScenario) -> None:
    """A signal came."""
    scenario.client().list_page("events", EVENTS[:20], has_more=True)
    assert scenario.severity_by_rule(exit_code=130) == {}


def test_events_that_are_listed_twice_are_read_as_well(scenario: AuditScenario) -> None:
    """By a switch of the simulator's."""
    read_events(scenario.client(), size=20, ids=[name for name in EVENTS for _ in range(2)])
    assert scenario.severity_by_rule() == {}


NOT_GIVEN: Sequence[Mapping[str, Any]] = (
    {"status": 401},
    {"status": 503},
    {"status": None, "outcome": Outcome.NO_ANSWER},
    {"outcome": Outcome.CUT_OFF},
    {"status": None, "outcome": Outcome.DISCONNECTED},
)


@pytest.mark.parametrize("answer", NOT_GIVEN)
@pytest.mark.parametrize("exit_code", [None, 1])
def test_a_next_page_that_was_asked_for_and_not_given_was_not_ignored(
    scenario: AuditScenario, answer: Mapping[str, Any], exit_code: int | None
) -> None:
    """The key has ended, or the line is dead, and the client stops with an error."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    client.send("GET", f"/v1/fine_tuning/jobs/{JOB}/events", query="after=e41", **answer)
    assert scenario.severity_by_rule(exit_code=exit_code) == {}


def test_a_page_that_was_not_given_excuses_no_other_gap(scenario: AuditScenario) -> None:
    """Another list's, or one elsewhere in the same."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    client.send("GET", f"/v1/fine_tuning/jobs/{JOB}/events", query="after=e21", status=503)
    client.send("GET", f"/v1/fine_tuning/jobs/{JOB}/checkpoints", query="after=e41", status=503)
    assert scenario.severity_by_rule() == {"C4": "fail"}


def test_a_page_that_came_at_the_second_try_has_a_next_one_too(scenario: AuditScenario) -> None:
    """The first try of it excuses nothing that comes after."""
    client = scenario.client()
    client.list_page("events", EVENTS[:20], has_more=True)
    client.send("GET", f"/v1/fine_tuning/jobs/{JOB}/events", query="after=e41", status=503)
    client.list_page("events", EVENTS[20:40], has_more=True, query="after=e41")
    assert scenario.verdict().findings[0].shown[0].what == f"was never given 20 of the 60 events of job {JOB}"


def test_a_search_of_the_jobs_that_was_not_answered_is_no_note() -> None:
    """It did ask for the next page."""
    stage = AuditScenario()
    client = stage.client()
    client.list_jobs(*(job_object(f"ftjob-{number}", "succeeded") for number in range(20)), has_more=True, query="")
    client.send("GET", "/v1/fine_tuning/jobs", query="after=ftjob-19", status=503)
    assert stage.severity_by_rule() == {}


def test_a_page_of_jobs_that_was_of_no_use_is_noted() -> None:
    """What was looked for may have been on the next."""
    stage = AuditScenario()
    stage.client().list_jobs(
        *(job_object(f"ftjob-{number}", "succeeded") for number in range(20)), has_more=True, query=""
    )
    (finding,) = stage.verdict().findings
    assert (finding.rule, finding.severity.value, finding.shown[0].what) == (
        "C4",
        "note",
        "was given 20 jobs, used none of them, and did not ask for more",
    )


def test_a_search_that_ends_where_it_found_one_is_right() -> None:
    """The job is used."""
    stage = AuditScenario()
    client = stage.client()
    client.list_jobs(*(job_object(f"ftjob-{number}", "running") for number in range(20)), has_more=True, query="")
    client.retrieve_job("succeeded", job_id="ftjob-3")
    assert stage.severity_by_rule() == {}
