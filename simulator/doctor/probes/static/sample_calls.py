"""The visit's first calls: ordinary rollouts, and what comes back as far as it can be read."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulator.doctor.finding import Example
from simulator.doctor.invocation import Call, Case, CaseResult, EventElement, usable_scores
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.time_growth import invoker_with_shorter_timeout
from simulator.doctor.timeout_budget import has_timed_out
from simulator.grading.lambda_event import response_text

_SINGLE_ROLLOUTS: Final = 3  # rollouts that are sent one by one after they have failed together


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleCall:
    """An ordinary call: what was sent, and what came back as far as it can be read."""

    cases: tuple[Case, ...]
    elements: tuple[EventElement, ...]
    call: Call
    error: str  # why a job could not use it, empty when it could

    @property
    def has_timed_out(self) -> bool:
        """Whether it ran into the function's time-out."""
        return self.call.invocation is not None and has_timed_out(self.call.invocation)

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

    def example(self, index: int, note: str) -> Example:
        """Show the rollout that a result belongs to by its place, where there is one."""
        case = self.cases[min(index, len(self.cases) - 1)]
        return CaseResult(case=case, score=None).example(note)


def send_first_call(context: ProbeContext) -> SampleCall:
    """Send right and wrong answers in one call, as many as the service would."""
    cases = [
        Case(label="contact", record=row.record, text=text)
        for row in context.rows
        for text in (row.right_response, row.wrong_response)
    ]
    return _send(context, cases[: context.settings.grading.rollouts_per_call])


def send_more_calls(context: ProbeContext) -> Iterator[SampleCall]:
    """Send right and wrong answers to other rows and the rollouts of the untrained model, in whole calls.

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
    names = context.invoker.rollout_ids(cases)
    elements = [context.invoker.build_element(case, rollout_id=name) for case, name in zip(cases, names, strict=True)]
    call = context.invoker.invoke(elements, ids=names)
    scores = usable_scores(call, function_name=context.reward_function.name)
    fault = scores if isinstance(scores, str) else ""
    return SampleCall(cases=tuple(cases), elements=tuple(elements), call=call, error=fault)


def scores_single_rollout(context: ProbeContext, sample_call: SampleCall) -> bool:
    """Say whether one of the first rollouts gets a score when it is sent alone; a time-out is waited for once."""
    if len(sample_call.elements) == 1:
        return not sample_call.error
    asker = context.invoker
    if sample_call.has_timed_out:
        asker = invoker_with_shorter_timeout(context)
        if asker.reward_function is context.reward_function and context.invoker.timeout_budget.is_exhausted:
            return False
    for element, name in list(zip(sample_call.elements, sample_call.call.ids, strict=True))[:_SINGLE_ROLLOUTS]:
        call = asker.invoke([element], ids=[name])
        if not isinstance(usable_scores(call, function_name=context.reward_function.name), str):
            return True
        if call.invocation is not None and has_timed_out(call.invocation):
            break
    return False


def find_failing_rollout(context: ProbeContext, sample_call: SampleCall) -> tuple[int, str] | None:
    """Return the place of the first rollout that gets no score when it is sent alone, and why; None of a time-out."""
    if sample_call.has_timed_out:
        return None
    for place, (element, name) in enumerate(zip(sample_call.elements, sample_call.call.ids, strict=True)):
        scores = usable_scores(
            context.invoker.invoke([element], ids=[name]), function_name=context.reward_function.name
        )
        if isinstance(scores, str):
            return place, scores
    return None
