"""A quota of tokens a minute, as arithmetic: what is let in, how long to wait, and what comes back."""

from dataclasses import dataclass
from itertools import count

import pytest

from simulator.faults.request_fault import TokensPerMinute
from simulator.faults.token_quota import Exceeded, Granted, Quota, Wanted
from simulator.inference.chat_request import Usage


@dataclass
class Time:
    """A clock that the test moves."""

    now: float = 1_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def wanted(prompt: int, budget: int, *, least: int = 1) -> Wanted:
    """Return what a request wants."""
    return Wanted(prompt=prompt, budget=budget, least=least)


class Asking:
    """Who asks a quota: each time with another request, unless told."""

    def __init__(self, of: Quota) -> None:
        self.of = of
        self.settle = of.settle
        self._others = map(str, count())

    def admitted(self, wanted: Wanted, *, request: str | None = None) -> Granted | Exceeded:
        """Ask."""
        return self.of.admitted(wanted, request=request or next(self._others))


def quota(
    time: Time, *, tokens_in: int | None = None, tokens_out: int | None = None, real: Time | None = None
) -> Asking:
    """Return a quota at a clock that is moved on, and at a real one."""
    tokens = TokensPerMinute(input=tokens_in, output=tokens_out)
    return Asking(Quota(tokens, lapsed=time, seconds=real or Time()))


def used(prompt: int, generated: int) -> Usage:
    """Return what answering has cost."""
    return Usage(prompt_tokens=prompt, completion_tokens=generated)


def test_the_input_quota_reserves_the_prompt_and_the_budget() -> None:
    """DOCUMENTED. A request that would exceed it is told how long until it would not."""
    of = quota(Time(), tokens_in=600)
    assert of.admitted(wanted(100, 400)) == Granted(reserved=500, budget=400)
    assert of.admitted(wanted(50, 100)) == Exceeded(tokens=150, left=100, wait=5.0)


@pytest.mark.shows("filling-of-a-quota")
def test_who_waits_that_long_is_let_in() -> None:
    """Not a moment sooner."""
    time = Time()
    of = quota(time, tokens_in=600)
    of.admitted(wanted(100, 400))
    time.now += 4.9
    assert of.admitted(wanted(50, 100)) == Exceeded(tokens=150, left=149, wait=0.1)
    time.now += 0.1
    assert of.admitted(wanted(50, 100)) == Granted(reserved=150, budget=100)


def test_what_was_reserved_and_not_generated_comes_back() -> None:
    """DOCUMENTED: once the answer is complete."""
    of = quota(Time(), tokens_in=600)
    granted = of.admitted(wanted(100, 500))
    assert isinstance(granted, Granted)
    of.settle(granted, used(100, 20))
    assert of.admitted(wanted(100, 381)) == Exceeded(tokens=481, left=480, wait=0.1)


def test_a_request_that_reached_no_model_costs_nothing() -> None:
    """Its 400 was no inference."""
    of = quota(Time(), tokens_in=600, tokens_out=100)
    granted = of.admitted(wanted(100, 500))
    assert isinstance(granted, Granted)
    of.settle(granted, None)
    assert of.admitted(wanted(100, 500)) == Granted(reserved=600, budget=100)


def test_what_never_fits_has_nothing_to_wait_for() -> None:
    """It wants more than a minute brings."""
    assert quota(Time(), tokens_in=600).admitted(wanted(100, 501)) == Exceeded(tokens=601, left=600, wait=None)


@pytest.mark.shows("filling-of-a-quota")
def test_no_more_than_a_minute_is_saved_up() -> None:
    """A day of silence is worth as much as a minute's."""
    time = Time()
    of = quota(time, tokens_in=600)
    of.admitted(wanted(0, 600))
    time.now += 86_400
    assert of.admitted(wanted(0, 601)) == Exceeded(tokens=601, left=600, wait=None)


@pytest.mark.shows("filling-of-a-quota")
def test_no_quota_fills_by_the_clock_on_the_wall() -> None:
    """Else a slow machine would be refused less."""
    real = Time()
    of = quota(Time(), tokens_in=600, real=real)
    of.admitted(wanted(100, 400))
    for _ in range(3):
        real.now += 3_600
        assert of.admitted(wanted(50, 100)) == Exceeded(tokens=150, left=100, wait=5.0)


