"""Chooses the plan of a doctor run from its first calls.

The limits are far from what an ordinary busy machine adds: a comparison of texts takes a millisecond, a test in another
process ten, a judge model seconds.
"""

from dataclasses import dataclass
from typing import Final

from simulator.doctor.first_calls import FirstCalls
from simulator.doctor.grading_cost import GradingCost, format_time
from simulator.doctor.plan import BRIEF, FULL, MINIMAL, REDUCED, Plan
from simulator.doctor.refusals import refused
from simulator.doctor.side_effects import SideEffect

MAX_CALLS: Final = {FULL.name: 1_200, REDUCED.name: 150, BRIEF.name: 12}
"""A plan is chosen if this many calls, one after the other, fit into the budget (INFERRED).

A plan may make more calls than that: equal rollouts are scored once in training, and slow calls are made side by side.
"""

MAX_INIT_SHARE: Final = 0.1
"""The full plan starts several environments. Each may take this share of the budget."""

ENVIRONMENTS: Final = ((0.5, 32), (1.0, 16), (3.0, 8))
"""How many calls of a slow function are made at once, by the longest cold start. After a longer one: one (INFERRED)."""

COSTLY_SECONDS: Final = 1.0
"""A call that takes longer has its cost on top of the report."""

_MAX_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChoice:
    """The plan, and why it is not the full one."""

    plan: Plan
    cause: str = ""


def choose_plan(first: FirstCalls, *, budget_seconds: float, concurrency: int = 1) -> PlanChoice:
    """Return the largest plan that fits into the budget."""
    if first.seconds is None:
        # A function that could not be called at all ends every plan at once.
        return PlanChoice(plan=MINIMAL, cause="the first call did not end") if first.cut_off_seconds else _FULL_CHOICE
    if refused(network_effects(first)):
        # Such a call may take seconds at any time, and its score is a fallback.
        return PlanChoice(plan=MINIMAL, cause="the function uses the network and gets no answer")
    if first.has_timed_out:
        return PlanChoice(plan=MINIMAL, cause="the first call reached the time-out")
    cause = f"a call takes {format_time(first.seconds)}"
    seconds = first.seconds / concurrency
    plan = next(
        (plan for plan in (FULL, REDUCED, BRIEF) if seconds * MAX_CALLS[plan.name] <= budget_seconds),
        MINIMAL,
    )
    if plan is FULL and keeps_environments(first, budget_seconds=budget_seconds):
        plan, cause = REDUCED, f"a cold start takes {format_time(first.init_seconds)}"
    return _FULL_CHOICE if plan is FULL else PlanChoice(plan=plan, cause=cause)


_FULL_CHOICE: Final = PlanChoice(plan=FULL)


def environments_for(first: FirstCalls, *, budget_seconds: float) -> int:
    """Return how many calls are made at once: one for a fast function."""
    if first.seconds is None or first.has_timed_out or first.seconds * MAX_CALLS[FULL.name] <= budget_seconds:
        return 1
    return next((count for seconds, count in ENVIRONMENTS if first.init_seconds <= seconds), 1)


def keeps_environments(first: FirstCalls, *, budget_seconds: float) -> bool:
    """Return whether all calls are made in the environment of the first ones, because a cold start takes too long."""
    return first.init_seconds > MAX_INIT_SHARE * budget_seconds


def notices_of(first: FirstCalls, *, cost: GradingCost | None, timeout: float) -> tuple[str, ...]:
    """Return what a user should know first: the use of the network, and the cost of a slow function."""
    notices = []
    if network := _network_notice(network_effects(first)):
        notices.append(network)
    if cost is not None and (cost.call_seconds > COSTLY_SECONDS or first.has_timed_out):
        notices.append(cost.sentence)
    if first.has_timed_out:
        longer = f", and a call takes {format_time(first.seconds)}" if first.seconds and first.seconds > timeout else ""
        notices.append(f"The function's time-out of {timeout:g} s is too short{longer}: raise it (--timeout).")
    return tuple(notices)


def network_effects(first: FirstCalls) -> list[SideEffect]:
    """Return the uses of the network."""
    return [effect for effect in first.side_effects or () if effect.kind == "network"]


def _network_notice(side_effects: list[SideEffect]) -> str:
    if not side_effects:
        return ""
    names = list(dict.fromkeys(effect.description for effect in side_effects))
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    errors = list(dict.fromkeys(effect.refused for effect in refused(side_effects)))
    answer = f" It gets no answer: {errors[0]}." if errors else ""
    return f"The function uses the network: {', '.join(names[:_MAX_NAMED])}{more}.{answer}"
