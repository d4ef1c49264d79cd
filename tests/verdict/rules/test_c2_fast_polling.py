"""C2, C3 and C7: when a client asks again, and for how long it goes on."""

import pytest

from simulator.verdict.exchange import Exchange, Outcome
from simulator.verdict.rules.c8_repeated_refusal import REPEATED_THE_REFUSED
from tests.verdict.audit_scenario import JOB, TAKES, Client, Stage

LOOK = f"/v1/fine_tuning/jobs/{JOB}"


def looks(client: Client, count: int, *, pause: float) -> None:
    """Look so often, and pause after each look."""
    for _ in range(count):
        client.look("running")
        client.pause(pause)


def test_more_looks_within_a_second_than_are_allowed_are_hot() -> None:
    """The case says how many, how fast, and shows the first and the last."""
    stage = Stage(looks_per_second=10)
    looks(stage.client(), 20, pause=0.04)  # and 0.01 s for each answer: 20 a second
    (finding,) = stage.verdict(is_end=False).findings
    (case,) = finding.shown
    assert (finding.rule, finding.severity.value, case.what) == (
        "C2",
        "fail",
        "asked the same 20 times, 11 of them within 0.5 s",
    )
    assert [round(request.at, 2) for request in case.requests] == [0.5, 0.95]


def test_as_many_as_are_allowed_are_not() -> None:
    """And they go on for minutes."""
    stage = Stage(looks_per_second=10)
    looks(stage.client(), 1_000, pause=0.1)
    assert stage.found(is_end=False) == {}


def test_the_projects_own_rhythm_is_not_hot() -> None:
    """It begins with a look and a page of events every 0.05 s."""
    stage = Stage()
    client = stage.client()
    for _ in range(200):
        client.look("running")
        client.page("events", [], has_more=False, query="limit=100")
        client.pause(0.05)
    assert stage.found(is_end=False) == {}


def test_a_failing_look_is_a_look() -> None:
    """A loop that catches everything and tries at once; a connection for each may be a program for each."""
    stage = Stage(looks_per_second=10)
    client = stage.client()
    for _ in range(20):
        client.reconnect()
        client.look_in_vain(outcome=Outcome.LOST, status=None)
    assert stage.found(is_end=False) == {"C2": "warn"}


def test_the_pages_of_a_listing_may_follow_each_other_at_once() -> None:
    """Each is another question."""
    stage = Stage(looks_per_second=10)
    client = stage.client()
    for page in range(100):
        client.page("events", [f"e{page}"], has_more=page < 99, query=f"after=e{page - 1}" if page else "")
    assert stage.found(is_end=False) == {}


def test_many_who_look_at_one_job_are_not_one_who_does_so_hot() -> None:
    """Two hundred programs with one key look once a second each, and all began at once."""
    stage = Stage(looks_per_second=10)
    clients = [stage.client() for _ in range(200)]
    for number, client in enumerate(clients):
        client.name = f"one-{number}"  # the connection's
    for second in range(5):
        for client in clients:
            asked = client.asked("GET", LOOK)
            looked = client.exchange(asked, began=float(second), ended=second + 0.5)
            stage.judge.take(_of(looked, "one"))
    assert stage.found(is_end=False) == {}


def _of(exchange: Exchange, client: str) -> Exchange:
    from dataclasses import replace  # noqa: PLC0415  nothing else needs it

    return replace(exchange, client=client)


def test_to_ask_before_the_time_is_to_ignore_retry_after() -> None:
    """Both requests are shown."""
    stage = Stage()
    client = stage.client()
    client.look_in_vain(status=429, retry_after=5.0)
    client.pause(0.5)
    client.look("running")
    (finding,) = stage.verdict(is_end=False).findings
    (case,) = finding.shown
    assert (finding.rule, finding.severity.value, case.what) == (
        "C3",
        "fail",
        "asked again 0.5 s after it was told to wait 5 s",
    )
    assert [request.answer for request in case.requests] == ["429, Retry-After 5", "200"]


def test_to_ask_when_the_time_is_over_is_right() -> None:
    """To the millisecond."""
    stage = Stage()
    client = stage.client()
    client.look_in_vain(status=429, retry_after=5.0)
    client.pause(4.999)
    client.look("running")
    assert stage.found(is_end=False) == {}


