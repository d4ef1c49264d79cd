"""Calls side by side: in order, one where it is submitted, several without anyone waiting for them."""

import threading
from concurrent.futures import Executor

import pytest

from simulator.doctor.executors import DaemonThreadExecutor, InlineExecutor, create_executor
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import FakeRewardFunction, handler_for, probe_context, response_of


@pytest.fixture(params=[1, 3])
def executor(request: pytest.FixtureRequest) -> Executor:
    """One call after another, or three at once."""
    return create_executor(request.param)


def test_results_come_in_order(executor: Executor) -> None:
    """Whichever is done first."""
    with executor:
        assert list(executor.map(str.upper, "abcdefgh")) == list("ABCDEFGH")


def test_what_a_call_raises_is_raised_where_its_result_is_asked_for(executor: Executor) -> None:
    """The others have theirs."""
    with executor:
        futures = [executor.submit(divmod, 7, by) for by in (2, 0, 3)]
        assert (futures[0].result(), futures[2].result()) == ((3, 1), (2, 1))
        with pytest.raises(ZeroDivisionError):
            futures[1].result()


def test_an_interrupt_propagates_from_an_inline_call() -> None:
    """It is the program's, and no result of the call."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), InlineExecutor() as executor:
        executor.submit(interrupted)


def test_closing_does_not_wait_for_a_hanging_call() -> None:
    """The block ends while the call is still under way."""
    begun, ends = threading.Event(), threading.Event()

    def hang() -> bool:
        begun.set()
        return ends.wait(60)

    with DaemonThreadExecutor(2) as executor:
        future = executor.submit(hang)
        begun.wait(60)
    assert not future.done()
    ends.set()
    assert future.result(60)


def test_concurrent_calls_return_results_in_order(sums: tuple[Record, ...]) -> None:
    """Three calls meet before any of them answers, and each rollout has the score of its own text."""
    meeting = threading.Barrier(3, timeout=60)

    def meet(event: list[dict[str, object]]) -> object:
        meeting.wait()
        return handler_for(lambda element: len(response_of(element)))(event)

    with create_executor(3) as executor:
        exam = probe_context(FakeRewardFunction(meet), sums, row_count=24, executor=executor, concurrency=3)
        assert [answer.score for answer in exam.right_results] == [len(row.right_response) for row in exam.rows]
