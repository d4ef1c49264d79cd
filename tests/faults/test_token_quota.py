"""A quota of tokens a minute, as arithmetic: what is let in, how long to wait, and what comes back."""

from dataclasses import dataclass
from itertools import count

import pytest

from simulator.faults.request_fault import TokensPerMinute
from simulator.faults.token_quota import QuotaExceeded, TokenDemand, TokenQuota, TokenReservation
from simulator.inference.chat_request import Usage


@dataclass
class FakeClock:
    """A clock that the test moves."""

    now: float = 1_000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def demand(prompt: int, budget: int, *, least: int = 1) -> TokenDemand:
    """Return what a request wants."""
    return TokenDemand(prompt_tokens=prompt, budget=budget, min_budget=least)


class QuotaCaller:
    """Who asks a quota: each time with another request, unless told."""

    def __init__(self, of: TokenQuota) -> None:
        self.of = of
        self.release_unused = of.release_unused
        self._others = map(str, count())

    def reserve(self, wanted: TokenDemand, *, request: str | None = None) -> TokenReservation | QuotaExceeded:
        """Ask."""
        return self.of.reserve(wanted, request=request or next(self._others))


def quota(
    time: FakeClock, *, tokens_in: int | None = None, tokens_out: int | None = None, real: FakeClock | None = None
) -> QuotaCaller:
    """Return a quota at a clock that is moved on, and at a real one."""
    tokens = TokensPerMinute(input=tokens_in, output=tokens_out)
    return QuotaCaller(TokenQuota(tokens, lapsed_seconds=time, monotonic=real or FakeClock()))


def usage(prompt: int, generated: int) -> Usage:
    """Return what answering has cost."""
    return Usage(prompt_tokens=prompt, completion_tokens=generated)


def test_the_input_quota_reserves_the_prompt_and_the_budget() -> None:
    """DOCUMENTED. A request that would exceed it is told how long until it would not."""
    of = quota(FakeClock(), tokens_in=600)
    assert of.reserve(demand(100, 400)) == TokenReservation(reserved=500, budget=400)
    assert of.reserve(demand(50, 100)) == QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)


@pytest.mark.shows("filling-of-a-quota")
def test_who_waits_that_long_is_let_in() -> None:
    """Not a moment sooner."""
    time = FakeClock()
    of = quota(time, tokens_in=600)
    of.reserve(demand(100, 400))
    time.now += 4.9
    assert of.reserve(demand(50, 100)) == QuotaExceeded(tokens=150, remaining=149, wait_seconds=0.1)
    time.now += 0.1
    assert of.reserve(demand(50, 100)) == TokenReservation(reserved=150, budget=100)


def test_what_was_reserved_and_not_generated_comes_back() -> None:
    """DOCUMENTED: once the answer is complete."""
    of = quota(FakeClock(), tokens_in=600)
    granted = of.reserve(demand(100, 500))
    assert isinstance(granted, TokenReservation)
    of.release_unused(granted, usage(100, 20))
    assert of.reserve(demand(100, 381)) == QuotaExceeded(tokens=481, remaining=480, wait_seconds=0.1)


def test_a_request_that_reached_no_model_costs_nothing() -> None:
    """Its 400 was no inference."""
    of = quota(FakeClock(), tokens_in=600, tokens_out=100)
    granted = of.reserve(demand(100, 500))
    assert isinstance(granted, TokenReservation)
    of.release_unused(granted, None)
    assert of.reserve(demand(100, 500)) == TokenReservation(reserved=600, budget=100)


def test_what_never_fits_has_nothing_to_wait_for() -> None:
    """It wants more than a minute brings."""
    assert quota(FakeClock(), tokens_in=600).reserve(demand(100, 501)) == QuotaExceeded(
        tokens=601, remaining=600, wait_seconds=None
    )


@pytest.mark.shows("filling-of-a-quota")
def test_no_more_than_a_minute_is_saved_up() -> None:
    """A day of silence is worth as much as a minute's."""
    time = FakeClock()
    of = quota(time, tokens_in=600)
    of.reserve(demand(0, 600))
    time.now += 86_400
    assert of.reserve(demand(0, 601)) == QuotaExceeded(tokens=601, remaining=600, wait_seconds=None)


@pytest.mark.shows("filling-of-a-quota")
def test_no_quota_fills_by_the_clock_on_the_wall() -> None:
    """Else a slow machine would be refused less."""
    real = FakeClock()
    of = quota(FakeClock(), tokens_in=600, real=real)
    of.reserve(demand(100, 400))
    for _ in range(3):
        real.now += 3_600
        assert of.reserve(demand(50, 100)) == QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)


