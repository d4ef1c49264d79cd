"""C7: clients that wait or retry without a limit, and clients that give up."""

import pytest

from simulator.verdict.exchange import Outcome
from tests.verdict.audit_scenario import ANSWER_SECONDS, AuditScenario


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.DISCONNECTED, Outcome.CUT_OFF, Outcome.NO_ANSWER])
def test_a_silence_beyond_the_limit_is_a_fail(outcome: Outcome) -> None:
    """Whatever the outcome."""
    scenario = AuditScenario(longest_wait=60)
    scenario.client().fail_to_retrieve_job(seconds=60.1, outcome=outcome)
    rule, severity, case = scenario.only_case(is_final=False)
    assert (rule, severity, case.what) == ("C7", "fail", "waited for 60.1 s and received nothing")


def test_a_timeout_within_the_limit_is_allowed() -> None:
    """The client disconnects in time."""
    scenario = AuditScenario(longest_wait=60)
    scenario.client().fail_to_retrieve_job(seconds=59.9, outcome=Outcome.DISCONNECTED, status=None)
    assert scenario.severity_by_rule(is_final=False) == {}


def test_a_long_answer_that_keeps_sending_is_no_silence() -> None:
    """A stream of an hour."""
    scenario = AuditScenario(longest_wait=60)
    scenario.client().send("POST", "/v1/chat/completions", body={"model": "m"}, seconds=3_600, longest_silence=5.0)
    assert scenario.severity_by_rule(is_final=False) == {}


def test_the_default_limit_allows_the_timeout_of_the_sdk() -> None:
    """600 s, three times with its retries."""
    scenario = AuditScenario()
    client = scenario.client()
    for _ in range(3):
        client.fail_to_retrieve_job(seconds=600.0 + ANSWER_SECONDS, outcome=Outcome.DISCONNECTED, status=None)
        client.reconnect()
        client.pause(2)
    assert scenario.severity_by_rule(is_final=False) == {}


def test_more_failures_in_a_row_than_the_limit_are_a_fail() -> None:
    """The client never gives up."""
    scenario = AuditScenario(failures_in_a_row=20)
    client = scenario.client()
    for _ in range(21):
        client.fail_to_retrieve_job(status=500)
        client.pause(1)
    rule, severity, case = scenario.only_case(is_final=False)
    assert (rule, severity, case.what) == (
        "C7",
        "fail",
        "sent the same request 21 times within 20.2 s, and it failed each time",
    )


def test_failures_over_a_long_time_on_separate_connections_are_a_warning() -> None:
    """Few requests, but over more than the longest outage. They may come from several programs."""
    scenario = AuditScenario(longest_outage=600)
    client = scenario.client()
    for _ in range(11):
        client.reconnect()
        client.fail_to_retrieve_job(outcome=Outcome.NO_ANSWER, status=None)
        client.pause(60)
    assert scenario.severity_by_rule(is_final=False) == {"C7": "warn"}


@pytest.mark.parametrize("reconnects", [False, True])
def test_a_successful_answer_ends_the_series(reconnects: bool) -> None:
    """On any connection: many short outages are not one long outage."""
    scenario = AuditScenario(failures_in_a_row=20, longest_outage=600)
    client = scenario.client()
    for _ in range(50):
        client.fail_to_retrieve_job(status=502)
        if reconnects:
            client.reconnect()
        client.retrieve_job("running")
        client.pause(60)
    assert scenario.severity_by_rule(is_final=False) == {}
