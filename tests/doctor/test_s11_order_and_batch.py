"""S11: a rollout's score does not depend on the other rollouts in its call."""

import itertools
from dataclasses import replace
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
from tests.doctor.sound_reward_functions import score_number

ORDER_MESSAGE = "A score depends on the order of the rollouts."
ALONE_MESSAGE = "A rollout scores differently alone and with others."
BROKEN_ROLLOUT_MESSAGE = "A score depends on a broken rollout in the same call."
BATCH_FAILURE_MESSAGE = (
    "Calls fail because of the batch: each of their rollouts gets a score alone. A job would end there."
)
INTERMITTENT_FAILURE_MESSAGE = BATCH_FAILURE_MESSAGE.replace("because of the batch", "sometimes")


def score_relative_to_longest(event: list[dict[str, Any]]) -> Any:
    """Score each response by its length as a share of the longest."""
    longest = max(len(str(response_of(element))) for element in event)
    return handler_for(lambda element: len(str(response_of(element))) / longest)(event)


def score_by_position(event: list[dict[str, Any]]) -> Any:
    """Score each response by its position in the call."""
    positions = itertools.count()
    return handler_for(lambda _element: next(positions) / 8)(event)


def score_zero_beside_null(event: list[dict[str, Any]]) -> Any:
    """Score all responses 0 when one of them is null."""
    has_null = any(element["messages"][-1]["content"] is None for element in event)
    return handler_for(lambda element: 0.0 if has_null else len(response_of(element)) % 3)(event)


@pytest.mark.parametrize("has_references", [True, False])
def test_rollouts_that_are_scored_one_by_one_are_ok(has_references: bool, sums: tuple[Record, ...]) -> None:
    """Without right answers, rollouts of the base model are scored."""
    records = sums if has_references else tuple(replace(record, fields={}) for record in sums)
    context = probe_context(handler_for(lambda element: len(response_of(element)) % 5), records)
    (finding,) = check_order_and_batch(context)
    assert (finding.probe, finding.severity, finding.value) == ("S11", Severity.OK, 0.0)


@pytest.mark.parametrize(
    ("handler", "messages"),
    [
        pytest.param(score_relative_to_longest, {ORDER_MESSAGE, ALONE_MESSAGE}, id="relative to the batch"),
        pytest.param(score_by_position, {ORDER_MESSAGE, ALONE_MESSAGE, BROKEN_ROLLOUT_MESSAGE}, id="by position"),
        pytest.param(score_zero_beside_null, {BROKEN_ROLLOUT_MESSAGE}, id="a broken rollout"),
    ],
)
def test_dependence_on_the_batch_fails(handler: Handler, messages: set[str], sums: tuple[Record, ...]) -> None:
    """Each kind of dependence has its own message."""
    findings = list(check_order_and_batch(probe_context(handler, sums)))
    assert {(finding.severity, finding.message) for finding in findings} == {
        (Severity.FAIL, message) for message in messages
    }


def test_dependence_on_other_prompts_is_told_from_dependence_on_any_rollout(sums: tuple[Record, ...]) -> None:
    """Every response is compared with the reference of the call's first rollout."""

    def handle(event: list[dict[str, Any]]) -> Any:
        first = event[0]["reference_answer"]
        return handler_for(lambda element: score_number({**element, "reference_answer": first}))(event)

    messages = {finding.message for finding in check_order_and_batch(probe_context(handle, sums))}
    assert "A score depends on rollouts of other prompts in its call: it holds only while a call has one prompt." in (
        messages
    )


def test_noise_is_not_reported_as_batch_dependence(sums: tuple[Record, ...]) -> None:
    """S10 reports it."""
    (finding,) = check_order_and_batch(probe_context(StatefulHandler(lambda calls, _element: float(calls)), sums))
    assert finding.severity is Severity.SKIPPED


def test_a_call_that_fails_now_and_then_is_a_failure(sums: tuple[Record, ...]) -> None:
    """A job would end at that call, although its rollouts got scores alone."""
    calls = itertools.count(1)

    def handle(event: list[dict[str, Any]]) -> Any:
        if next(calls) == 2:
            raise RuntimeError("the connection pool is exhausted")
        return handler_for(lambda _element: 1.0)(event)

    context = probe_context(handle, sums)
    assert {result.score for result in (*context.right_results, *context.wrong_results)} == {1.0}
    (finding,) = check_order_and_batch(context)
    assert (finding.severity, finding.message, finding.value) == (Severity.FAIL, INTERMITTENT_FAILURE_MESSAGE, 1.0)
    assert finding.examples[0].note == "alone; in a call with 7 others: RuntimeError: the connection pool is exhausted"


def test_a_call_that_fails_again_is_reported_as_a_failure_of_the_batch(sums: tuple[Record, ...]) -> None:
    """This function accepts one rollout at a time."""

    def handle(event: list[dict[str, Any]]) -> Any:
        (element,) = event
        return handler_for(lambda _element: 1.0)([element])

    (finding,) = check_order_and_batch(probe_context(handle, sums))
    assert (finding.severity, finding.message) == (Severity.FAIL, BATCH_FAILURE_MESSAGE)


def test_a_throttled_call_is_not_reported_against_the_function(sums: tuple[Record, ...]) -> None:
    """Lambda rejected it."""

    class Busy(FakeRewardFunction):
        def invoke(self, event: bytes) -> Invocation:
            if self.calls == 3:
                self.calls += 1
                raise Throttled(reason=Throttled.RESERVED_CONCURRENCY)
            return super().invoke(event)

    (finding,) = check_order_and_batch(probe_context(Busy(handler_for(lambda _element: 1.0)), sums))
    assert finding.severity is Severity.OK


def test_a_call_that_fails_on_a_broken_rollout_is_left_to_s14(sums: tuple[Record, ...]) -> None:
    """S11 compares only scores."""
    (finding,) = check_order_and_batch(
        probe_context(handler_for(lambda element: float(len(element["messages"][-1]["content"]) % 3)), sums)
    )
    assert finding.severity is Severity.OK
