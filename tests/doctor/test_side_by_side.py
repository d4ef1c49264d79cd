"""Calls of a slow function that are made side by side: the same results, in far fewer rounds."""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import pytest

from simulator.doctor.call_mode import CallMode, open_calls
from simulator.doctor.doctor_report import DoctorReport
from simulator.doctor.executors import InlineExecutor
from simulator.doctor.first_calls import FirstCalls
from simulator.doctor.plan import BRIEF
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probe_runner import collect_calls, run_probes
from simulator.doctor.probes.registry import STATIC_PROBES
from simulator.doctor.report.golden import golden_from_report
from simulator.doctor.reward_function import RewardFunction
from simulator.doctor.run_budget import BudgetUsedUpError, RunBudget
from simulator.doctor.side_by_side import (
    CallStore,
    KeptStateError,
    SideBySideCalls,
    guess_scores,
    key_of,
    replayed,
)
from simulator.lambdas.function import Invocation
from simulator.settings import Settings
from simulator.training.dataset import Record
from simulator.training.hyperparameters import Hyperparameters
from tests.doctor.fake_reward_functions import FakeRewardFunction, StatefulHandler, handler_for, response_of
from tests.doctor.sound_reward_functions import score_number

NO_GUESS = guess_scores(())


class CountingExecutor(InlineExecutor):
    """Makes one call at a time, and counts how many it was given at once."""

    def __init__(self) -> None:
        self.waves: list[int] = []

    def map(self, fn: Callable[..., Any], *iterables: Any, **options: Any) -> Iterator[Any]:
        """Count the calls of a wave."""
        arguments = list(zip(*iterables, strict=False))
        self.waves.append(len(arguments))
        return super().map(fn, *zip(*arguments, strict=True), **options)


def event(text: str) -> bytes:
    """Return an event with one response."""
    return json.dumps([{"id": "train-1-line-1-rollout-0", "messages": [{"content": text}]}]).encode()


def scores_of(invocation: Invocation) -> list[float]:
    """Return the scores of a response."""
    return [item["aggregate_reward_score"] for item in json.loads(invocation.payload)]


@contextmanager
def calls_of(
    function: RewardFunction, executor: Executor, *, concurrency: int = 8, seconds: float = 4.0
) -> Iterator[tuple[RewardFunction, CallStore, SideBySideCalls]]:
    """Provide a function with a store, and what makes its calls."""
    store = CallStore(guess=NO_GUESS, function=key_of(function))
    yield (
        replayed(function, store),
        store,
        SideBySideCalls(store=store, executor=executor, concurrency=concurrency, alone_seconds=seconds),
    )


@pytest.mark.slow
def test_the_report_is_that_of_calls_one_after_the_other(sums: tuple[Record, ...]) -> None:
    """With all findings, scores and the number of calls, for a function that keeps nothing."""

    def report(function: RewardFunction, mode: CallMode) -> DoctorReport:
        return run_probes(
            context_of(mode, sums), data_name="train.jsonl", data_sha256="00", static_probes=STATIC_PROBES
        )

    alone = FakeRewardFunction(handler_for(score_number))
    expected = report(alone, CallMode(function=alone))
    slow = FakeRewardFunction(handler_for(score_number))
    with open_calls(
        slow,
        FirstCalls(seconds=4.0),
        budget=RunBudget(seconds=60.0),
        concurrency=None,
        collect=lambda mode, on_probe: collect_calls(
            context_of(mode, sums), STATIC_PROBES, only=frozenset(), on_probe=on_probe
        ),
        on_calls=lambda _done, _total: None,
    ) as mode:
        before = slow.calls
        actual = report(slow, mode)
    assert (measured_by(actual), slow.calls - before) == (measured_by(expected), 0)


def measured_by(report: DoctorReport) -> tuple[Any, ...]:
    """Return what a report measured."""
    return report.findings, golden_from_report(report), report.headline, report.call_count


