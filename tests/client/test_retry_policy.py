"""Waiting, and giving up."""

from __future__ import annotations

import httpx2
import openai
import pytest

from client.errors import Unreachable
from client.retry_policy import Patience, Quiet, Rhythm, Setback, Streak, asked_wait, passing_reason, persist
from tests.client.conftest import Clock

PATIENCE = Patience(first=1.0, longest=8.0, give_up_after=60.0)
REQUEST = httpx2.Request("GET", "http://127.0.0.1:9/v1/files")


def answered(status: int, **headers: str) -> openai.APIStatusError:
    """An error as the SDK raises it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return openai.APIStatusError("no", response=httpx2.Response(status, headers=named, request=REQUEST), body=None)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (answered(429), "the service asks to slow down (429)"),
        (answered(408), "the service answered 408"),
        (answered(503), "the service answered 503"),
        (openai.APITimeoutError(REQUEST), "no answer in time"),
        (openai.APIConnectionError(request=REQUEST), "no connection (Connection error.)"),
        (answered(400), None),
        (answered(401), None),
        (answered(404), None),
        (answered(500, x_should_retry="false"), None),
        (ValueError("a bug"), None),
    ],
)
def test_only_what_may_pass_is_waited_out(error: Exception, reason: str | None) -> None:
    """Throttling, server errors and a bad line pass; a refusal does not."""
    assert passing_reason(error) == reason


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
    assert asked_wait(answered(429, **headers)) == seconds


def test_pauses_double_up_to_the_longest() -> None:
    """Without a word from the server, pauses grow to a limit."""
    assert [PATIENCE.pause(attempt=attempt, asked=None) for attempt in range(1, 7)] == [1, 2, 4, 8, 8, 8]


def test_server_may_ask_for_longer() -> None:
    """Retry-After wins when it is longer than our own pause."""
    assert [PATIENCE.pause(attempt=1, asked=asked) for asked in (0.1, 20.0)] == [1.0, 20.0]


def test_who_asks_for_more_than_our_patience_is_not_asked_again() -> None:
    """To ask before would be rude, and to wait so long is for the user to decide."""
    streak = Streak(patience=PATIENCE, stopwatch=Clock().stopwatch)
    with pytest.raises(Unreachable, match=r"slow down \(429\), and wants to be left alone for 4000 s"):
        streak.setback(answered(429, retry_after="4000"))


def test_what_one_thread_was_told_all_threads_keep(clock: Clock) -> None:
    """Until the latest time that anybody was told."""
    quiet = Quiet(patience=PATIENCE, stopwatch=clock.stopwatch)
    quiet.keep()
    quiet.heed(answered(429, retry_after="5"))
    quiet.heed(answered(503, retry_after="3"))
    quiet.heed(answered(500))
    quiet.keep()
    assert (clock.pauses, clock.seconds) == ([5.0], 5.0)


def test_nobody_sleeps_through_a_wait_at_which_the_client_gives_up(clock: Clock) -> None:
    """Not the next call, nor another thread's; once the time that is left is bearable, it is waited out."""
    quiet = Quiet(patience=PATIENCE, stopwatch=clock.stopwatch)
    quiet.heed(answered(429, retry_after="7200"))
    with pytest.raises(Unreachable, match=r"left alone for another 7200 s"):
        quiet.keep()
    assert clock.pauses == []
    clock.seconds = 7_150.0
    quiet.keep()
    assert clock.pauses == [50.0]


def test_persist_goes_through_in_the_end(clock: Clock, said: list[str]) -> None:
    """Two failures that pass cost two pauses, each said."""
    errors = iter([answered(503), answered(429, retry_after="5")])

    def call() -> str:
        for error in errors:
            raise error
        return "done"

    result = persist(call, patience=PATIENCE, stopwatch=clock.stopwatch, say=said.append)
    assert (result, clock.pauses, said) == (
        "done",
        [1.0, 5.0],
        [
            "the service answered 503; trying again in 1 s.",
            "the service asks to slow down (429); trying again in 5 s.",
        ],
    )


def test_persist_gives_up(clock: Clock, said: list[str]) -> None:
    """Unbroken failure ends after the set time, not later than one pause past it."""

    def call() -> None:
        raise answered(500)

    with pytest.raises(Unreachable, match=r"Gave up after 63 s .* the service answered 500"):
        persist(call, patience=PATIENCE, stopwatch=clock.stopwatch, say=said.append)


def test_long_outage_is_told_in_few_words() -> None:
    """Failures 1, 2, 4, 8 ... in a row are said."""
    told = [n for n in range(1, 40) if Setback(reason="", pause=1.0, attempt=n).worth_saying]
    assert told == [1, 2, 4, 8, 16, 32]


def test_rhythm_follows_the_news() -> None:
    """Silence stretches the pause to its longest, news shortens it to its first."""
    rhythm = Rhythm(first=0.05, longest=1.0)
    pause, pauses = rhythm.first, []
    for news in [False] * 8 + [True] * 6:
        pause = rhythm.after(pause, news=news)
        pauses.append(round(pause, 3))
    assert pauses == [0.075, 0.113, 0.169, 0.253, 0.38, 0.57, 0.854, 1.0, 0.5, 0.25, 0.125, 0.062, 0.05, 0.05]


def refused_connection() -> openai.APIConnectionError:
    """As the SDK raises it where nobody listens: the reason is some causes down."""
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = httpx2.ConnectError("no")
    error.__cause__.__cause__ = ConnectionRefusedError()
    return error


HASTY = Patience(first=0.1, longest=2.0, give_up_after=60.0, give_up_refused_after=2.0)


def test_closed_port_is_not_waited_for(clock: Clock) -> None:
    """Where nothing ever answered, two seconds are enough, and the address is named."""
    with pytest.raises(Unreachable, match=r"Nothing listens at http://127\.0\.0\.1:9\.") as caught:
        persist(refusing, patience=HASTY, stopwatch=clock.stopwatch, say=lambda _: None)
    assert caught.value.next_step == "Start it: rft-sim serve --port 9"
    assert clock.seconds < 2.0


def test_port_that_answered_before_is_waited_for(clock: Clock) -> None:
    """A simulator that is started again during a watch is found again."""
    streak = Streak(patience=HASTY, stopwatch=clock.stopwatch)
    streak.broken()
    while clock.seconds < 50.0:
        clock.sleep(streak.setback(refused_connection()).pause)


def refusing() -> None:
    """A call to nobody."""
    raise refused_connection()
