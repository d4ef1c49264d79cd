"""S10 and S11: the same rollout scores the same."""

import itertools
from dataclasses import replace
from typing import Any

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s10_determinism import check_determinism
from simulator.doctor.probes.static.s11_order_and_batch import check_order_and_batch
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import (
    FakeRewardFunction,
    StatefulHandler,
    handler_for,
    probe_context,
    response_of,
)


def test_a_deterministic_function_is_ok(sums: tuple[Record, ...]) -> None:
    """The same score at every time: S10 has nothing to say."""
    (finding,) = check_determinism(probe_context(handler_for(lambda element: len(response_of(element)) % 2), sums))
    assert (finding.probe, finding.severity, finding.value) == ("S10", Severity.OK, 0.0)


def test_a_score_that_changes_at_once_is_shown_with_both_values(sums: tuple[Record, ...]) -> None:
    """A score that alternates from call to call: the exhibit holds what the rollout scored first and what then."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: calls % 3 / 2), sums))
    assert (finding.severity, finding.message, finding.value) == (
        Severity.FAIL,
        "The same rollout scores differently when it is scored again.",
        1.0,
    )
    assert "standard deviation" in finding.measured
    assert finding.examples[0].note.startswith("then ")


def test_little_noise_is_a_warning(sums: tuple[Record, ...]) -> None:
    """Below the large noise training still finds its way."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: calls % 3 / 100), sums))
    assert (finding.severity, finding.value) == (Severity.WARN, 0.02)


def test_noise_that_comes_seldom_is_met_by_repeating_a_call(sums: tuple[Record, ...]) -> None:
    """The first six calls are three scorings of eight right and eight wrong answers; one of the ten after differs."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: float(calls == 12)), sums))
    assert (finding.severity, finding.value) == (Severity.FAIL, 1.0)


def test_a_rollout_that_is_scored_one_time_only_fails(sums: tuple[Record, ...]) -> None:
    """It is no noise in a score, but no score at all."""

    def fail(calls: int, _element: dict[str, Any]) -> float:
        if calls >= 5:
            raise RuntimeError("too many calls")
        return 1.0

    (finding,) = check_determinism(probe_context(StatefulHandler(fail), sums))
    assert (finding.severity, finding.message, finding.measured.partition(",")[0]) == (
        Severity.FAIL,
        "The same rollout is scored one time and not another.",
        "16 of 16 without a score",
    )
    assert finding.examples[0].note == "then no score: RuntimeError: too many calls"


def test_a_call_that_fails_in_a_fresh_environment_fails(sums: tuple[Record, ...]) -> None:
    """It failed at first too, and its rollouts were scored when they were asked alone: that must not hide it."""
    calls = itertools.count()

    def fail(event: list[dict[str, Any]]) -> Any:
        if next(calls) == 1 or (patient.restarts and len(event) > 1):
            raise RuntimeError("not warm yet")
        return handler_for(lambda _element: 1.0)(event)

    patient = FakeRewardFunction(fail)
    (finding,) = check_determinism(probe_context(patient, sums))
    assert (finding.severity, finding.message, finding.measured) == (
        Severity.FAIL,
        "The same rollout is scored one time and not another.",
        "16 of 16 without a score",
    )


def test_dependence_on_earlier_calls_is_distinguished_from_noise(sums: tuple[Record, ...]) -> None:
    """The first calls scored 0, all later ones 1: it is steady now, and was not what it is."""
    (finding,) = check_determinism(probe_context(StatefulHandler(lambda calls, _element: float(calls > 2)), sums))
    assert finding.message == "A score depends on what was scored before it: it is not what it was at first."


def test_dependence_on_the_environment_is_found_by_a_restart(sums: tuple[Record, ...]) -> None:
    """What a function remembers is gone with its environment."""
    patient = FakeRewardFunction(handler_for(lambda _element: float(patient.restarts)))
    (finding,) = check_determinism(probe_context(patient, sums))
    assert finding.message == "A score changes in a fresh environment: the function remembers something."


def test_dependence_on_the_rollout_id_is_found(sums: tuple[Record, ...]) -> None:
    """The id says nothing of the answer."""
    (finding,) = check_determinism(probe_context(handler_for(lambda element: len(element["id"]) / 100), sums))
    assert finding.message == "A score depends on the rollout's id."


def test_a_function_without_a_score_is_not_measured(sums: tuple[Record, ...]) -> None:
    """There is nothing to compare, and that is no steadiness."""

    def fail(_element: dict[str, Any]) -> float:
        raise ValueError("no")

    (finding,) = check_determinism(probe_context(handler_for(fail), sums, row_count=4))
    assert finding.severity is Severity.SKIPPED


def test_rows_without_a_known_answer_are_asked_about_with_rollouts(sums: tuple[Record, ...]) -> None:
    """Steadiness needs no right answer."""
    nothing_known = tuple(replace(record, fields={}) for record in sums)
    assert [
        next(
            iter(probe(probe_context(handler_for(lambda element: len(response_of(element)) % 7), nothing_known)))
        ).severity
        for probe in (check_determinism, check_order_and_batch)
    ] == [Severity.OK, Severity.OK]
