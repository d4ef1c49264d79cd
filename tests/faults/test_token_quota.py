"""The arithmetic of a token quota: what is admitted, how long to wait, and what is returned."""

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
        """Return the time."""
        return self.now


def demand(prompt: int, budget: int, *, least: int = 1) -> TokenDemand:
    """Return the demand of a request."""
    return TokenDemand(prompt_tokens=prompt, budget=budget, min_budget=least)


class QuotaCaller:
    """Sends a different request each time by default."""

    def __init__(self, caller: TokenQuota) -> None:
        self.of = caller
        self.release_unused = caller.release_unused
        self._others = map(str, count())

    def reserve(self, demanded: TokenDemand, *, request: str | None = None) -> TokenReservation | QuotaExceeded:
        """Reserve the tokens of a request."""
        return self.of.reserve(demanded, request=request or next(self._others))


def quota(
    time: FakeClock, *, tokens_in: int | None = None, tokens_out: int | None = None, real: FakeClock | None = None
) -> QuotaCaller:
    """Return a quota with a clock that a user advances, and a real one."""
    tokens = TokensPerMinute(input=tokens_in, output=tokens_out)
    return QuotaCaller(TokenQuota(tokens, advanced_seconds=time, monotonic=real or FakeClock()))


def usage(prompt: int, generated: int) -> Usage:
    """Return the usage of a request."""
    return Usage(prompt_tokens=prompt, completion_tokens=generated)


def test_the_input_quota_reserves_the_prompt_and_the_budget() -> None:
    """DOCUMENTED. The refusal has the time to wait."""
    caller = quota(FakeClock(), tokens_in=600)
    assert caller.reserve(demand(100, 400)) == TokenReservation(reserved=500, budget=400)
    assert caller.reserve(demand(50, 100)) == QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)


@pytest.mark.shows("filling-of-a-quota")
def test_a_request_is_admitted_exactly_after_its_wait() -> None:
    """Not earlier."""
    time = FakeClock()
    caller = quota(time, tokens_in=600)
    caller.reserve(demand(100, 400))
    time.now += 4.9
    assert caller.reserve(demand(50, 100)) == QuotaExceeded(tokens=150, remaining=149, wait_seconds=0.1)
    time.now += 0.1
    assert caller.reserve(demand(50, 100)) == TokenReservation(reserved=150, budget=100)


def test_unused_tokens_are_returned() -> None:
    """DOCUMENTED: when the response is complete."""
    caller = quota(FakeClock(), tokens_in=600)
    reservation = caller.reserve(demand(100, 500))
    assert isinstance(reservation, TokenReservation)
    caller.release_unused(reservation, usage(100, 20))
    assert caller.reserve(demand(100, 381)) == QuotaExceeded(tokens=481, remaining=480, wait_seconds=0.1)


def test_a_request_without_inference_uses_nothing() -> None:
    """For example one that gets a 400."""
    caller = quota(FakeClock(), tokens_in=600, tokens_out=100)
    reservation = caller.reserve(demand(100, 500))
    assert isinstance(reservation, TokenReservation)
    caller.release_unused(reservation, None)
    assert caller.reserve(demand(100, 500)) == TokenReservation(reserved=600, budget=100)


def test_a_request_larger_than_the_quota_has_no_wait() -> None:
    """It can never be admitted."""
    assert quota(FakeClock(), tokens_in=600).reserve(demand(100, 501)) == QuotaExceeded(
        tokens=601, remaining=600, wait_seconds=None
    )


@pytest.mark.shows("filling-of-a-quota")
def test_a_quota_holds_at_most_one_minute() -> None:
    """A day without requests adds no more than a minute."""
    time = FakeClock()
    caller = quota(time, tokens_in=600)
    caller.reserve(demand(0, 600))
    time.now += 86_400
    assert caller.reserve(demand(0, 601)) == QuotaExceeded(tokens=601, remaining=600, wait_seconds=None)


@pytest.mark.shows("filling-of-a-quota")
def test_real_time_alone_does_not_refill() -> None:
    """Otherwise a slow machine would be refused less often."""
    real = FakeClock()
    caller = quota(FakeClock(), tokens_in=600, real=real)
    caller.reserve(demand(100, 400))
    for _ in range(3):
        real.now += 3_600
        assert caller.reserve(demand(50, 100)) == QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)


