"""C3: clients that repeat a request too early, and clients that wait or that never received the header."""

import re

import httpx2
import pytest
from openai import OpenAI
from openai._models import FinalRequestOptions

from simulator.verdict.rules.c3_ignored_retry_after import IGNORED_RETRY_AFTER
from tests.verdict.audit_scenario import JOB_PATH, AuditScenario


def test_repeating_a_request_too_early_is_a_fail() -> None:
    """The case has both requests."""
    scenario = AuditScenario()
    client = scenario.client()
    client.fail_to_retrieve_job(status=429, retry_after=5.0)
    client.pause(0.5)
    client.retrieve_job("running")
    rule, severity, case = scenario.only_case(is_final=False)
    assert (rule, severity, case.what) == (
        "C3",
        "fail",
        "repeated the request after 0.5 s, although the answer said to wait 5 s",
    )
    assert [request.answer for request in case.requests] == ["429, Retry-After 5", "200"]


@pytest.mark.parametrize(
    ("status", "pause", "findings"),
    [(429, 4.999, {}), (429, 4.9, {"C3": "fail"}), (503, 0.0, {"C3": "fail"})],
)
def test_the_wait_ends_within_a_clock_tolerance(status: int, pause: float, findings: dict[str, str]) -> None:
    """A tenth of a second is too early. The header counts with any status."""
    scenario = AuditScenario()
    client = scenario.client()
    client.fail_to_retrieve_job(status=status, retry_after=5.0)
    client.pause(pause)
    client.retrieve_job("running")
    assert scenario.severity_by_rule(is_final=False) == findings


def test_other_requests_may_be_sent_meanwhile() -> None:
    """Another job, or another chat."""
    scenario = AuditScenario()
    client = scenario.client()
    client.fail_to_retrieve_job(status=429, retry_after=5.0)
    client.retrieve_job("running", job_id="ftjob-2")
    client.send("POST", "/v1/chat/completions", body={"model": "m", "n": 1}, status=429, retry_after=5.0)
    client.send("POST", "/v1/chat/completions", body={"model": "m", "n": 2})
    assert scenario.severity_by_rule(is_final=False) == {}


def test_requests_in_progress_when_the_answer_comes_are_allowed() -> None:
    """Eight threads send the same request at once, and each receives a 429."""
    scenario = AuditScenario()
    client = scenario.client()
    request = client.parse_request("GET", JOB_PATH)
    for thread in range(8):
        ended_at = 1.0 + thread / 100
        client.record(client.make_exchange(request, started_at=0.9, ended_at=ended_at, status=429, retry_after=5.0))
    assert scenario.severity_by_rule(is_final=False) == {}


def test_another_program_with_the_same_key_did_not_receive_the_answer() -> None:
    """It has its own connection, and had it before."""
    scenario = AuditScenario()
    one, other = scenario.client("one"), scenario.client("other")
    one.retrieve_job("running")
    other.name = "one"
    other.reconnect()
    other.retrieve_job("running")
    one.fail_to_retrieve_job(status=429, retry_after=5.0)
    other.retrieve_job("running")
    assert scenario.severity_by_rule(is_final=False) == {}


@pytest.mark.parametrize(("requests", "severity"), [(2, "note"), (5, "note"), (6, "warn")])
def test_requests_on_separate_connections_may_come_from_several_programs(requests: int, severity: str) -> None:
    """Up to a number that is unlikely."""
    scenario = AuditScenario()
    client = scenario.client()
    for _ in range(requests):
        client.fail_to_retrieve_job(status=429, retry_after=5.0)
        client.reconnect()
    assert scenario.severity_by_rule(is_final=False) == {"C3": severity}


def test_a_client_that_names_itself_is_one_program() -> None:
    """On any connection."""
    scenario = AuditScenario()
    client = scenario.client()
    client.is_named = True
    client.fail_to_retrieve_job(status=429, retry_after=5.0)
    client.reconnect()
    client.retrieve_job("running")
    assert scenario.severity_by_rule(is_final=False) == {"C3": "fail"}


def test_each_limit_of_an_sdk_names_its_version() -> None:
    """The limits differ between versions."""
    sentences = re.split(r"(?<=\.) ", IGNORED_RETRY_AFTER.impact)
    limits = [sentence for sentence in sentences if re.search(r"\d+ s\b", sentence)]
    assert limits
    assert [sentence for sentence in limits if not re.search(r"(Python|Node) \d+\.\d+", sentence)] == []


@pytest.mark.parametrize(("seconds", "waits"), [(120, True), (121, False)])
def test_the_installed_python_sdk_waits_up_to_120_s(seconds: int, waits: bool) -> None:
    """As the explanation says: above that it does not retry."""
    answer = httpx2.Response(429, headers={"retry-after": str(seconds)})
    with OpenAI(api_key="key", base_url="http://localhost/v1") as client:
        assert client._should_retry(answer) is waits
        assert (
            client._calculate_retry_timeout(1, FinalRequestOptions.construct(method="get", url="/"), answer.headers)
            == 120
        ) is waits