def context_of(mode: CallMode, records: Sequence[Record]) -> ProbeContext:
    """Return the context of a brief plan."""
    return ProbeContext(
        reward_function=mode.function,
        records=records,
        settings=Settings(),
        model="openai.gpt-oss-20b",
        hyperparameters=Hyperparameters(),
        row_count=BRIEF.rows,
        concurrency=mode.concurrency,
        executor=mode.executor,
        plan=BRIEF,
        replays=mode.replays,
        first_seconds=4.0,
    )


def test_calls_are_made_in_waves() -> None:
    """The first wave is small, and two of its calls are repeated in the second one."""
    executor = CountingExecutor()
    function = FakeRewardFunction(handler_for(lambda element: float(len(response_of(element)))), duration_ms=4_000)
    with calls_of(function, executor, concurrency=16) as (fast, store, calls):
        calls.make_all(lambda: [fast.invoke(event("x" * length)) for length in range(40)])
        store.start_pass(collects=False)
        scores = [scores_of(fast.invoke(event("x" * length))) for length in range(40)]
    assert (executor.waves, scores) == ([8, 16, 16, 4], [[float(length)] for length in range(40)])


def test_calls_that_depend_on_an_answer_are_collected_in_the_next_pass() -> None:
    """Until nothing new is asked."""
    function = FakeRewardFunction(handler_for(lambda element: float(response_of(element)) + 1))
    asked: list[list[float]] = []

    def count_up() -> None:
        numbers = [0.0]
        for _ in range(3):
            (number,) = scores_of(fast.invoke(event(str(numbers[-1]))))
            numbers.append(number)
        asked.append(numbers)

    with calls_of(function, InlineExecutor()) as (fast, store, calls):
        calls.make_all(count_up)
        store.start_pass(collects=False)
        count_up()
    assert (asked[0], asked[-1]) == ([0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 2.0, 3.0])


def test_calls_that_hinder_each_other_are_made_in_smaller_waves() -> None:
    """Eight at once took four times as long, so two at once are enough."""
    executor = CountingExecutor()
    function = FakeRewardFunction(handler_for(lambda _element: 1.0), duration_ms=16_000)
    with calls_of(function, executor, concurrency=16, seconds=4.0) as (fast, _store, calls):
        calls.make_all(lambda: [fast.invoke(event(str(number))) for number in range(12)])
    assert executor.waves == [8, 3, 2, 2, 1]


@pytest.mark.parametrize(
    ("handler", "keeps"),
    [
        pytest.param(StatefulHandler(lambda calls, _element: float(calls)), False, id="two calls never agree: noise"),
        pytest.param(StatefulHandler(lambda calls, _element: float(calls > 3)), True, id="a change after some calls"),
        pytest.param(handler_for(lambda _element: 1.0), False, id="nothing"),
    ],
)
def test_a_function_that_keeps_something_between_calls_is_seen(handler: Any, keeps: bool) -> None:
    """Two events are sent in both orders. If the first one differs at once, it is noise, and S10 reports it."""
    with calls_of(FakeRewardFunction(handler), InlineExecutor()) as (fast, _store, calls):
        if keeps:
            with pytest.raises(KeptStateError):
                calls.make_all(lambda: [fast.invoke(event(text)) for text in "abc"])
        else:
            calls.make_all(lambda: [fast.invoke(event(text)) for text in "abc"])


def test_when_the_time_is_over_the_stored_answers_remain() -> None:
    """The call that was not answered is made in the last pass, which has no time either."""
    numbers = itertools.count(1)

    class LimitedFunction(FakeRewardFunction):
        def invoke(self, event: bytes) -> Invocation:
            if next(numbers) > 9:
                raise BudgetUsedUpError(60.0)
            return super().invoke(event)

    with calls_of(LimitedFunction(handler_for(lambda _element: 1.0)), InlineExecutor()) as (fast, store, calls):
        calls.make_all(lambda: [fast.invoke(event(str(number))) for number in range(9)])
        store.start_pass(collects=False)
        answered = [scores_of(fast.invoke(event(str(number)))) for number in range(6)]
        with pytest.raises(BudgetUsedUpError):
            fast.invoke(event("8"))
    assert answered == [[1.0]] * 6
