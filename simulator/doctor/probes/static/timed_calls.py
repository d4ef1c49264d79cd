"""Calls as the service would make them, of rollouts of the untrained model, for what a call costs."""

from collections.abc import Sequence
from itertools import cycle, islice

from simulator.doctor.invocation import Case, Invoker
from simulator.doctor.probe_context import ProbeContext
from simulator.grading.lambda_event import response_text, rollout_id
from simulator.lambdas.function import Invocation


def invoke_cases(context: ProbeContext, cases: Sequence[Case], invoker: Invoker | None = None) -> Invocation | None:
    """Make one call of these cases; None where it was not run."""
    invoker = invoker or context.invoker
    names = [rollout_id_at(count) for count in range(len(cases))]
    elements = [invoker.build_element(case, rollout_id=name) for case, name in zip(cases, names, strict=True)]
    return invoker.invoke(elements, ids=names).invocation


def base_rollout_cases(context: ProbeContext, count: int) -> list[Case]:
    """Return so many rollouts of the base model, over and over if need be."""
    cases = [
        Case(label="cost", record=group.prompt.record, text=response_text(rollout, context.settings.grading))
        for group in context.base_groups
        for rollout in group.rollouts
    ]
    return list(islice(cycle(cases), count))


def rollout_id_at(index: int) -> str:
    """Return an id in the form of a job's rollouts."""
    return rollout_id(split="train", step=1, line=index + 1, index=0)