@pytest.mark.shows("filling-of-a-quota")
def test_who_comes_again_with_the_same_request_has_his_wait_counted() -> None:
    """If it was as long as he was told, and once. In between he is told the same, and nothing is added to it."""
    real = Time()
    of = quota(Time(), tokens_in=600, real=real)
    of.admitted(wanted(100, 400))
    refused = Exceeded(tokens=150, left=100, wait=5.0)
    for _ in range(2):
        assert of.admitted(wanted(50, 100), request="mine") == refused
        real.now += 2.5
    assert of.admitted(wanted(50, 100), request="another") == refused
    assert of.admitted(wanted(50, 100), request="mine") == Granted(reserved=150, budget=100)
    assert of.admitted(wanted(50, 100), request="mine") == Exceeded(tokens=150, left=0, wait=15.0)


def test_who_waited_while_others_took_what_came_is_told_anew() -> None:
    """His wait is counted, once; it holds nothing for him."""
    real = Time()
    of = quota(Time(), tokens_in=600, real=real)
    of.admitted(wanted(100, 400))
    assert of.admitted(wanted(50, 100), request="mine") == Exceeded(tokens=150, left=100, wait=5.0)
    assert of.admitted(wanted(0, 100)) == Granted(reserved=100, budget=100)
    real.now += 5
    for _ in range(2):
        assert of.admitted(wanted(50, 100), request="mine") == Exceeded(tokens=150, left=50, wait=10.0)


def test_who_need_not_have_waited_has_nothing_counted() -> None:
    """What another one gave back let him in."""
    real = Time()
    of = quota(Time(), tokens_in=600, real=real)
    granted = of.admitted(wanted(100, 400))
    assert isinstance(granted, Granted)
    assert of.admitted(wanted(50, 100), request="mine") == Exceeded(tokens=150, left=100, wait=5.0)
    of.settle(granted, None)
    assert of.admitted(wanted(50, 100), request="mine") == Granted(reserved=150, budget=100)
    of.admitted(wanted(0, 400))
    real.now += 5
    assert of.admitted(wanted(50, 100), request="mine") == Exceeded(tokens=150, left=50, wait=10.0)


def test_a_wait_may_pass_in_part_by_order() -> None:
    """What was made to pass is not counted twice."""
    time, real = Time(), Time()
    of = quota(time, tokens_in=600, real=real)
    of.admitted(wanted(100, 400))
    assert of.admitted(wanted(50, 100), request="mine") == Exceeded(tokens=150, left=100, wait=5.0)
    time.now += 3
    real.now += 2
    assert of.admitted(wanted(50, 100), request="mine") == Granted(reserved=150, budget=100)
    assert of.admitted(wanted(0, 1)) == Exceeded(tokens=1, left=0, wait=0.1)


def test_the_output_quota_lowers_the_budget() -> None:
    """DOCUMENTED: generation stops when it is reached, and nobody is refused."""
    of = quota(Time(), tokens_out=100)
    first = of.admitted(wanted(5_000, 80))
    assert (first, of.admitted(wanted(5_000, 80))) == (
        Granted(reserved=5_080, budget=80),
        Granted(reserved=5_080, budget=20),
    )


def test_the_output_quota_counts_what_was_generated() -> None:
    """Not what might have been."""
    of = quota(Time(), tokens_out=100)
    granted = of.admitted(wanted(0, 80))
    assert isinstance(granted, Granted)
    of.settle(granted, used(0, 30))
    assert of.admitted(wanted(0, 80)) == Granted(reserved=80, budget=70)


def test_a_spent_output_quota_still_grants_the_least_that_is_valid() -> None:
    """What is spent above it has to fill again first."""
    time = Time()
    of = quota(time, tokens_out=60)
    of.admitted(wanted(0, 60))
    assert of.admitted(wanted(0, 60, least=16)) == Granted(reserved=60, budget=16)
    time.now += 17
    assert of.admitted(wanted(0, 60)) == Granted(reserved=60, budget=1)
    time.now += 5
    assert of.admitted(wanted(0, 60)) == Granted(reserved=60, budget=5)


def test_without_limits_everything_is_let_in() -> None:
    """A quota that says nothing."""
    assert quota(Time()).admitted(wanted(10**9, 10**9)) == Granted(reserved=2 * 10**9, budget=10**9)
