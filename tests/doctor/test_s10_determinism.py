"""S10 and S11: the same rollout scores the same."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s10_determinism import check_determinism, check_order_and_batch
from simulator.lambdas.errors import Throttled
from simulator.lambdas.function import Invocation
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import FakeRewardFunction, Handler, handler_for, probe_context, response_of


class StatefulHandler:
    """A handler that knows how many calls it has answered since it was restarted."""

    def __init__(self, score: Callable[[int, dict[str, Any]], float]) -> None:
        self.calls = 0
        self._score = score

    def __call__(self, event: list[dict[str, Any]]) -> Any:
        """Count the call and score its elements."""
        self.calls += 1
        return handler_for(lambda element: self._score(self.calls, element))(event)


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


def test_rollouts_that_are_scored_each_by_itself_are_fine(sums: tuple[Record, ...]) -> None:
    """Company changes nothing: S11 has nothing to say."""
    (finding,) = check_order_and_batch(
        probe_context(handler_for(lambda element: len(str(response_of(element))) % 5), sums)
    )
    assert (finding.probe, finding.severity, finding.value) == ("S11", Severity.OK, 0.0)


def _share_of_the_longest(event: list[dict[str, Any]]) -> Any:
    longest = max(len(str(response_of(element))) for element in event)
    return handler_for(lambda element: len(str(response_of(element))) / longest)(event)


def _by_position(event: list[dict[str, Any]]) -> Any:
    places = itertools.count()
    return handler_for(lambda _element: next(places) / 8)(event)


def _failing_handler(event: list[dict[str, Any]]) -> Any:
    broken = any(element["messages"][-1]["content"] is None for element in event)
    return handler_for(lambda element: 0.0 if broken else len(response_of(element)) % 3)(event)


ORDER_MESSAGE = "A score depends on the order of the rollouts."
ALONE_MESSAGE = "A rollout scores otherwise alone than together with others."
BROKEN_ROLLOUT_MESSAGE = "A score depends on a broken rollout beside it."


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        pytest.param(_share_of_the_longest, {ORDER_MESSAGE, ALONE_MESSAGE}, id="relative to the batch"),
        pytest.param(_by_position, {ORDER_MESSAGE, ALONE_MESSAGE, BROKEN_ROLLOUT_MESSAGE}, id="by position"),
        pytest.param(_failing_handler, {BROKEN_ROLLOUT_MESSAGE}, id="a broken neighbour"),
    ],
)
def test_dependence_on_the_batch_fails(handler: Handler, found: set[str], sums: tuple[Record, ...]) -> None:
    """Each kind of company is named."""
    findings = list(check_order_and_batch(probe_context(handler, sums)))
    assert {(finding.severity, finding.message) for finding in findings} == {(Severity.FAIL, what) for what in found}


def test_noise_is_not_reported_as_batch_dependence(sums: tuple[Record, ...]) -> None:
    """S10 says so, once."""
    (finding,) = check_order_and_batch(probe_context(StatefulHandler(lambda calls, _element: float(calls)), sums))
    assert finding.severity is Severity.SKIPPED


BATCH_FAILURE_MESSAGE = (
    "Calls fail in company: their rollouts all score when each is sent alone. A job would have ended there."
)
INTERMITTENT_FAILURE_MESSAGE = BATCH_FAILURE_MESSAGE.replace("in company", "now and then")


def test_an_intermittent_call_failure_is_reported(sums: tuple[Record, ...]) -> None:
    """As `fixtures/graders/fails_on_third_call`: the job would have ended at that call."""
    calls = itertools.count(1)

    def tiring(event: list[dict[str, Any]]) -> Any:
        if next(calls) == 2:
            raise RuntimeError("the connection pool is exhausted")
        return handler_for(lambda _element: 1.0)(event)

    exam = probe_context(tiring, sums)
    assert {answer.score for answer in (*exam.right_results, *exam.wrong_results)} == {1.0}
    (finding,) = check_order_and_batch(exam)
    assert (finding.severity, finding.message, finding.value) == (Severity.FAIL, INTERMITTENT_FAILURE_MESSAGE, 1.0)
    assert finding.examples[0].note == "alone; in a call with 7 others: RuntimeError: the connection pool is exhausted"


def test_a_permanent_batch_failure_is_distinguished(sums: tuple[Record, ...]) -> None:
    """A function that can take one rollout at a time: nothing is left to compare, and that is no steadiness."""

    def alone(event: list[dict[str, Any]]) -> Any:
        (element,) = event
        return handler_for(lambda _element: 1.0)([element])

    (finding,) = check_order_and_batch(probe_context(alone, sums))
    assert (finding.severity, finding.message) == (Severity.FAIL, BATCH_FAILURE_MESSAGE)


def test_a_throttled_call_is_not_reported_against_the_function(sums: tuple[Record, ...]) -> None:
    """Throttled: for want of concurrency."""

    class Busy(FakeRewardFunction):
        def invoke(self, event: bytes) -> Invocation:
            if self.calls == 3:
                self.calls += 1
                raise Throttled(reason=Throttled.RESERVED_CONCURRENCY)
            return super().invoke(event)

    (finding,) = check_order_and_batch(probe_context(Busy(handler_for(lambda _element: 1.0)), sums))
    assert finding.severity is Severity.OK


def test_a_call_that_fails_on_a_broken_rollout_is_left_to_s14(sums: tuple[Record, ...]) -> None:
    """S11 looks at those that were scored; that none was is S14's."""
    (finding,) = check_order_and_batch(
        probe_context(handler_for(lambda element: float(len(element["messages"][-1]["content"]) % 3)), sums)
    )
    assert finding.severity is Severity.OK
