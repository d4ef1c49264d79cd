"""Calls side by side: in order, one where it is submitted, several without anyone waiting for them."""

import threading
from concurrent.futures import Executor

import pytest

from simulator.doctor.executors import InPlace, Threads, calling
from simulator.training.dataset import Record
from tests.doctor.fake_reward_functions import Called, answer_of, examination, scoring


@pytest.fixture(params=[1, 3])
def executor(request: pytest.FixtureRequest) -> Executor:
    """One call after another, or three at once."""
    return calling(request.param)


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


def test_a_signal_unwinds_a_call_in_place() -> None:
    """It is the program's, and no result of the call."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), InPlace() as executor:
        executor.submit(interrupted)


def test_nobody_waits_for_a_call_that_hangs() -> None:
    """The block ends while the call is still under way."""
    begun, ends = threading.Event(), threading.Event()

    def hang() -> bool:
        begun.set()
        return ends.wait(60)

    with Threads(2) as executor:
        future = executor.submit(hang)
        begun.wait(60)
    assert not future.done()
    ends.set()
    assert future.result(60)


def test_calls_of_one_question_run_at_once_and_their_answers_are_in_order(sums: tuple[Record, ...]) -> None:
    """Three calls meet before any of them answers, and each rollout has the score of its own text."""
    meeting = threading.Barrier(3, timeout=60)

    def meet(event: list[dict[str, object]]) -> object:
        meeting.wait()
        return scoring(lambda element: len(answer_of(element)))(event)

    with calling(3) as executor:
        exam = examination(Called(meet), sums, rows=24, executor=executor, width=3)
        assert [answer.score for answer in exam.right] == [len(row.perfect) for row in exam.rows]
