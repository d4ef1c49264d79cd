"""S11: the order of rollouts and the other rollouts in a call."""

import itertools
from typing import Any

import pytest

from simulator.doctor.finding import Severity
from simulator.doctor.probes.static.s11_order_and_batch import check_order_and_batch
from simulator.lambdas.errors import Throttled
from simulator.lambdas.function import Invocation
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import (
    FakeRewardFunction,
    Handler,
    StatefulHandler,
    handler_for,
    probe_context,
    response_of,
)


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
