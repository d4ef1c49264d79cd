"""Delays after failures, and giving up."""

from __future__ import annotations

import pytest

from client.errors import Unreachable
from client.retry_policy import FailureStreak, RetryAfterGate, RetryPolicy, TransientFailure, call_with_retry
from tests.client.conftest import FakeClock
from tests.client.sdk_errors import make_connection_refused_error, make_status_error

RETRY_POLICY = RetryPolicy(first_delay=1.0, longest_delay=8.0, give_up_after=60.0)


def test_the_delay_doubles_up_to_the_longest() -> None:
    """Without a Retry-After."""
    assert [RETRY_POLICY.delay(attempt=attempt, retry_after=None) for attempt in range(1, 7)] == [1, 2, 4, 8, 8, 8]


def test_a_longer_retry_after_replaces_the_delay() -> None:
    """A shorter one does not."""
    assert [RETRY_POLICY.delay(attempt=1, retry_after=seconds) for seconds in (0.1, 20.0)] == [1.0, 20.0]


def test_a_retry_after_beyond_the_limit_gives_up() -> None:
    """The error names the wait; the user decides."""
    streak = FailureStreak(retry_policy=RETRY_POLICY, clock=FakeClock().as_client_clock)
    with pytest.raises(Unreachable, match=r"slow down \(429\), and says to wait 4000 s"):
        streak.record(make_status_error(429, retry_after="4000"))


def test_the_gate_waits_for_the_latest_retry_after(clock: FakeClock) -> None:
    """All threads share the gate."""
    gate = RetryAfterGate(retry_policy=RETRY_POLICY, clock=clock.as_client_clock)
    gate.wait()
    gate.record(make_status_error(429, retry_after="5"))
    gate.record(make_status_error(503, retry_after="3"))
    gate.record(make_status_error(500))
    gate.wait()
    assert (clock.delays, clock.seconds) == ([5.0], 5.0)


def test_the_gate_refuses_a_wait_beyond_the_limit(clock: FakeClock) -> None:
    """As long as the remaining time exceeds the limit; then it waits."""
    gate = RetryAfterGate(retry_policy=RETRY_POLICY, clock=clock.as_client_clock)
    gate.record(make_status_error(429, retry_after="7200"))
    with pytest.raises(Unreachable, match=r"said to wait another 7200 s"):
        gate.wait()
    assert clock.delays == []
    clock.seconds = 7_150.0
    gate.wait()
    assert clock.delays == [50.0]


def test_call_with_retry_succeeds_in_the_end(clock: FakeClock, notices: list[str]) -> None:
    """After two transient failures with their delays and notices."""
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
    """At most one delay after the limit."""

    def call() -> None:
        raise make_status_error(500)

    with pytest.raises(Unreachable, match=r"Gave up after 63 s .* the service answered 500"):
        call_with_retry(call, retry_policy=RETRY_POLICY, clock=clock.as_client_clock, notify=notices.append)


def test_only_failures_at_powers_of_two_are_reported() -> None:
    """So that the log of a long outage stays short."""
    reported = [n for n in range(1, 40) if TransientFailure(reason="", delay=1.0, attempt=n).should_report]
    assert reported == [1, 2, 4, 8, 16, 32]


SHORT_RETRY_POLICY = RetryPolicy(first_delay=0.1, longest_delay=2.0, give_up_after=60.0, give_up_after_refused=2.0)


def test_a_port_that_never_answered_is_given_up_after_2_seconds(clock: FakeClock) -> None:
    """The error names the address."""
    with pytest.raises(Unreachable, match=r"Nothing listens at http://127\.0\.0\.1:9\.") as exc_info:
        call_with_retry(
            call_closed_port, retry_policy=SHORT_RETRY_POLICY, clock=clock.as_client_clock, notify=lambda _: None
        )
    assert exc_info.value.next_step == "Start it: rft-sim serve --port 9"
    assert clock.seconds < 2.0


def test_a_port_that_answered_before_is_retried_longer(clock: FakeClock) -> None:
    """A simulator may restart during a watch."""
    streak = FailureStreak(retry_policy=SHORT_RETRY_POLICY, clock=clock.as_client_clock)
    streak.reset()
    while clock.seconds < 50.0:
        clock.sleep(streak.record(make_connection_refused_error()).delay)


def call_closed_port() -> None:
    """Fail like a call to a closed port."""
    raise make_connection_refused_error()
