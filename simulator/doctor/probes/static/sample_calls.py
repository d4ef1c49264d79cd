"""The first calls of a doctor run: ordinary rollouts, and their parsed results."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.doctor.finding import Example, ExampleCall
from simulator.doctor.invocation import Call, Case, CaseResult, EventElement, usable_scores
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.time_growth import invoker_with_shorter_timeout
from simulator.doctor.timeout_budget import has_timed_out
from simulator.grading.lambda_event import encode_element, response_text

_SINGLE_ROLLOUTS: Final = 3  # how many are sent alone after their call has failed


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCall:
    """An ordinary call with its cases and its result."""

    cases: tuple[Case, ...]
    elements: tuple[EventElement, ...]
    call: Call
    error: str  # why a job could not use the scores; empty when it could

    @property
    def has_timed_out(self) -> bool:
        """Whether it reached the function's time-out."""
        return self.call.invocation is not None and has_timed_out(self.call.invocation)

    @property
    def results(self) -> list[Any] | None:
        """The items of the function's response. None when it is not a list, or when the function failed."""
        invocation = self.call.invocation
        if invocation is None or invocation.function_error:
            return None
        try:
            response = json.loads(invocation.payload)
        except (ValueError, RecursionError):
            return None
        return response if isinstance(response, list) else None

    def example(self, index: int, note: str) -> Example:
        """Return the rollout at an index as an example; the last one for an index beyond the cases."""
        index = min(index, len(self.cases) - 1)
        invocation = self.call.invocation
        payload = None if invocation is None or invocation.function_error else invocation.payload
        call = ExampleCall(elements=self.elements, rollout_id=self.call.ids[index], payload=payload)
        return CaseResult(case=self.cases[index], score=None, call=call).example(note)


def send_first_call(context: ProbeContext) -> SampleCall:
    """Send right and wrong answers in one call, as many rollouts as the service sends."""
    return _send(context, _first_cases(context))


def first_event(context: ProbeContext) -> bytes:
    """Return the event of the first call."""
    cases = _first_cases(context)
    pairs = zip(cases, context.invoker.rollout_ids(cases), strict=True)
    elements = [encode_element(context.invoker.build_element(case, rollout_id=id_)) for case, id_ in pairs]
    return b"[" + b",".join(elements) + b"]"


def _first_cases(context: ProbeContext) -> list[Case]:
    cases = [
        Case(label="contact", record=row.record, text=text)
        for row in context.rows
        for text in (row.right_response, row.wrong_response)
    ]
    return cases[: context.settings.grading.rollouts_per_call]


def send_more_calls(context: ProbeContext) -> Iterator[SampleCall]:
    """Send right and wrong answers to other rows, and the rollouts of the untrained model.

    Yields:
        each call.
    """
    cases = [
        Case(label="contact", record=row.record, text=text)
        for row in context.row_subset
        for text in (row.right_response, row.wrong_response)
    ]
    cases += [
        Case(label="contact", record=group.prompt.record, text=response_text(rollout, context.settings.grading))
        for group in context.base_groups
        for rollout in group.rollouts
    ]
    size = context.settings.grading.rollouts_per_call
    for start in range(0, len(cases), size):
        yield _send(context, cases[start : start + size])


def _send(context: ProbeContext, cases: Sequence[Case]) -> SampleCall:
    ids = context.invoker.rollout_ids(cases)
    elements = [context.invoker.build_element(case, rollout_id=id_) for case, id_ in zip(cases, ids, strict=True)]
    call = context.invoker.invoke(elements, ids=ids)
    scores = usable_scores(call, function_name=context.reward_function.name)
    error = scores if isinstance(scores, str) else ""
    return SampleCall(cases=tuple(cases), elements=tuple(elements), call=call, error=error)


def scores_single_rollout(context: ProbeContext, sample_call: SampleCall) -> bool:
    """Return whether one of the first rollouts gets a score when it is sent alone. At most one of them times out."""
    if len(sample_call.elements) == 1:
        return not sample_call.error
    invoker = context.invoker
    if sample_call.has_timed_out:
        invoker = invoker_with_shorter_timeout(context)
        if invoker.reward_function is context.reward_function and context.invoker.timeout_budget.is_exhausted:
            return False
    for element, id_ in list(zip(sample_call.elements, sample_call.call.ids, strict=True))[:_SINGLE_ROLLOUTS]:
        call = invoker.invoke([element], ids=[id_])
        if not isinstance(usable_scores(call, function_name=context.reward_function.name), str):
            return True
        if call.invocation is not None and has_timed_out(call.invocation):
            break
    return False


def find_failing_rollout(context: ProbeContext, sample_call: SampleCall) -> tuple[int, str] | None:
    """Return the index and the error of the first rollout that gets no score alone. None after a time-out."""
    if sample_call.has_timed_out:
        return None
    for index, (element, id_) in enumerate(zip(sample_call.elements, sample_call.call.ids, strict=True)):
        call = context.invoker.invoke([element], ids=[id_])
        scores = usable_scores(call, function_name=context.reward_function.name)
        if isinstance(scores, str):
            return index, scores
    return None
