"""Send code that never ends, where the answer is Python code."""

import re
from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.finding import Example
from simulator.doctor.invocation import Case, CaseResult, Invoker
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.reward_function import LocalRewardFunction
from simulator.doctor.rows import Row
from simulator.doctor.run_budget import RunBudget
from simulator.doctor.timeout_budget import TimeoutBudget, has_timed_out
from simulator.training.dataset import prompt_text

LOOP_SECONDS: Final = 19.0
"""How long the doctor waits for the end (INFERRED). Calls of 8 rollouts that take so long need more than half of the
time-out of 300 s that Amazon's sample sets. A sound function ends such code after some seconds."""

_MIN_SECONDS_LEFT: Final = 10.0
"""Less time of the doctor run is kept for the other probes."""

_DEFINITION: Final = re.compile(r"(?m)^(?:async )?def (\w+)\(")
_NAMED_FUNCTION: Final = re.compile(r"`?\b(\w+)\([^()`]*\)")
_ASKS_FOR_PYTHON: Final = re.compile(r"(?i)\bpython\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopResult:
    """How a response whose code never ends was scored.

    Attributes:
        seconds: how long it took, or how long the doctor waited.
        has_ended: whether the function ended it.
        example: the response.
    """

    seconds: float
    has_ended: bool
    example: Example


def run_endless_code(context: ProbeContext) -> LoopResult | None:
    """Score code that never ends. None if no row asks for Python code, or if the function does not run here."""
    function = context.reward_function
    row = next(filter(_asks_for_python, (*context.answerable_rows, *context.rows)), None)
    seconds = min(function.timeout, LOOP_SECONDS)
    run_budget = context.invoker.timeout_budget.run_budget
    if row is None or not isinstance(function, LocalRewardFunction):
        return None
    if run_budget.is_limited and run_budget.seconds_left < seconds + _MIN_SECONDS_LEFT:
        return None
    # A budget of its own: this call is expected to take far longer than all others.
    invoker = Invoker(
        reward_function=replace(
            function, spec=replace(function.spec, timeout=seconds, version="1"), budget=RunBudget()
        ),
        settings=context.settings.grading,
        on_call=context.invoker.on_call,
        timeout_budget=TimeoutBudget(),
    )
    case = Case(label="code that never ends", record=row.record, text=row.write_response(endless_code(row)))
    ids = invoker.rollout_ids([case])
    invocation = invoker.invoke([invoker.build_element(case, rollout_id=ids[0])], ids=ids).invocation
    context.invoker.call_count += 1
    if invocation is None:
        return None
    return LoopResult(
        seconds=invocation.duration_ms / 1e3,
        has_ended=not has_timed_out(invocation),
        example=CaseResult(case=case, score=None).example("code that never ends"),
    )


def endless_code(row: Row) -> str:
    """Return code whose function, under the name that the row asks for, never ends, and which calls it."""
    found = _DEFINITION.search(row.reference.text) or _NAMED_FUNCTION.search(prompt_text(row.record.messages))
    name = found.group(1) if found and found.group(1).isidentifier() else "answer"
    return f"def {name}(*values, **named_values):\n    while True:\n        pass\n\n\n{name}()"


def _asks_for_python(row: Row) -> bool:
    return row.reference.kind in ("code", "none") and (
        bool(_DEFINITION.search(row.reference.text)) or bool(_ASKS_FOR_PYTHON.search(prompt_text(row.record.messages)))
    )
