"""C2, C3 and C7: when a client asks again, and for how long it goes on."""

import pytest

from simulator.verdict.exchange import Exchange, Outcome
from simulator.verdict.rules.c8_repeated_refusal import REPEATED_REFUSAL
from tests.verdict.audit_scenario import ANSWER_SECONDS, JOB, AuditScenario, ScriptedClient

JOB_PATH = f"/v1/fine_tuning/jobs/{JOB}"


def poll(client: ScriptedClient, count: int, *, pause: float) -> None:
    """Look so often, and pause after each look."""
    for _ in range(count):
        client.retrieve_job("running")
        client.pause(pause)


def test_more_looks_within_a_second_than_are_allowed_are_hot() -> None:
    """The case says how many, how fast, and shows the first and the last."""
    stage = AuditScenario(looks_per_second=10)
    poll(stage.client(), 20, pause=0.04)  # and 0.01 s for each answer: 20 a second
    (finding,) = stage.verdict(is_final=False).findings
    (case,) = finding.shown
    assert (finding.rule, finding.severity.value, case.what) == (
        "C2",
        "fail",
        "asked the same 20 times, 11 of them within 0.5 s",
    )
    assert [round(request.at, 2) for request in case.requests] == [0.5, 0.95]


def test_as_many_as_are_allowed_are_not() -> None:
    """And they go on for minutes."""
    stage = AuditScenario(looks_per_second=10)
    poll(stage.client(), 1_000, pause=0.1)
    assert stage.severity_by_rule(is_final=False) == {}


def test_the_projects_own_rhythm_is_not_hot() -> None:
    """It begins with a look and a page of events every 0.05 s."""
    stage = AuditScenario()
    client = stage.client()
    for _ in range(200):
        client.retrieve_job("running")
        client.list_page("events", [], has_more=False, query="limit=100")
        client.pause(0.05)
    assert stage.severity_by_rule(is_final=False) == {}


def test_a_failing_look_is_a_look() -> None:
    """A loop that catches everything and tries at once; a connection for each may be a program for each."""
    stage = AuditScenario(looks_per_second=10)
    client = stage.client()
    for _ in range(20):
        client.reconnect()
        client.fail_to_retrieve_job(outcome=Outcome.NO_ANSWER, status=None)
    assert stage.severity_by_rule(is_final=False) == {"C2": "warn"}


def test_the_pages_of_a_listing_may_follow_each_other_at_once() -> None:
    """Each is another question."""
    stage = AuditScenario(looks_per_second=10)
    client = stage.client()
    for page in range(100):
        client.list_page("events", [f"e{page}"], has_more=page < 99, query=f"after=e{page - 1}" if page else "")
    assert stage.severity_by_rule(is_final=False) == {}


def test_many_who_look_at_one_job_are_not_one_who_does_so_hot() -> None:
    """Two hundred programs with one key look once a second each, and all began at once."""
    stage = AuditScenario(looks_per_second=10)
    clients = [stage.client() for _ in range(200)]
    for number, client in enumerate(clients):
        client.name = f"one-{number}"  # the connection's
    for second in range(5):
        for client in clients:
            asked = client.parse_request("GET", JOB_PATH)
            looked = client.make_exchange(asked, started_at=float(second), ended_at=second + 0.5)
            stage.auditor.record(_exchange_of(looked, "one"))
    assert stage.severity_by_rule(is_final=False) == {}


def _exchange_of(exchange: Exchange, client: str) -> Exchange:
    from dataclasses import replace  # noqa: PLC0415  nothing else needs it

    return replace(exchange, client=client)


def test_to_ask_before_the_time_is_to_ignore_retry_after() -> None:
    """Both requests are shown."""
    stage = AuditScenario()
    client = stage.client()
    client.fail_to_retrieve_job(status=429, retry_after=5.0)
    client.pause(0.5)
    client.retrieve_job("running")
    (finding,) = stage.verdict(is_final=False).findings
    (case,) = finding.shown
    assert (finding.rule, finding.severity.value, case.what) == (
        "C3",
        "fail",
        "asked again 0.5 s after it was told to wait 5 s",
    )
    assert [request.answer for request in case.requests] == ["429, Retry-After 5", "200"]


def test_to_ask_when_the_time_is_over_is_right() -> None:
    """To the millisecond."""
    stage = AuditScenario()
    client = stage.client()
    client.fail_to_retrieve_job(status=429, retry_after=5.0)
    client.pause(4.999)
    client.retrieve_job("running")
    assert stage.severity_by_rule(is_final=False) == {}


