"""Waiting, and giving up."""

from __future__ import annotations

import httpx2
import openai
import pytest

from client.errors import Unreachable
from client.retry_policy import (
    FailureStreak,
    PollInterval,
    RetryAfterGate,
    RetryPolicy,
    TransientFailure,
    call_with_retry,
    retry_after_seconds,
    transient_reason,
)
from tests.client.conftest import FakeClock

RETRY_POLICY = RetryPolicy(first_delay=1.0, longest_delay=8.0, give_up_after=60.0)
REQUEST = httpx2.Request("GET", "http://127.0.0.1:9/v1/files")


def make_status_error(status: int, **headers: str) -> openai.APIStatusError:
    """An error as the SDK raises it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return openai.APIStatusError("no", response=httpx2.Response(status, headers=named, request=REQUEST), body=None)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (make_status_error(429), "the service asks to slow down (429)"),
        (make_status_error(408), "the service answered 408"),
        (make_status_error(503), "the service answered 503"),
        (openai.APITimeoutError(REQUEST), "no answer in time"),
        (openai.APIConnectionError(request=REQUEST), "no connection (Connection error.)"),
        (make_status_error(400), None),
        (make_status_error(401), None),
        (make_status_error(404), None),
        (make_status_error(500, x_should_retry="false"), None),
        (ValueError("a bug"), None),
    ],
)
def test_only_transient_failures_are_retried(error: Exception, reason: str | None) -> None:
    """Throttling, server errors and a bad line pass; a refusal does not."""
    assert transient_reason(error) == reason


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after": "Sat, 21 Nov 2026 20:00:30 GMT", "date": "Sat, 21 Nov 2026 20:00:00 GMT"}, 30.0),
        ({"retry_after": "Sat, 21 Nov 2026 20:00:30 GMT"}, None),
        ({"retry_after": "soon"}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds and dates are understood; a date only against the server's own."""
    assert retry_after_seconds(make_status_error(429, **headers)) == seconds


def test_pauses_double_up_to_the_longest() -> None:
    """Without a word from the server, pauses grow to a limit."""
    assert [RETRY_POLICY.delay(attempt=attempt, retry_after=None) for attempt in range(1, 7)] == [1, 2, 4, 8, 8, 8]


def test_server_may_ask_for_longer() -> None:
    """Retry-After wins when it is longer than our own pause."""
    assert [RETRY_POLICY.delay(attempt=1, retry_after=asked) for asked in (0.1, 20.0)] == [1.0, 20.0]


def test_retry_after_beyond_the_budget_gives_up() -> None:
    """To ask before would be rude, and to wait so long is for the user to decide."""
    streak = FailureStreak(retry_policy=RETRY_POLICY, clock=FakeClock().as_client_clock)
    with pytest.raises(Unreachable, match=r"slow down \(429\), and wants to be left alone for 4000 s"):
        streak.record(make_status_error(429, retry_after="4000"))


def test_retry_after_holds_for_all_threads(clock: FakeClock) -> None:
    """Until the latest time that anybody was told."""
    quiet = RetryAfterGate(retry_policy=RETRY_POLICY, clock=clock.as_client_clock)
    quiet.wait()
    quiet.record(make_status_error(429, retry_after="5"))
    quiet.record(make_status_error(503, retry_after="3"))
    quiet.record(make_status_error(500))
    quiet.wait()
    assert (clock.delays, clock.seconds) == ([5.0], 5.0)


def test_threads_do_not_sleep_through_a_delay_beyond_the_budget(clock: FakeClock) -> None:
    """Not the next call, nor another thread's; once the time that is left is bearable, it is waited out."""
    quiet = RetryAfterGate(retry_policy=RETRY_POLICY, clock=clock.as_client_clock)
    quiet.record(make_status_error(429, retry_after="7200"))
    with pytest.raises(Unreachable, match=r"left alone for another 7200 s"):
        quiet.wait()
    assert clock.delays == []
    clock.seconds = 7_150.0
    quiet.wait()
    assert clock.delays == [50.0]


def test_call_with_retry_succeeds_in_the_end(clock: FakeClock, notices: list[str]) -> None:
    """Two failures that pass cost two pauses, each said."""
    errors = iter([make_status_error(503), make_status_error(429, retry_after="5")])

    def call() -> str:
        for error in errors:
            raise error
        return "done"

    result = call_with_retry(call, retry_policy=RETRY_POLICY, clock=clock.as_client_clock, notify=notices.append)
    assert (result, clock.delays, notices) == (
        "done",
        [1.0, 5.0],
        [
            "the service answered 503; trying again in 1 s.",
            "the service asks to slow down (429); trying again in 5 s.",
        ],
    )


def test_call_with_retry_gives_up(clock: FakeClock, notices: list[str]) -> None:
    """Unbroken failure ends after the set time, not later than one pause past it."""

    def call() -> None:
        raise make_status_error(500)

    with pytest.raises(Unreachable, match=r"Gave up after 63 s .* the service answered 500"):
        call_with_retry(call, retry_policy=RETRY_POLICY, clock=clock.as_client_clock, notify=notices.append)


def test_long_outage_is_reported_at_powers_of_two() -> None:
    """Failures 1, 2, 4, 8 ... in a row are said."""
    told = [n for n in range(1, 40) if TransientFailure(reason="", delay=1.0, attempt=n).should_report]
    assert told == [1, 2, 4, 8, 16, 32]


def test_poll_interval_follows_changes() -> None:
    """Silence stretches the pause to its longest, news shortens it to its first."""
    rhythm = PollInterval(shortest=0.05, longest=1.0)
    pause, pauses = rhythm.shortest, []
    for news in [False] * 8 + [True] * 6:
        pause = rhythm.next_delay(pause, has_changes=news)
        pauses.append(round(pause, 3))
    assert pauses == [0.075, 0.113, 0.169, 0.253, 0.38, 0.57, 0.854, 1.0, 0.5, 0.25, 0.125, 0.062, 0.05, 0.05]


def make_connection_refused_error() -> openai.APIConnectionError:
    """As the SDK raises it where nobody listens: the reason is some causes down."""
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = httpx2.ConnectError("no")
    error.__cause__.__cause__ = ConnectionRefusedError()
    return error


SHORT_RETRY_POLICY = RetryPolicy(first_delay=0.1, longest_delay=2.0, give_up_after=60.0, give_up_after_refused=2.0)


def test_closed_port_is_not_waited_for(clock: FakeClock) -> None:
    """Where nothing ever answered, two seconds are enough, and the address is named."""
    with pytest.raises(Unreachable, match=r"Nothing listens at http://127\.0\.0\.1:9\.") as caught:
        call_with_retry(
            call_closed_port, retry_policy=SHORT_RETRY_POLICY, clock=clock.as_client_clock, notify=lambda _: None
        )
    assert caught.value.next_step == "Start it: rft-sim serve --port 9"
    assert clock.seconds < 2.0


def test_port_that_answered_before_is_waited_for(clock: FakeClock) -> None:
    """A simulator that is started again during a watch is found again."""
    streak = FailureStreak(retry_policy=SHORT_RETRY_POLICY, clock=clock.as_client_clock)
    streak.reset()
    while clock.seconds < 50.0:
        clock.sleep(streak.record(make_connection_refused_error()).delay)


def call_closed_port() -> None:
    """A call to nobody."""
    raise make_connection_refused_error()