@pytest.mark.shows("filling-of-a-quota")
def test_the_wait_of_a_repeated_request_counts_once() -> None:
    """If it has the advertised length. A request that returns too early gets the same answer."""
    real = FakeClock()
    caller = quota(FakeClock(), tokens_in=600, real=real)
    caller.reserve(demand(100, 400))
    refusal = QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)
    for _ in range(2):
        assert caller.reserve(demand(50, 100), request="mine") == refusal
        real.now += 2.5
    assert caller.reserve(demand(50, 100), request="another") == refusal
    assert caller.reserve(demand(50, 100), request="mine") == TokenReservation(reserved=150, budget=100)
    assert caller.reserve(demand(50, 100), request="mine") == QuotaExceeded(tokens=150, remaining=0, wait_seconds=15.0)


def test_a_wait_reserves_nothing() -> None:
    """Another request can use the tokens. Then the wait counts once, and the next refusal has a new wait."""
    real = FakeClock()
    caller = quota(FakeClock(), tokens_in=600, real=real)
    caller.reserve(demand(100, 400))
    assert caller.reserve(demand(50, 100), request="mine") == QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)
    assert caller.reserve(demand(0, 100)) == TokenReservation(reserved=100, budget=100)
    real.now += 5
    for _ in range(2):
        assert caller.reserve(demand(50, 100), request="mine") == QuotaExceeded(
            tokens=150, remaining=50, wait_seconds=10.0
        )


def test_a_request_admitted_early_has_no_wait_counted() -> None:
    """Another request has returned enough tokens."""
    real = FakeClock()
    caller = quota(FakeClock(), tokens_in=600, real=real)
    reservation = caller.reserve(demand(100, 400))
    assert isinstance(reservation, TokenReservation)
    assert caller.reserve(demand(50, 100), request="mine") == QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)
    caller.release_unused(reservation, None)
    assert caller.reserve(demand(50, 100), request="mine") == TokenReservation(reserved=150, budget=100)
    caller.reserve(demand(0, 400))
    real.now += 5
    assert caller.reserve(demand(50, 100), request="mine") == QuotaExceeded(tokens=150, remaining=50, wait_seconds=10.0)


def test_an_advance_during_a_wait_does_not_count_twice() -> None:
    """The advance and the rest of the wait add up to the wait."""
    time, real = FakeClock(), FakeClock()
    caller = quota(time, tokens_in=600, real=real)
    caller.reserve(demand(100, 400))
    assert caller.reserve(demand(50, 100), request="mine") == QuotaExceeded(tokens=150, remaining=100, wait_seconds=5.0)
    time.now += 3
    real.now += 2
    assert caller.reserve(demand(50, 100), request="mine") == TokenReservation(reserved=150, budget=100)
    assert caller.reserve(demand(0, 1)) == QuotaExceeded(tokens=1, remaining=0, wait_seconds=0.1)


def test_the_output_quota_lowers_the_budget() -> None:
    """DOCUMENTED: generation stops when it is reached, and no request is refused."""
    caller = quota(FakeClock(), tokens_out=100)
    first = caller.reserve(demand(5_000, 80))
    assert (first, caller.reserve(demand(5_000, 80))) == (
        TokenReservation(reserved=5_080, budget=80),
        TokenReservation(reserved=5_080, budget=20),
    )


def test_the_output_quota_counts_what_was_generated() -> None:
    """And not the budget."""
    caller = quota(FakeClock(), tokens_out=100)
    reservation = caller.reserve(demand(0, 80))
    assert isinstance(reservation, TokenReservation)
    caller.release_unused(reservation, usage(0, 30))
    assert caller.reserve(demand(0, 80)) == TokenReservation(reserved=80, budget=70)


def test_a_spent_output_quota_grants_the_smallest_valid_budget() -> None:
    """What is spent beyond the quota must be refilled first."""
    time = FakeClock()
    caller = quota(time, tokens_out=60)
    caller.reserve(demand(0, 60))
    assert caller.reserve(demand(0, 60, least=16)) == TokenReservation(reserved=60, budget=16)
    time.now += 17
    assert caller.reserve(demand(0, 60)) == TokenReservation(reserved=60, budget=1)
    time.now += 5
    assert caller.reserve(demand(0, 60)) == TokenReservation(reserved=60, budget=5)


def test_without_limits_every_request_is_admitted() -> None:
    """A fault without a quota has such a quota object."""
    assert quota(FakeClock()).reserve(demand(10**9, 10**9)) == TokenReservation(reserved=2 * 10**9, budget=10**9)
