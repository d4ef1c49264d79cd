"""Calls with rollouts of the untrained model, as the service makes them, to measure their time and size."""

from collections.abc import Sequence
from itertools import cycle, islice

from simulator.doctor.invocation import Case, Invoker
from simulator.doctor.probe_context import ProbeContext
from simulator.grading.lambda_event import response_text, rollout_id
from simulator.lambdas.function import Invocation


def invoke_cases(context: ProbeContext, cases: Sequence[Case], invoker: Invoker | None = None) -> Invocation | None:
    """Make one call with these cases. Return None when the function was not run."""
    invoker = invoker or context.invoker
    ids = [rollout_id_at(index) for index in range(len(cases))]
    elements = [invoker.build_element(case, rollout_id=id_) for case, id_ in zip(cases, ids, strict=True)]
    return invoker.invoke(elements, ids=ids).invocation


def base_rollout_cases(context: ProbeContext, count: int) -> list[Case]:
    """Return `count` rollouts of the base model. If there are fewer, they are repeated."""
    cases = [
        Case(label="cost", record=group.prompt.record, text=response_text(rollout, context.settings.grading))
        for group in context.base_groups
        for rollout in group.rollouts
    ]
    return list(islice(cycle(cases), count))


def rollout_id_at(index: int) -> str:
    """Return an id in the form that a job uses."""
    return rollout_id(split="train", step=1, line=index + 1, index=0)
