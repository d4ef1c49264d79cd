"""The time of a doctor run: when it is over, and how long one call may take."""

import pytest

from simulator.doctor.run_budget import BudgetUsedUpError, RunBudget
from simulator.lambdas.errors import CallCutOff


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """Return its time."""
        return self.seconds


def test_a_budget_ends_a_little_early_for_the_reports() -> None:
    """Of 60 seconds, 4 are for ending environments and writing files, and less of a small budget."""
    assert [RunBudget(seconds=seconds, clock=Clock()).seconds_left for seconds in (60.0, 20.0)] == [56.0, 18.6]


def test_a_budget_that_is_used_up_says_how_to_get_more() -> None:
    """Before that, nothing happens."""
    clock = Clock()
    budget = RunBudget(seconds=60.0, clock=clock)
    budget.check()
    clock.seconds += 56.0
    with pytest.raises(BudgetUsedUpError) as raised:
        budget.check()
    assert str(raised.value) == "the budget of 60 s is used up; --budget 600 gives more time"


def test_the_first_call_may_use_the_whole_budget_and_later_ones_not() -> None:
    """A call is too long only compared with others. A slow function's calls may vary."""
    budget = RunBudget(seconds=60.0, clock=Clock())
    limits = [(budget.call_limit(), budget.handler_limit())]
    for seconds in (0.01, 2.0):
        budget.record_call(seconds)
        limits.append((budget.call_limit(), budget.handler_limit()))
    assert limits == [(56.0, None), (56.0, 12.0), (56.0, 40.0)]


def test_without_a_limit_no_call_is_cut_off() -> None:
    """As in the benchmark and in other commands."""
    budget = RunBudget()
    budget.record_call(0.01)
    assert (budget.call_limit(), budget.handler_limit()) == (None, None)


def test_a_call_that_was_cut_off_ends_the_run_only_with_the_budget() -> None:
    """Otherwise the call alone is too long."""
    clock = Clock()
    budget = RunBudget(seconds=60.0, clock=clock)
    errors = [budget.cut_off(CallCutOff(12.0))]
    clock.seconds += 56.0
    errors.append(budget.cut_off(CallCutOff(50.0)))
    assert ([type(error) for error in errors], budget.cut_off_seconds) == ([CallCutOff, BudgetUsedUpError], 50.0)
