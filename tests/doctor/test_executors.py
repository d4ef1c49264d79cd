"""Executors: results come in order, and closing never waits for a running call."""

import threading
from concurrent.futures import Executor

import pytest

from simulator.doctor.executors import DaemonThreadExecutor, InlineExecutor, create_executor
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for, probe_context, response_of


@pytest.fixture(params=[1, 3])
def executor(request: pytest.FixtureRequest) -> Executor:
    """One call at a time, or three at once."""
    return create_executor(request.param)


def test_results_come_in_order(executor: Executor) -> None:
    """Whichever call ends first."""
    with executor:
        assert list(executor.map(str.upper, "abcdefgh")) == list("ABCDEFGH")


def test_an_exception_of_a_call_is_raised_by_its_result(executor: Executor) -> None:
    """The other calls keep their results."""
    with executor:
        futures = [executor.submit(divmod, 7, by) for by in (2, 0, 3)]
        assert (futures[0].result(), futures[2].result()) == ((3, 1), (2, 1))
        with pytest.raises(ZeroDivisionError):
            futures[1].result()


def test_an_interrupt_propagates_from_an_inline_call() -> None:
    """It is not stored as the result of the call."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), InlineExecutor() as executor:
        executor.submit(interrupted)


def test_closing_does_not_wait_for_a_hanging_call() -> None:
    """The block ends while the call is still running."""
    started, may_end = threading.Event(), threading.Event()

    def hang() -> bool:
        started.set()
        return may_end.wait(60)

    with DaemonThreadExecutor(2) as executor:
        future = executor.submit(hang)
        started.wait(60)
    assert not future.done()
    may_end.set()
    assert future.result(60)


def test_concurrent_calls_return_results_in_order(sums: tuple[Record, ...]) -> None:
    """No call returns before three have started. Each rollout gets the score of its own text."""
    barrier = threading.Barrier(3, timeout=60)

    def handle(event: list[dict[str, object]]) -> object:
        barrier.wait()
        return handler_for(lambda element: len(response_of(element)))(event)

    with create_executor(3) as executor:
        context = probe_context(FakeRewardFunction(handle), sums, row_count=24, executor=executor, concurrency=3)
        assert [result.score for result in context.right_results] == [len(row.right_response) for row in context.rows]