def test_a_tenth_of_a_second_too_early_is_too_early() -> None:
    """No clock is as far out as that."""
    stage = AuditScenario()
    client = stage.client()
    client.fail_to_retrieve_job(status=429, retry_after=5.0)
    client.pause(4.9)
    client.retrieve_job("running")
    assert stage.severity_by_rule(is_final=False) == {"C3": "fail"}


def test_a_503_that_asks_to_wait_is_to_be_heeded_too() -> None:
    """Any status may carry the header."""
    stage = AuditScenario()
    client = stage.client()
    client.fail_to_retrieve_job(status=503, retry_after=5.0)
    client.retrieve_job("running")
    assert stage.severity_by_rule(is_final=False) == {"C3": "fail"}


def test_other_questions_may_be_asked_meanwhile() -> None:
    """The answer was about one of them; chats that differ are as many questions."""
    stage = AuditScenario()
    client = stage.client()
    client.fail_to_retrieve_job(status=429, retry_after=5.0)
    client.retrieve_job("running", job_id="ftjob-2")
    client.send("POST", "/v1/chat/completions", body={"model": "m", "n": 1}, status=429, retry_after=5.0)
    client.send("POST", "/v1/chat/completions", body={"model": "m", "n": 2})
    assert stage.severity_by_rule(is_final=False) == {}


def test_what_was_under_way_when_the_answer_came_ignores_nothing() -> None:
    """Eight threads ask at once, and each is told."""
    stage = AuditScenario()
    client = stage.client()
    asked = client.parse_request("GET", JOB_PATH)
    for thread in range(8):
        ended = 1.0 + thread / 100
        stage.auditor.record(client.make_exchange(asked, started_at=0.9, ended_at=ended, status=429, retry_after=5.0))
    assert stage.severity_by_rule(is_final=False) == {}


def test_another_program_with_the_same_key_was_not_told() -> None:
    """It has a connection of its own, which it had before."""
    stage = AuditScenario()
    one, other = stage.client("one"), stage.client("other")
    one.retrieve_job("running")
    other.name = "one"
    other.reconnect()
    other.retrieve_job("running")
    one.fail_to_retrieve_job(status=429, retry_after=5.0)
    other.retrieve_job("running")
    assert stage.severity_by_rule(is_final=False) == {}


@pytest.mark.parametrize(("asks", "severity"), [(2, "note"), (5, "note"), (6, "warn")])
def test_who_opens_a_connection_for_each_request_may_be_many(asks: int, severity: str) -> None:
    """Several programs with one key look the same, up to a number that is hard to believe."""
    stage = AuditScenario()
    client = stage.client()
    for _ in range(asks):
        client.fail_to_retrieve_job(status=429, retry_after=5.0)
        client.reconnect()
    assert stage.severity_by_rule(is_final=False) == {"C3": severity}


def test_a_client_that_names_itself_is_one() -> None:
    """Whatever connections it has."""
    stage = AuditScenario()
    client = stage.client()
    client.is_named = True
    client.fail_to_retrieve_job(status=429, retry_after=5.0)
    client.reconnect()
    client.retrieve_job("running")
    assert stage.severity_by_rule(is_final=False) == {"C3": "fail"}


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.DISCONNECTED, Outcome.CUT_OFF, Outcome.NO_ANSWER])
def test_a_silence_beyond_the_limit_was_waited_out_without_bound(outcome: Outcome) -> None:
    """However it ended."""
    stage = AuditScenario(longest_wait=60)
    stage.client().fail_to_retrieve_job(seconds=60.1, outcome=outcome)
    (finding,) = stage.verdict(is_final=False).findings
    assert (finding.rule, finding.severity.value, finding.shown[0].what) == (
        "C7",
        "fail",
        "waited for 60.1 s, in which nothing came",
    )


def test_a_silence_within_the_limit_may_be_waited_out() -> None:
    """A time-out of the client's own ends it."""
    stage = AuditScenario(longest_wait=60)
    stage.client().fail_to_retrieve_job(seconds=59.9, outcome=Outcome.DISCONNECTED, status=None)
    assert stage.severity_by_rule(is_final=False) == {}


def test_a_long_answer_that_keeps_coming_is_no_silence() -> None:
    """A stream of an hour."""
    stage = AuditScenario(longest_wait=60)
    stage.client().send("POST", "/v1/chat/completions", body={"model": "m"}, seconds=3_600, longest_silence=5.0)
    assert stage.severity_by_rule(is_final=False) == {}


