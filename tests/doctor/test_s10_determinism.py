"""S10: the same rollout always gets the same score."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s10_determinism import check_determinism
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import (
    FakeRewardFunction,
    StatefulHandler,
    handler_for,
    probe_context,
    response_of,
)


@pytest.mark.parametrize("has_references", [True, False])
def test_a_deterministic_function_is_ok(has_references: bool, sums: tuple[Record, ...]) -> None:
    """Without right answers, rollouts of the base model are repeated."""
    records = sums if has_references else tuple(replace(record, fields={}) for record in sums)
    (finding,) = check_determinism(probe_context(handler_for(lambda element: len(response_of(element)) % 7), records))
    assert (finding.probe, finding.severity, finding.value) == ("S10", Severity.OK, 0.0)


def test_a_score_that_changes_from_call_to_call_fails(sums: tuple[Record, ...]) -> None:
    """The example shows both scores."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: calls % 3 / 2), sums))
    assert (finding.severity, finding.message, finding.value) == (
        Severity.FAIL,
        "The same rollout scores differently when it is scored again.",
        1.0,
    )
    assert "standard deviation" in finding.measured
    assert finding.examples[0].note.startswith("then ")


def test_little_noise_is_a_warning(sums: tuple[Record, ...]) -> None:
    """Training tolerates it."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: calls % 3 / 100), sums))
    assert (finding.severity, finding.value) == (Severity.WARN, 0.02)


def test_rare_noise_is_found_by_repeating_one_call(sums: tuple[Record, ...]) -> None:
    """Calls 1 to 6 score everything three times. One of the ten calls after them differs."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: float(calls == 12)), sums))
    assert (finding.severity, finding.value) == (Severity.FAIL, 1.0)


def test_a_rollout_that_loses_its_score_fails(sums: tuple[Record, ...]) -> None:
    """The example shows the error."""

    def score(calls: int, _element: dict[str, Any]) -> float:
        if calls >= 5:
            raise RuntimeError("too many calls")
        return 1.0

    (finding,) = check_determinism(probe_context(StatefulHandler(score), sums))
    assert (finding.severity, finding.message, finding.measured.partition(",")[0]) == (
        Severity.FAIL,
        "The same rollout has a score in one call and not in another.",
        "16 of 16 without a score",
    )
    assert finding.examples[0].note == "then no score: RuntimeError: too many calls"


def test_a_call_that_fails_only_in_a_fresh_environment_fails(sums: tuple[Record, ...]) -> None:
    """A first call failed too, but its rollouts got scores alone. Repeated calls get no such second chance."""
    calls = itertools.count()

    def handle(event: list[dict[str, Any]]) -> Any:
        if next(calls) == 1 or (reward_function.restarts and len(event) > 1):
            raise RuntimeError("not warm yet")
        return handler_for(lambda _element: 1.0)(event)

    reward_function = FakeRewardFunction(handle)
    (finding,) = check_determinism(probe_context(reward_function, sums))
    assert (finding.severity, finding.message, finding.measured) == (
        Severity.FAIL,
        "The same rollout has a score in one call and not in another.",
        "16 of 16 without a score",
    )


def test_dependence_on_earlier_calls_is_distinguished_from_noise(sums: tuple[Record, ...]) -> None:
    """The first two calls score 0, all later ones 1."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: float(calls > 2)), sums))
    assert finding.message == "A score depends on earlier calls: it differs from the first time."


def test_dependence_on_the_environment_is_found_by_a_restart(sums: tuple[Record, ...]) -> None:
    """A fresh environment has none of the function's state."""
    reward_function = FakeRewardFunction(handler_for(lambda _element: float(reward_function.restarts)))
    (finding,) = check_determinism(probe_context(reward_function, sums))
    assert finding.message == "A score changes in a new environment: the function keeps state between calls."


def test_dependence_on_the_rollout_id_is_found(sums: tuple[Record, ...]) -> None:
    """Here the score is the length of the id."""
    (finding,) = check_determinism(probe_context(handler_for(lambda element: len(element["id"]) / 100), sums))
    assert finding.message == "A score depends on the rollout's id."


def test_a_function_without_scores_is_not_measured(sums: tuple[Record, ...]) -> None:
    """There is nothing to compare."""

    def score(_element: dict[str, Any]) -> float:
        raise ValueError("no")

    (finding,) = check_determinism(probe_context(handler_for(score), sums, row_count=4))
    assert finding.severity is Severity.SKIPPED
