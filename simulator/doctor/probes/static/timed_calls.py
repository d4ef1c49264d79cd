"""Calls as the service would make them, of rollouts of the untrained model, for what a call costs."""

from collections.abc import Sequence
from itertools import cycle, islice

from simulator.doctor.invocation import Asker, Case
from simulator.doctor.probe_context import Examination
from simulator.grading.lambda_event import rollout_id, shown
from simulator.lambdas.function import Invocation


def invoked(exam: Examination, cases: Sequence[Case], asker: Asker | None = None) -> Invocation | None:
    """Make one call of these cases; None where it was not run."""
    asker = asker or exam.ask
    names = [name_of(count) for count in range(len(cases))]
    elements = [asker.element(case, name=name) for case, name in zip(cases, names, strict=True)]
    return asker.call(elements, ids=names).invocation


def rollouts(exam: Examination, count: int) -> list[Case]:
    """Return so many rollouts of the base model, over and over if need be."""
    cases = [
        Case(label="cost", record=group.prompt.record, text=shown(rollout, exam.settings.grading))
        for group in exam.base_groups
        for rollout in group.rollouts
    ]
    return list(islice(cycle(cases), count))


def name_of(count: int) -> str:
    """Return an id in the form of a job's rollouts."""
    return rollout_id(split="train", step=1, line=count + 1, index=0)
