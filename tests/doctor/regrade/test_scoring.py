"""Stored rollouts, scored again."""

import json
from typing import Any

import pytest

from simulator.doctor.preview import render_events
from simulator.doctor.regrade.scoring import regrade_rollouts
from simulator.doctor.regrade.stored_rollouts import StoredRollout, parse_rollouts
from simulator.doctor.timeout_budget import NoScoresError
from simulator.settings import GradingSettings
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for, response_of
from tests.doctor.regrade.stored_samples import StepSamples

GRADING = GradingSettings(concurrency=1)


@pytest.fixture(scope="module")
def rollouts(lines: str) -> tuple[StoredRollout, ...]:
    """The stored rollouts of a job."""
    return parse_rollouts(lines, source="a file")


@pytest.mark.parametrize(
    "grading", [GRADING, GradingSettings(concurrency=1, rollouts_per_call=5, include_reasoning=True)]
)
def test_the_function_receives_the_events_of_the_job(
    steps: list[StepSamples], rollouts: tuple[StoredRollout, ...], grading: GradingSettings
) -> None:
    """Byte for byte: with the old ids, each step in its own calls, and with the reasoning if the job sent it."""
    events: list[bytes] = []

    def record_event(event: list[dict[str, Any]]) -> Any:
        events.append(json.dumps(event, separators=(",", ":")).encode())
        return handler_for(lambda _element: 1.0)(event)

    regrade_rollouts(rollouts, reward_function=FakeRewardFunction(record_event), grading=grading)
    assert events == [
        event
        for split, step, samples in steps
        for event in render_events(samples, split=split, step=step, grading=grading)
    ]


def test_concurrent_calls_keep_the_order_of_the_scores(rollouts: tuple[StoredRollout, ...]) -> None:
    """Each rollout has the score of its own text."""
    rows = regrade_rollouts(
        rollouts,
        reward_function=FakeRewardFunction(handler_for(lambda element: len(response_of(element)))),
        grading=GradingSettings(concurrency=8),
    )
    assert [row.score for row in rows] == [len(rollout.response) for rollout in rollouts]


def test_a_rollout_that_fails_does_not_affect_the_others(rollouts: tuple[StoredRollout, ...]) -> None:
    """Only this one has no score, and has the error."""

    def score(element: dict[str, Any]) -> float:
        if element["id"] == rollouts[40].id:
            raise KeyError("x")
        return 1.0

    rows = regrade_rollouts(rollouts, reward_function=FakeRewardFunction(handler_for(score)), grading=GRADING)
    assert [(index, row.score, row.error) for index, row in enumerate(rows) if row.score != 1.0] == [
        (40, None, "KeyError: 'x'")
    ]


def test_a_function_that_always_fails_raises_its_error(rollouts: tuple[StoredRollout, ...]) -> None:
    """There is nothing to compare."""
    with pytest.raises(NoScoresError, match="KeyError: 'score'"):
        regrade_rollouts(
            rollouts,
            reward_function=FakeRewardFunction(handler_for(lambda element: element["score"])),
            grading=GRADING,
        )