def test_a_row_of_failures_beyond_the_limit_is_without_bound() -> None:
    """It never gives up."""
    stage = AuditScenario(failures_in_a_row=20)
    client = stage.client()
    for _ in range(21):
        client.fail_to_retrieve_job(status=500)
        client.pause(1)
    (finding,) = stage.verdict(is_final=False).findings
    assert (finding.rule, finding.shown[0].what) == (
        "C7",
        "asked the same 21 times within 20.2 s, and it failed each time",
    )


def test_a_row_of_failures_that_lasts_too_long_is_without_bound() -> None:
    """However seldom it asks; on a connection for each try it may be several programs."""
    stage = AuditScenario(longest_outage=600)
    client = stage.client()
    for _ in range(11):
        client.reconnect()
        client.fail_to_retrieve_job(outcome=Outcome.NO_ANSWER, status=None)
        client.pause(60)
    assert stage.severity_by_rule(is_final=False) == {"C7": "warn"}


@pytest.mark.parametrize("reconnects", [False, True])
def test_an_answer_that_counts_ends_the_row(reconnects: bool) -> None:
    """Failures that are far apart are many outages and not one; whatever connection the answer came on."""
    stage = AuditScenario(failures_in_a_row=20, longest_outage=600)
    client = stage.client()
    for _ in range(50):
        client.fail_to_retrieve_job(status=502)
        if reconnects:
            client.reconnect()
        client.retrieve_job("running")
        client.pause(60)
    assert stage.severity_by_rule(is_final=False) == {}


def test_what_is_refused_again_and_again_is_repeated_for_nothing() -> None:
    """The same request with the same key."""
    stage = AuditScenario()
    client = stage.client()
    for _ in range(12):
        client.fail_to_retrieve_job(status=401)
        client.pause(5)
    (finding,) = stage.verdict(is_final=False).findings
    (case,) = finding.shown
    assert (finding.rule, finding.severity.value, case.what) == (
        "C8",
        "warn",
        "was refused the same 12 times in a row, with 401",
    )


@pytest.mark.parametrize(("status", "advice"), [(400, "says what is wrong"), (401, "new key"), (404, "Wait for")])
def test_what_to_do_depends_on_the_refusal(status: int, advice: str) -> None:
    """Nobody is told of keys whose request was wrong."""
    stage = AuditScenario()
    client = stage.client()
    for _ in range(50):
        client.fail_to_retrieve_job(status=status)
        client.pause(5)
    (finding,) = stage.verdict(is_final=False).findings
    told = [words for words in ("says what is wrong", "new key", "Wait for") if words in finding.remedy]
    assert told == [advice]


def test_refusals_of_several_kinds_are_told_all_that_there_is_to_do() -> None:
    """As the rule's page does."""
    stage = AuditScenario()
    client = stage.client()
    for status in (400, 401):
        for _ in range(10):
            client.fail_to_retrieve_job(status=status)
            client.pause(5)
    (finding,) = stage.verdict(is_final=False).findings
    assert finding.remedy == REPEATED_REFUSAL.remedy


@pytest.mark.parametrize("status", [403, 404, 409])
def test_what_may_come_with_time_may_be_asked_for_longer(status: int) -> None:
    """A role, or a job, that is not known everywhere yet."""
    stage = AuditScenario()
    client = stage.client()
    for _ in range(40):
        client.fail_to_retrieve_job(status=status)
        client.pause(2)
    assert stage.severity_by_rule(is_final=False) == {}


def test_with_another_key_it_is_another_request() -> None:
    """Minted for each request, until the clock of the machine is set right."""
    stage = AuditScenario()
    client = stage.client()
    for number in range(40):
        client.key = str(number).encode()
        client.fail_to_retrieve_job(status=401)
        client.pause(2)
    assert stage.severity_by_rule(is_final=False) == {}


def test_a_refusal_of_another_kind_begins_a_new_row() -> None:
    """Something has changed in between."""
    stage = AuditScenario()
    client = stage.client()
    for _ in range(20):
        client.fail_to_retrieve_job(status=400)
        client.fail_to_retrieve_job(status=404)
        client.pause(2)
    assert stage.severity_by_rule(is_final=False) == {}


def test_the_default_limits_let_the_sdk_time_out_by_itself() -> None:
    """600 s, three times over, as its retries make it."""
    stage = AuditScenario()
    client = stage.client()
    for _ in range(3):
        client.fail_to_retrieve_job(seconds=600.0 + ANSWER_SECONDS, outcome=Outcome.DISCONNECTED, status=None)
        client.reconnect()
        client.pause(2)
    assert stage.severity_by_rule(is_final=False) == {}
