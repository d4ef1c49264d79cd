"""C2: clients that read without a pause, and clients that are allowed to be fast."""

from dataclasses import replace

from simulator.verdict.exchange import Outcome
from tests.verdict.audit_scenario import JOB_PATH, AuditScenario, ScriptedClient


def poll(client: ScriptedClient, reads: int, *, pause: float) -> None:
    """Retrieve the job, with a pause after each read."""
    for _ in range(reads):
        client.retrieve_job("running")
        client.pause(pause)


def test_more_reads_within_a_second_than_the_limit_are_a_fail() -> None:
    """The case has the number, the shortest time, and the first and the last read that exceed the limit."""
    scenario = AuditScenario(looks_per_second=10)
    poll(scenario.client(), 20, pause=0.04)  # and 0.01 s for each answer: 20 reads a second
    rule, severity, case = scenario.only_case(is_final=False)
    assert (rule, severity, case.what) == ("C2", "fail", "sent the same read 20 times, 11 of them within 0.5 s")
    assert [round(request.at, 2) for request in case.requests] == [0.5, 0.95]


def test_as_many_reads_as_the_limit_are_allowed() -> None:
    """For as long as the client likes."""
    scenario = AuditScenario(looks_per_second=10)
    poll(scenario.client(), 1_000, pause=0.1)
    assert scenario.severity_by_rule(is_final=False) == {}


def test_the_default_limit_allows_the_poll_interval_of_rft() -> None:
    """It starts with a read of the job and a page of events every 0.05 s."""
    scenario = AuditScenario()
    client = scenario.client()
    for _ in range(200):
        client.retrieve_job("running")
        client.list_page("events", [], has_more=False, query="limit=100")
        client.pause(0.05)
    assert scenario.severity_by_rule(is_final=False) == {}


def test_failed_reads_on_separate_connections_are_a_warning() -> None:
    """They count like others, and may come from several programs."""
    scenario = AuditScenario(looks_per_second=10)
    client = scenario.client()
    for _ in range(20):
        client.reconnect()
        client.fail_to_retrieve_job(outcome=Outcome.NO_ANSWER, status=None)
    assert scenario.severity_by_rule(is_final=False) == {"C2": "warn"}


def test_the_pages_of_a_list_may_follow_each_other_at_once() -> None:
    """Each is a different request."""
    scenario = AuditScenario(looks_per_second=10)
    client = scenario.client()
    for page in range(100):
        client.list_page("events", [f"e{page}"], has_more=page < 99, query=f"after=e{page - 1}" if page else "")
    assert scenario.severity_by_rule(is_final=False) == {}


def test_concurrent_reads_of_many_programs_with_one_key_are_allowed() -> None:
    """Two hundred programs each read once a second, all at the same time."""
    scenario = AuditScenario(looks_per_second=10)
    programs = [scenario.client(f"one-{number}") for number in range(200)]
    request = programs[0].parse_request("GET", JOB_PATH)
    for second in range(5):
        for program in programs:
            read = program.make_exchange(request, started_at=float(second), ended_at=second + 0.5)
            scenario.auditor.record(replace(read, client="one"))
    assert scenario.severity_by_rule(is_final=False) == {}
