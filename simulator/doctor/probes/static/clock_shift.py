"""Score the same rollouts at other times of day, in an environment whose clock is moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from simulator.doctor.hook_layer import takes_hook, with_hook
from simulator.doctor.invocation import Case, CaseResult, Invoker, usable_scores
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_change import ScoreChange, compare_scores
from simulator.doctor.reward_function import LocalRewardFunction
from simulator.lambdas.errors import InvocationRejected
from simulator.settings import FIXED_EPOCH

SHIFTS: Final[Mapping[str, float]] = {
    "29 seconds": 29.437,
    "47 minutes": 47 * 60 + 29.437,
    "14 hours": 13 * 3600 + 47 * 60 + 29.437,
    "4 days": 4 * 86400 + 5 * 3600 + 31 * 60 + 7.219,
    "200 days": 200 * 86400 + 13 * 3600 + 47 * 60 + 29.437,
}
"""How far the clock is moved, in seconds: another second, minute, hour, day of the week, and month."""

MAX_ROLLOUTS: Final = 16
"""How many rollouts are scored at each time."""

_CLOCK_HOOK: Final = Path(__file__).parent / "clock_hook.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """How scores change when the clock is moved.

    Attributes:
        shift: how far it was moved, in words.
        change: how the scores differ.
    """

    shift: str
    change: ScoreChange


def clock_changes(context: ProbeContext) -> list[ClockChange] | None:
    """Return each time at which scores differ, the nearest first. None if the clock cannot be moved.

    The scores at the first time must be repeatable. Otherwise the clock is not the reason, and the list is empty.
    """
    reward_function = context.reward_function
    if not isinstance(reward_function, LocalRewardFunction) or not takes_hook(reward_function):
        return None
    if not context.plan.starts_environments or reward_function.keeps_environments:
        return None
    spec = with_hook(
        reward_function.spec,
        _CLOCK_HOOK,
        version="4",
        module="rft_doctor_clock",
        variables={"RFT_CLOCK_HANDLER": "{handler}", "RFT_CLOCK_START": str(int(FIXED_EPOCH))},
    )
    invoker = Invoker(
        reward_function=replace(reward_function, spec=spec),
        settings=context.settings.grading,
        on_call=context.invoker.on_call,
        timeout_budget=context.invoker.timeout_budget,
    )
    cases = _cases(context)
    try:
        first, again = _score_at(invoker, cases, 0.0), _score_at(invoker, cases, 0.0)
        if not compare_scores([first], [again]).is_unchanged:
            return []
        changes = [
            ClockChange(
                shift=shift, change=compare_scores([first], [_score_at(invoker, cases, seconds)], scored_only=True)
            )
            for shift, seconds in SHIFTS.items()
        ]
    finally:
        context.invoker.call_count += invoker.call_count
    return [clock_change for clock_change in changes if not clock_change.change.is_unchanged]


def _cases(context: ProbeContext) -> Sequence[Case]:
    """Return right and wrong answers and rollouts of the base model."""
    parts = context.first_results
    answers = [result.case for results in zip(*parts, strict=False) for result in results]
    rollouts = [result.case for group in context.base_results for result in group[:1]]
    half = MAX_ROLLOUTS // 2
    return [*answers[:half], *rollouts[:half]]


def _score_at(invoker: Invoker, cases: Sequence[Case], offset: float) -> tuple[CaseResult, ...]:
    """Score cases with the clock moved. A call that fails gives no scores."""
    try:
        invoker.timeout_budget.invoke(invoker.reward_function, f'{{"rft_clock":{offset}}}'.encode())
    except InvocationRejected:
        return tuple(CaseResult(case=case, score=None) for case in cases)
    ids = invoker.rollout_ids(cases)
    elements = [invoker.build_element(case, rollout_id=id_) for case, id_ in zip(cases, ids, strict=True)]
    results: list[CaseResult] = []
    size = invoker.settings.rollouts_per_call
    for start in range(0, len(cases), size):
        batch = slice(start, start + size)
        call = invoker.invoke(elements[batch], ids=ids[batch])
        scores = usable_scores(call, function_name=invoker.reward_function.name)
        given = [None] * len(cases[batch]) if isinstance(scores, str) else scores
        results += [CaseResult(case=case, score=score) for case, score in zip(cases[batch], given, strict=True)]
    return tuple(results)