def test_a_tenth_of_a_second_too_early_is_too_early() -> None:
    """No clock is as far out as that."""
    stage = Stage()
    client = stage.client()
    client.look_in_vain(status=429, retry_after=5.0)
    client.pause(4.9)
    client.look("running")
    assert stage.found(is_end=False) == {"C3": "fail"}


def test_a_503_that_asks_to_wait_is_to_be_heeded_too() -> None:
    """Any status may carry the header."""
    stage = Stage()
    client = stage.client()
    client.look_in_vain(status=503, retry_after=5.0)
    client.look("running")
    assert stage.found(is_end=False) == {"C3": "fail"}


def test_other_questions_may_be_asked_meanwhile() -> None:
    """The answer was about one of them; chats that differ are as many questions."""
    stage = Stage()
    client = stage.client()
    client.look_in_vain(status=429, retry_after=5.0)
    client.look("running", job="ftjob-2")
    client.ask("POST", "/v1/chat/completions", body={"model": "m", "n": 1}, status=429, retry_after=5.0)
    client.ask("POST", "/v1/chat/completions", body={"model": "m", "n": 2})
    assert stage.found(is_end=False) == {}


def test_what_was_under_way_when_the_answer_came_ignores_nothing() -> None:
    """Eight threads ask at once, and each is told."""
    stage = Stage()
    client = stage.client()
    asked = client.asked("GET", LOOK)
    for thread in range(8):
        ended = 1.0 + thread / 100
        stage.judge.take(client.exchange(asked, began=0.9, ended=ended, status=429, retry_after=5.0))
    assert stage.found(is_end=False) == {}


def test_another_program_with_the_same_key_was_not_told() -> None:
    """It has a connection of its own, which it had before."""
    stage = Stage()
    one, other = stage.client("one"), stage.client("other")
    one.look("running")
    other.name = "one"
    other.reconnect()
    other.look("running")
    one.look_in_vain(status=429, retry_after=5.0)
    other.look("running")
    assert stage.found(is_end=False) == {}


@pytest.mark.parametrize(("asks", "severity"), [(2, "note"), (5, "note"), (6, "warn")])
def test_who_opens_a_connection_for_each_request_may_be_many(asks: int, severity: str) -> None:
    """Several programs with one key look the same, up to a number that is hard to believe."""
    stage = Stage()
    client = stage.client()
    for _ in range(asks):
        client.look_in_vain(status=429, retry_after=5.0)
        client.reconnect()
    assert stage.found(is_end=False) == {"C3": severity}


def test_a_client_that_names_itself_is_one() -> None:
    """Whatever connections it has."""
    stage = Stage()
    client = stage.client()
    client.is_named = True
    client.look_in_vain(status=429, retry_after=5.0)
    client.reconnect()
    client.look("running")
    assert stage.found(is_end=False) == {"C3": "fail"}


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.HUNG_UP, Outcome.CUT, Outcome.LOST])
def test_a_silence_beyond_the_limit_was_waited_out_without_bound(outcome: Outcome) -> None:
    """However it ended."""
    stage = Stage(longest_wait=60)
    stage.client().look_in_vain(takes=60.1, outcome=outcome)
    (finding,) = stage.verdict(is_end=False).findings
    assert (finding.rule, finding.severity.value, finding.shown[0].what) == (
        "C7",
        "fail",
        "waited for 60.1 s, in which nothing came",
    )


def test_a_silence_within_the_limit_may_be_waited_out() -> None:
    """A time-out of the client's own ends it."""
    stage = Stage(longest_wait=60)
    stage.client().look_in_vain(takes=59.9, outcome=Outcome.HUNG_UP, status=None)
    assert stage.found(is_end=False) == {}


def test_a_long_answer_that_keeps_coming_is_no_silence() -> None:
    """A stream of an hour."""
    stage = Stage(longest_wait=60)
    stage.client().ask("POST", "/v1/chat/completions", body={"model": "m"}, takes=3_600, silence=5.0)
    assert stage.found(is_end=False) == {}


