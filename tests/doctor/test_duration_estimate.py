"""The warning of a long doctor run."""

from dataclasses import replace

import pytest

from simulator.doctor.duration_estimate import DurationEstimate
from simulator.doctor.invocation import Call
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for

INVOCATION = FakeRewardFunction(handler_for(lambda _element: 1.0)).invoke(b"[]")


def warnings_after(estimate: DurationEstimate, *seconds: float | None) -> list[str]:
    """Return the warning after each call of these durations. None is a call that did not run."""
    return [
        estimate.record_call(
            Call(
                ids=(),
                event=b"[]",
                invocation=None if duration is None else replace(INVOCATION, duration_ms=1e3 * duration),
            )
        )
        for duration in seconds
    ]


def test_a_long_run_has_one_warning_with_options() -> None:
    """After three calls, from their median, because the first is a cold start."""
    estimate = DurationEstimate(calls=2_103, training_calls=1_700)
    warnings = warnings_after(estimate, 9.0, None, 1.0, 1.0, 1.0, 1.0)
    assert [bool(text) for text in warnings] == [False, False, False, True, False, False]
    assert warnings[3] == (
        "A call takes about 1 s, so the doctor may run 35 minutes. --rows 8 makes fewer calls; --no-training saves "
        "about 1,700 of 2,103 calls; --concurrency N makes N calls at once, if the function keeps no state between "
        "them."
    )


@pytest.mark.parametrize(
    ("estimate", "seconds"),
    [
        pytest.param(DurationEstimate(calls=2_000, training_calls=1_600), 0.05, id="fast calls"),
        pytest.param(DurationEstimate(calls=100, training_calls=0), 1.0, id="few calls"),
        pytest.param(DurationEstimate(calls=1_000, training_calls=0, concurrency=16), 1.0, id="many at once"),
    ],
)
def test_a_run_of_two_minutes_has_no_warning(estimate: DurationEstimate, seconds: float) -> None:
    """With fast calls, few calls or concurrent calls."""
    assert warnings_after(estimate, *[seconds] * 5) == [""] * 5


def test_only_options_that_help_are_named() -> None:
    """There is no training to skip, and --rows is already low."""
    warning = warnings_after(DurationEstimate(calls=300, training_calls=0, rows=8), *[2.0] * 3)[-1]
    assert ("--rows" in warning, "--no-training" in warning, "--concurrency" in warning) == (False, False, True)