@pytest.mark.shows("filling-of-a-quota")
def test_who_comes_again_with_the_same_request_has_his_wait_counted() -> None:
    """If it was as long as he was told, and once. In between he is told the same, and nothing is added to it."""
    real = FakeClock()
    of = quota(FakeClock(), tokens_in=600, real=real)
    of.reserve(demand(100, 400))
    refused = QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)
    for _ in range(2):
        assert of.reserve(demand(50, 100), request="mine") == refused
        real.now += 2.5
    assert of.reserve(demand(50, 100), request="another") == refused
    assert of.reserve(demand(50, 100), request="mine") == TokenReservation(reserved=150, budget=100)
    assert of.reserve(demand(50, 100), request="mine") == QuotaExceeded(tokens=150, remaining=0, wait_seconds=15.0)


def test_who_waited_while_others_took_what_came_is_told_anew() -> None:
    """His wait is counted, once; it holds nothing for him."""
    real = FakeClock()
    of = quota(FakeClock(), tokens_in=600, real=real)
    of.reserve(demand(100, 400))
    assert of.reserve(demand(50, 100), request="mine") == QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)
    assert of.reserve(demand(0, 100)) == TokenReservation(reserved=100, budget=100)
    real.now += 5
    for _ in range(2):
        assert of.reserve(demand(50, 100), request="mine") == QuotaExceeded(tokens=150, remaining=50, wait_seconds=10.0)


def test_who_need_not_have_waited_has_nothing_counted() -> None:
    """What another one gave back let him in."""
    real = FakeClock()
    of = quota(FakeClock(), tokens_in=600, real=real)
    granted = of.reserve(demand(100, 400))
    assert isinstance(granted, TokenReservation)
    assert of.reserve(demand(50, 100), request="mine") == QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)
    of.release_unused(granted, None)
    assert of.reserve(demand(50, 100), request="mine") == TokenReservation(reserved=150, budget=100)
    of.reserve(demand(0, 400))
    real.now += 5
    assert of.reserve(demand(50, 100), request="mine") == QuotaExceeded(tokens=150, remaining=50, wait_seconds=10.0)


def test_a_wait_may_pass_in_part_by_order() -> None:
    """What was made to pass is not counted twice."""
    time, real = FakeClock(), FakeClock()
    of = quota(time, tokens_in=600, real=real)
    of.reserve(demand(100, 400))
    assert of.reserve(demand(50, 100), request="mine") == QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)
    time.now += 3
    real.now += 2
    assert of.reserve(demand(50, 100), request="mine") == TokenReservation(reserved=150, budget=100)
    assert of.reserve(demand(0, 1)) == QuotaExceeded(tokens=1, remaining=0, wait_seconds=0.1)


def test_the_output_quota_lowers_the_budget() -> None:
    """DOCUMENTED: generation stops when it is reached, and nobody is refused."""
    of = quota(FakeClock(), tokens_out=100)
    first = of.reserve(demand(5_000, 80))
    assert (first, of.reserve(demand(5_000, 80))) == (
        TokenReservation(reserved=5_080, budget=80),
        TokenReservation(reserved=5_080, budget=20),
    )


def test_the_output_quota_counts_what_was_generated() -> None:
    """Not what might have been."""
    of = quota(FakeClock(), tokens_out=100)
    granted = of.reserve(demand(0, 80))
    assert isinstance(granted, TokenReservation)
    of.release_unused(granted, usage(0, 30))
    assert of.reserve(demand(0, 80)) == TokenReservation(reserved=80, budget=70)


def test_a_spent_output_quota_still_grants_the_least_that_is_valid() -> None:
    """What is spent above it has to fill again first."""
    time = FakeClock()
    of = quota(time, tokens_out=60)
    of.reserve(demand(0, 60))
    assert of.reserve(demand(0, 60, least=16)) == TokenReservation(reserved=60, budget=16)
    time.now += 17
    assert of.reserve(demand(0, 60)) == TokenReservation(reserved=60, budget=1)
    time.now += 5
    assert of.reserve(demand(0, 60)) == TokenReservation(reserved=60, budget=5)


def test_without_limits_everything_is_let_in() -> None:
    """A quota that says nothing."""
    assert quota(FakeClock()).reserve(demand(10**9, 10**9)) == TokenReservation(reserved=2 * 10**9, budget=10**9)
