"""The plan that the first calls choose."""

import pytest

from simulator.doctor.first_calls import FirstCalls
from simulator.doctor.grading_cost import GradingCost
from simulator.doctor.plan_choice import PlanChoice, choose_plan, notices_of
from simulator.doctor.side_effects import SideEffect


def connection(*, refused: str = "") -> SideEffect:
    """Return a connection to a judge."""
    return SideEffect(
        kind="network",
        phase="scoring",
        subject="judge.invalid:443",
        call="",
        source_line="reward.py:7",
        count=1,
        refused=refused,
    )


NO_NAME = "Errno -2: Name or service not known"


@pytest.mark.parametrize(
    ("first", "budget", "expected"),
    [
        pytest.param(FirstCalls(seconds=0.001), 60.0, ("full", ""), id="a comparison of texts"),
        pytest.param(FirstCalls(seconds=0.04), 60.0, ("full", ""), id="a process per rollout on a busy machine"),
        pytest.param(FirstCalls(seconds=0.3), 60.0, ("reduced", "a call takes 300 ms"), id="a small model"),
        pytest.param(FirstCalls(seconds=4.0), 60.0, ("brief", "a call takes 4 s"), id="a judge model"),
        pytest.param(FirstCalls(seconds=20.0), 60.0, ("minimal", "a call takes 20 s"), id="a slow judge model"),
        pytest.param(FirstCalls(seconds=0.3), 600.0, ("full", ""), id="more time"),
        pytest.param(FirstCalls(), 60.0, ("full", ""), id="a function that is not found"),
        pytest.param(
            FirstCalls(cut_off_seconds=57.0), 60.0, ("minimal", "the first call did not end"), id="a loop without end"
        ),
        pytest.param(
            FirstCalls(seconds=0.01, init_seconds=30.0),
            60.0,
            ("reduced", "a cold start takes 30 s"),
            id="a long import",
        ),
        pytest.param(
            FirstCalls(seconds=0.01, side_effects=[connection(refused=NO_NAME)]),
            60.0,
            ("minimal", "the function uses the network and gets no answer"),
            id="a name that cannot be resolved",
        ),
        pytest.param(FirstCalls(seconds=0.01, side_effects=[connection()]), 60.0, ("full", ""), id="a fast service"),
    ],
)
def test_the_first_calls_choose_the_largest_plan_that_fits(
    first: FirstCalls, budget: float, expected: tuple[str, str]
) -> None:
    """The cause is named when it is not the full one."""
    choice = choose_plan(first, budget_seconds=budget)
    assert (choice.plan.name, choice.cause) == expected


def test_calls_side_by_side_count_as_faster() -> None:
    """With --concurrency 8."""
    choice = choose_plan(FirstCalls(seconds=0.3), budget_seconds=60.0, concurrency=8)
    assert isinstance(choice, PlanChoice)
    assert choice.plan.name == "full"


FAST = GradingCost(call_seconds=0.01, calls=288, concurrency=2, seconds=2.0)
COST = GradingCost(call_seconds=4.0, calls=288, concurrency=2, seconds=9_000.0)

COST_SENTENCE = (
    "A call takes 4 s: this job would take 2.5 hours of grading, for 288 calls, 2 at a time (setting "
    "grading.concurrency)."
)
NETWORK_SENTENCE = (
    "The function uses the network: judge.invalid:443 (reward.py:7). It gets no answer: Errno -2: Name or service not "
    "known."
)


@pytest.mark.parametrize(
    ("first", "cost", "expected"),
    [
        pytest.param(FirstCalls(seconds=0.01), FAST, (), id="fast"),
        pytest.param(
            FirstCalls(seconds=4.0),
            COST,
            (COST_SENTENCE,),
            id="slow",
        ),
        pytest.param(
            FirstCalls(seconds=4.0, has_timed_out=True),
            COST,
            (
                COST_SENTENCE,
                "The function's time-out of 3 s is too short, and a call takes 4 s: raise it (--timeout).",
            ),
            id="a time-out that is too short",
        ),
        pytest.param(
            FirstCalls(seconds=0.01, side_effects=[connection(refused=NO_NAME)]),
            None,
            (NETWORK_SENTENCE,),
            id="the network",
        ),
    ],
)
def test_what_a_user_should_know_first(first: FirstCalls, cost: GradingCost | None, expected: tuple[str, ...]) -> None:
    """The network, the cost of a slow function, and a time-out that is too short."""
    assert notices_of(first, cost=cost, timeout=3.0) == expected
