"""The visit's first calls: ordinary rollouts, and what comes back as far as it can be read."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.doctor.finding import Exhibit
from simulator.doctor.invocation import Answer, Call, Case, Element, usable_scores
from simulator.doctor.probe_context import Examination
from simulator.doctor.probes.static.time_growth import impatient
from simulator.doctor.timeout_budget import timed_out
from simulator.grading.lambda_event import shown

_TRIED_ALONE: Final = 3  # rollouts that are sent one by one after they have failed together


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """An ordinary call: what was sent, and what came back as far as it can be read."""

    cases: tuple[Case, ...]
    elements: tuple[Element, ...]
    call: Call
    fault: str  # why a job could not use it, empty when it could

    @property
    def timed_out(self) -> bool:
        """Whether it ran into the function's time-out."""
        return self.call.invocation is not None and timed_out(self.call.invocation)

    @property
    def results(self) -> list[Any] | None:
        """The items of the answer; None when it is no list, or the function has failed."""
        invocation = self.call.invocation
        if invocation is None or invocation.function_error:
            return None
        try:
            answer = json.loads(invocation.payload)
        except (ValueError, RecursionError):
            return None
        return answer if isinstance(answer, list) else None

    def exhibit(self, place: int, note: str) -> Exhibit:
        """Show the rollout that a result belongs to by its place, where there is one."""
        case = self.cases[min(place, len(self.cases) - 1)]
        return Answer(case=case, score=None).exhibit(note)


def contacted(exam: Examination) -> Contact:
    """Send right and wrong answers in one call, as many as the service would."""
    cases = [
        Case(label="contact", record=row.record, text=text) for row in exam.rows for text in (row.perfect, row.wrong)
    ]
    return _sent(exam, cases[: exam.settings.grading.rollouts_per_call])


def met(exam: Examination) -> Iterator[Contact]:
    """Send right and wrong answers to other rows and the rollouts of the untrained model, in whole calls.

    Yields:
        each call.
    """
    cases = [
        Case(label="contact", record=row.record, text=text) for row in exam.few for text in (row.perfect, row.wrong)
    ]
    cases += [
        Case(label="contact", record=group.prompt.record, text=shown(rollout, exam.settings.grading))
        for group in exam.base_groups
        for rollout in group.rollouts
    ]
    size = exam.settings.grading.rollouts_per_call
    for start in range(0, len(cases), size):
        yield _sent(exam, cases[start : start + size])


def _sent(exam: Examination, cases: Sequence[Case]) -> Contact:
    names = exam.ask.ids(cases)
    elements = [exam.ask.element(case, name=name) for case, name in zip(cases, names, strict=True)]
    call = exam.ask.call(elements, ids=names)
    scores = usable_scores(call, function=exam.patient.name)
    fault = scores if isinstance(scores, str) else ""
    return Contact(cases=tuple(cases), elements=tuple(elements), call=call, fault=fault)


def scores_alone(exam: Examination, contact: Contact) -> bool:
    """Say whether one of the first rollouts gets a score when it is sent alone; a time-out is waited for once."""
    if len(contact.elements) == 1:
        return not contact.fault
    asker = exam.ask
    if contact.timed_out:
        asker = impatient(exam)
        if asker.patient is exam.patient and exam.ask.patience.is_over:
            return False
    for element, name in list(zip(contact.elements, contact.call.ids, strict=True))[:_TRIED_ALONE]:
        call = asker.call([element], ids=[name])
        if not isinstance(usable_scores(call, function=exam.patient.name), str):
            return True
        if call.invocation is not None and timed_out(call.invocation):
            break
    return False


def broken_alone(exam: Examination, contact: Contact) -> tuple[int, str] | None:
    """Return the place of the first rollout that gets no score when it is sent alone, and why; None of a time-out."""
    if contact.timed_out:
        return None
    for place, (element, name) in enumerate(zip(contact.elements, contact.call.ids, strict=True)):
        scores = usable_scores(exam.ask.call([element], ids=[name]), function=exam.patient.name)
        if isinstance(scores, str):
            return place, scores
    return None
