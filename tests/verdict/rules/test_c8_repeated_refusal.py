"""C8: clients that repeat a refused request, and clients that have a reason to."""

import pytest

from simulator.verdict.case import Finding
from simulator.verdict.rules.c8_repeated_refusal import (
    MAX_PERMANENT_REFUSALS,
    MAX_TRANSIENT_REFUSALS,
    REPEATED_REFUSAL,
)
from tests.verdict.audit_scenario import AuditScenario


def refuse(scenario: AuditScenario, *statuses: int) -> None:
    """Send the same request once for each status."""
    client = scenario.client()
    for status in statuses:
        client.fail_to_retrieve_job(status=status)
        client.pause(5)


def finding_after(*statuses: int) -> Finding:
    """Return the only finding after these refusals of one request."""
    scenario = AuditScenario()
    refuse(scenario, *statuses)
    return scenario.only_finding(is_final=False)


def test_repeating_a_refused_request_is_a_warning() -> None:
    """The same request with the same key."""
    finding = finding_after(*[401] * 12)
    assert (finding.rule, finding.severity.value, finding.shown[0].what) == (
        "C8",
        "warn",
        "sent the same request 12 times in a row, and each was refused with 401",
    )


@pytest.mark.parametrize(
    ("status", "maximum"),
    [
        *((status, MAX_PERMANENT_REFUSALS) for status in (400, 401)),
        *((status, MAX_TRANSIENT_REFUSALS) for status in (403, 404, 409)),
    ],
)
def test_something_new_may_be_waited_for_longer(status: int, maximum: int) -> None:
    """A role or a job that is not known everywhere yet."""
    scenario = AuditScenario()
    refuse(scenario, *[status] * (maximum - 1))
    assert scenario.severity_by_rule(is_final=False) == {}
    refuse(scenario, status)
    assert scenario.severity_by_rule(is_final=False) == {"C8": "warn"}


@pytest.mark.parametrize(("status", "advice"), [(400, "says what is wrong"), (401, "new key"), (404, "Limit the time")])
def test_the_remedy_depends_on_the_status(status: int, advice: str) -> None:
    """A client whose request is wrong needs no advice on keys."""
    remedy = finding_after(*[status] * 50).remedy
    assert [text for text in ("says what is wrong", "new key", "Limit the time") if text in remedy] == [advice]


def test_refusals_with_several_statuses_get_the_whole_remedy() -> None:
    """As the rule explains it."""
    assert finding_after(*[400] * 10, *[401] * 10).remedy == REPEATED_REFUSAL.remedy


def test_a_new_key_for_each_request_is_no_repetition() -> None:
    """The client does what it can."""
    scenario = AuditScenario()
    client = scenario.client()
    for number in range(40):
        client.key = str(number).encode()
        client.fail_to_retrieve_job(status=401)
        client.pause(2)
    assert scenario.severity_by_rule(is_final=False) == {}


def test_a_different_status_starts_a_new_series() -> None:
    """Something has changed in between."""
    scenario = AuditScenario()
    refuse(scenario, *[400, 404] * 20)
    assert scenario.severity_by_rule(is_final=False) == {}
