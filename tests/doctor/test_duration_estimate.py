"""How long a visit is going to take: told once, when its first calls were slow."""

from dataclasses import replace

import pytest

from simulator.doctor.duration_estimate import DurationEstimate
from simulator.doctor.invocation import Call
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for

INVOCATION = FakeRewardFunction(handler_for(lambda _element: 1.0)).invoke(b"[]")


def warnings_after(outlook: DurationEstimate, *seconds: float | None) -> list[str]:
    """Return what is told after calls of these durations; None was not run."""
    return [
        outlook.record_call(
            Call(
                ids=(),
                event=b"[]",
                invocation=None if took is None else replace(INVOCATION, duration_ms=1e3 * took),
            )
        )
        for took in seconds
    ]


def test_a_long_visit_is_told_once_with_the_ways_out() -> None:
    """After three calls, by the middle one: the first loads what the function needs."""
    outlook = DurationEstimate(calls=2_103, training_calls=1_700)
    said = warnings_after(outlook, 9.0, None, 1.0, 1.0, 1.0, 1.0)
    assert [bool(text) for text in said] == [False, False, False, True, False, False]
    assert said[3] == (
        "A call takes about 1 s, so this visit may take 35 minutes. --rows 8 asks less; --no-training leaves out about "
        "1,700 of 2,103 calls; --concurrency N makes N calls at once, if the function keeps nothing between them."
    )


@pytest.mark.parametrize(
    ("outlook", "seconds"),
    [
        pytest.param(DurationEstimate(calls=2_000, training_calls=1_600), 0.05, id="fast calls"),
        pytest.param(DurationEstimate(calls=100, training_calls=0), 1.0, id="few calls"),
        pytest.param(DurationEstimate(calls=1_000, training_calls=0, concurrency=16), 1.0, id="many at once"),
    ],
)
def test_a_visit_of_two_minutes_is_not_worth_a_word(outlook: DurationEstimate, seconds: float) -> None:
    """Neither fast calls nor few."""
    assert warnings_after(outlook, *[seconds] * 5) == [""] * 5


def test_only_ways_out_that_are_left_are_named() -> None:
    """Nothing is rehearsed, and few rows are asked about."""
    said = warnings_after(DurationEstimate(calls=300, training_calls=0, rows=8), *[2.0] * 3)[-1]
    assert ("--rows" in said, "--no-training" in said, "--concurrency" in said) == (False, False, True)