def test_a_row_of_failures_beyond_the_limit_is_without_bound() -> None:
    """It never gives up."""
    stage = Stage(failures_in_a_row=20)
    client = stage.client()
    for _ in range(21):
        client.look_in_vain(status=500)
        client.pause(1)
    (finding,) = stage.verdict(is_end=False).findings
    assert (finding.rule, finding.shown[0].what) == (
        "C7",
        "asked the same 21 times within 20.2 s, and it failed each time",
    )


def test_a_row_of_failures_that_lasts_too_long_is_without_bound() -> None:
    """However seldom it asks; on a connection for each try it may be several programs."""
    stage = Stage(longest_outage=600)
    client = stage.client()
    for _ in range(11):
        client.reconnect()
        client.look_in_vain(outcome=Outcome.LOST, status=None)
        client.pause(60)
    assert stage.found(is_end=False) == {"C7": "warn"}


@pytest.mark.parametrize("reconnects", [False, True])
def test_an_answer_that_counts_ends_the_row(reconnects: bool) -> None:
    """Failures that are far apart are many outages and not one; whatever connection the answer came on."""
    stage = Stage(failures_in_a_row=20, longest_outage=600)
    client = stage.client()
    for _ in range(50):
        client.look_in_vain(status=502)
        if reconnects:
            client.reconnect()
        client.look("running")
        client.pause(60)
    assert stage.found(is_end=False) == {}


def test_what_is_refused_again_and_again_is_repeated_for_nothing() -> None:
    """The same request with the same key."""
    stage = Stage()
    client = stage.client()
    for _ in range(12):
        client.look_in_vain(status=401)
        client.pause(5)
    (finding,) = stage.verdict(is_end=False).findings
    (case,) = finding.shown
    assert (finding.rule, finding.severity.value, case.what) == (
        "C8",
        "warn",
        "was refused the same 12 times in a row, with 401",
    )


@pytest.mark.parametrize(("status", "advice"), [(400, "says what is wrong"), (401, "new key"), (404, "Wait for")])
def test_what_to_do_depends_on_the_refusal(status: int, advice: str) -> None:
    """Nobody is told of keys whose request was wrong."""
    stage = Stage()
    client = stage.client()
    for _ in range(50):
        client.look_in_vain(status=status)
        client.pause(5)
    (finding,) = stage.verdict(is_end=False).findings
    told = [words for words in ("says what is wrong", "new key", "Wait for") if words in finding.remedy]
    assert told == [advice]


def test_refusals_of_several_kinds_are_told_all_that_there_is_to_do() -> None:
    """As the rule's page does."""
    stage = Stage()
    client = stage.client()
    for status in (400, 401):
        for _ in range(10):
            client.look_in_vain(status=status)
            client.pause(5)
    (finding,) = stage.verdict(is_end=False).findings
    assert finding.remedy == REPEATED_THE_REFUSED.remedy


@pytest.mark.parametrize("status", [403, 404, 409])
def test_what_may_come_with_time_may_be_asked_for_longer(status: int) -> None:
    """A role, or a job, that is not known everywhere yet."""
    stage = Stage()
    client = stage.client()
    for _ in range(40):
        client.look_in_vain(status=status)
        client.pause(2)
    assert stage.found(is_end=False) == {}


def test_with_another_key_it_is_another_request() -> None:
    """Minted for each request, until the clock of the machine is set right."""
    stage = Stage()
    client = stage.client()
    for number in range(40):
        client.key = str(number).encode()
        client.look_in_vain(status=401)
        client.pause(2)
    assert stage.found(is_end=False) == {}


def test_a_refusal_of_another_kind_begins_a_new_row() -> None:
    """Something has changed in between."""
    stage = Stage()
    client = stage.client()
    for _ in range(20):
        client.look_in_vain(status=400)
        client.look_in_vain(status=404)
        client.pause(2)
    assert stage.found(is_end=False) == {}


def test_the_default_limits_let_the_sdk_time_out_by_itself() -> None:
    """600 s, three times over, as its retries make it."""
    stage = Stage()
    client = stage.client()
    for _ in range(3):
        client.look_in_vain(takes=600.0 + TAKES, outcome=Outcome.HUNG_UP, status=None)
        client.reconnect()
        client.pause(2)
    assert stage.found(is_end=False) == {}
