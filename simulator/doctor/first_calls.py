"""The first calls of a doctor run: how long a call takes, and whether the function uses the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.sample_calls import first_event
from simulator.doctor.reward_function import LocalRewardFunction, RewardFunction, with_longer_timeout
from simulator.doctor.run_budget import BudgetUsedUpError
from simulator.doctor.side_effects import SideEffect, hooked_function, recorded_side_effects
from simulator.doctor.timeout_budget import has_timed_out
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.function import Invocation

FIRST_CALLS: Final = 3
"""The shortest of these calls counts, because another program can delay one."""

SLOW_CALL_SECONDS: Final = 0.5
"""After a longer call, none is repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCalls:
    """What the first calls show.

    Attributes:
        seconds: the shortest duration of a call with as many rollouts as the service sends. None if none was answered.
        init_seconds: the duration of the cold start.
        side_effects: what the function did besides scoring. None if that was not recorded.
        has_timed_out: whether the call reached the function's time-out. `seconds` is then of a call with a longer one.
        cut_off_seconds: how long the first call had run when the budget ended. 0.0 if it was answered.
        right_responses: the right responses to all rows, which probably score.
    """

    seconds: float | None = None
    init_seconds: float = 0.0
    side_effects: Sequence[SideEffect] | None = None
    has_timed_out: bool = False
    cut_off_seconds: float = 0.0
    right_responses: frozenset[str] = frozenset()


def make_first_calls(context: ProbeContext) -> FirstCalls:
    """Call the function with the first rollouts, in an environment of its own that records side effects."""
    hooked = hooked_function(context.reward_function)
    function: RewardFunction = hooked or context.reward_function
    event = first_event(context)
    try:
        invocations = _invoke(function, event)
    except BudgetUsedUpError:
        return FirstCalls(cut_off_seconds=context.invoker.timeout_budget.run_budget.cut_off_seconds)
    if not invocations:
        return FirstCalls()
    side_effects = recorded_side_effects(hooked) if hooked else None
    timed_out = has_timed_out(invocations[0])
    if timed_out:
        invocations = _invoke_with_longer_timeout(function, event) or invocations
    return FirstCalls(
        seconds=min(invocation.duration_ms for invocation in invocations) / 1e3,
        init_seconds=(invocations[0].init_ms or 0.0) / 1e3,
        side_effects=None if side_effects is None else tuple(side_effects),
        has_timed_out=timed_out,
        right_responses=frozenset(row.right_response for row in context.answerable_rows),
    )


def _invoke(function: RewardFunction, event: bytes) -> list[Invocation]:
    invocations: list[Invocation] = []
    for _ in range(FIRST_CALLS):
        try:
            invocations.append(function.invoke(event))
        except InvocationRejected:
            break
        except BudgetUsedUpError:
            if not invocations:
                raise
            break
        if invocations[-1].duration_ms > 1e3 * SLOW_CALL_SECONDS:
            break
    return invocations


def _invoke_with_longer_timeout(function: RewardFunction, event: bytes) -> list[Invocation]:
    """Return a call that shows how long the function takes, if it runs here and ends within the new time-out."""
    longer = with_longer_timeout(function) if isinstance(function, LocalRewardFunction) else None
    try:
        invocation = longer.invoke(event) if longer else None
    except (InvocationRejected, BudgetUsedUpError):
        return []
    return [] if invocation is None or has_timed_out(invocation) else [invocation]
