"""Send cases to the reward function in Lambda events, and read their scores by id."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, TypeVar

from simulator.doctor.executors import InlineExecutor
from simulator.doctor.finding import Example, ExampleCall
from simulator.doctor.reward_function import RewardFunction, in_environment
from simulator.doctor.timeout_budget import NoScoresError, TimeoutBudget
from simulator.grading.grader import MAX_PAYLOAD_BYTES
from simulator.grading.grader_error import GraderError, excerpt
from simulator.grading.lambda_event import encode_element, event_element, rollout_id, split_into_batches
from simulator.grading.lambda_failure import parse_failure
from simulator.grading.lambda_response import parse_rewards
from simulator.http.service_calls import ServiceCalls, merge_service_calls
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.function import Invocation
from simulator.settings import GradingSettings
from simulator.training.dataset import Record

MAX_FAILED_CALLS: Final = 24
"""After more failed calls in a row, and no score at all, the remaining cases are not sent."""

T = TypeVar("T")

EventElement = dict[str, Any]
ElementTransform = Callable[[EventElement], EventElement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One response to one record, to be scored.

    Attributes:
        label: the kind of case, such as "exploit: marker only". Golden files rely on it.
        record: the record that supplies the prompt and the reference.
        text: the response.
        transform: changes the event element, for example removes its reference.
    """

    label: str
    record: Record
    text: str
    transform: ElementTransform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The score of a case, or why there is none.

    Attributes:
        error: why there is no score.
        not_invoked: True if the function did not run on the case, because the call was rejected or not made.
        call: the event of the call and the case's id in it.
    """

    case: Case
    score: float | None
    error: str = ""
    not_invoked: bool = False
    call: ExampleCall | None = field(default=None, compare=False, repr=False)

    def example(self, note: str = "") -> Example:
        """Return the case as an example of a finding."""
        return Example(
            line=self.case.record.line,
            prompt=self.case.record.messages[-1].content,
            response=self.case.text,
            score=self.score,
            note="; ".join(part for part in (note, self.error) if part),
            call=self.call,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One invocation: the event, and the result or why the function was not run."""

    ids: tuple[str, ...]
    event: bytes
    invocation: Invocation | None
    not_invoked_reason: str = ""

    @property
    def service_calls_behind_scores(self) -> tuple[ServiceCalls, ...]:
        """The calls to AWS services that the function made, if it returned a response."""
        if self.invocation is None or self.invocation.function_error is not None:
            return ()
        return self.invocation.service_calls


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFailure:
    """A call that failed with `error`, although each of its rollouts has a score when it is sent alone."""

    call: Call
    error: str
    first_result: CaseResult


def scores_of(results: Iterable[CaseResult]) -> list[float]:
    """Return the scores of the results that have one."""
    return [result.score for result in results if result.score is not None]


def mean_score(results: Sequence[CaseResult]) -> float:
    """Return the mean score. A result without a score counts 0; the mean of no results is 0.0."""
    return sum(scores_of(results)) / len(results) if results else 0.0


@dataclass(slots=True, kw_only=True)
class Invoker:
    """Sends cases to a reward function, in calls as large as the service's.

    Attributes:
        on_call: called after each invocation, on any thread but never concurrently.
        executor: makes `concurrency` calls at once. Results keep the order of the cases.
        timeout_budget: how long time-outs may take in total. Several invokers of one doctor run share it.
        results_by_label: every result so far by its case's label, in order.
        batch_failures: the failed calls so far whose rollouts all have a score when sent alone.
        service_calls: the calls to AWS services that the function made so far, where it returned a response.
    """

    reward_function: RewardFunction
    settings: GradingSettings
    on_call: Callable[[Call], None] = field(default=lambda _call: None)
    executor: Executor = field(default_factory=InlineExecutor)
    concurrency: int = 1
    timeout_budget: TimeoutBudget = field(default_factory=TimeoutBudget)
    results_by_label: dict[str, list[CaseResult]] = field(default_factory=dict)
    batch_failures: list[BatchFailure] = field(default_factory=list)
    call_count: int = 0
    service_calls: tuple[ServiceCalls, ...] = ()
    _call_lock: Lock = field(default_factory=Lock)

    def build_element(self, case: Case, *, rollout_id: str) -> EventElement:
        """Return the element of the Lambda event for a case."""
        element = event_element(rollout_id=rollout_id, record=case.record, text=case.text, settings=self.settings)
        return case.transform(element) if case.transform else element

    def rollout_ids(self, cases: Sequence[Case]) -> tuple[str, ...]:
        """Return an id for each case, in the form that a job uses. Cases of one line are numbered."""
        counts: dict[int, int] = {}
        ids = []
        for case in cases:
            line = case.record.line
            ids.append(rollout_id(split="train", step=1, line=line, index=counts.get(line, 0)))
            counts[line] = counts.get(line, 0) + 1
        return tuple(ids)

    def invoke(self, elements: Sequence[Mapping[str, Any]], *, ids: Sequence[str]) -> Call:
        """Make one invocation with these elements.

        Raises:
            TimeoutBudgetError: calls have timed out for too long in total.
        """
        event = b"[" + b",".join(map(encode_element, elements)) + b"]"
        return self._invoke(event, tuple(ids))

    def repeat_call(self, call: Call) -> Call:
        """Make a call again with the same bytes.

        Raises:
            TimeoutBudgetError: as `invoke` does.
        """
        return self._invoke(call.event, call.ids)

    def _invoke(self, event: bytes, ids: tuple[str, ...]) -> Call:
        try:
            call = Call(ids=ids, event=event, invocation=self.timeout_budget.invoke(self.reward_function, event))
        except InvocationRejected as error:
            call = Call(ids=ids, event=event, invocation=None, not_invoked_reason=error.message)
        with self._call_lock:
            self.call_count += 1
            self.add_service_calls(call.service_calls_behind_scores)
            self.on_call(call)
        return call

    def add_service_calls(self, service_calls: Iterable[ServiceCalls]) -> None:
        """Add the calls to AWS services that an invocation made."""
        self.service_calls = merge_service_calls((self.service_calls, service_calls))

    @property
    def failed_calls(self) -> tuple[ServiceCalls, ...]:
        """The calls to the services of which a call has failed."""
        return tuple(calls for calls in self.service_calls if calls.failed)

    def score(
        self, cases: Sequence[Case], *, ids: Sequence[str] = (), batch_size: int | None = None, keep: bool = True
    ) -> tuple[CaseResult, ...]:
        """Return a result for each case, in order. `keep` adds them to `results_by_label`.

        When a call gives no usable scores, its cases are sent one by one, so that one broken case does not affect the
        others. When more than `MAX_FAILED_CALLS` calls in a row fail and no case has a score, the remaining cases are
        not sent.

        Args:
            cases: the cases.
            ids: the rollout ids. Default: the result of `rollout_ids`.
            batch_size: the number of rollouts in a call. Default: as many as the service sends.
            keep: False for cases that are scored again.

        Raises:
            NoScoresError: every call failed, and no earlier case has a score.
            TimeoutBudgetError: as `invoke` does.
        """
        ids = ids or self.rollout_ids(cases)
        elements = [self.build_element(case, rollout_id=id_) for case, id_ in zip(cases, ids, strict=True)]
        encoded_elements = [encode_element(element) for element in elements]
        spans = split_into_batches(
            encoded_elements, max_elements=batch_size or self.settings.rollouts_per_call, max_bytes=MAX_PAYLOAD_BYTES
        )

        def score_span(span: range) -> tuple[list[CaseResult], BatchFailure | None]:
            batch = slice(span.start, span.stop)
            return self._score_batch(cases[batch], elements[batch], ids[batch])

        results: list[CaseResult] = []
        failed_calls = 0
        for batch_results, batch_failure in self.map_in_waves(score_span, spans):
            failed_calls = 0 if scores_of(batch_results) else failed_calls + len(batch_results) + 1
            results += batch_results
            self.batch_failures += [batch_failure] if batch_failure else []
            if failed_calls > MAX_FAILED_CALLS and not scores_of(results):
                last_result = results[-1]
                if not any(scores_of(earlier) for earlier in self.results_by_label.values()):
                    raise NoScoresError(f"{last_result.error}, for the response {excerpt(repr(last_result.case.text))}")
                error = f"not sent, because all cases before it failed; the last error: {last_result.error}"
                results += [
                    CaseResult(case=case, score=None, error=error, not_invoked=True) for case in cases[len(results) :]
                ]
                break
        for result in results if keep else ():
            self.results_by_label.setdefault(result.case.label, []).append(result)
        return tuple(results)

    def map_in_waves(self, function: Callable[[range], T], spans: Sequence[range]) -> Iterator[T]:
        """Yield `function(span)` for each span, in order.

        `concurrency` spans run at once, each in an environment of its own. A consumer that stops early wastes the calls
        of one wave at most.
        """

        def call(environment: int, span: range) -> T:
            with in_environment(environment):
                return function(span)

        for start in range(0, len(spans), self.concurrency):
            wave = spans[start : start + self.concurrency]
            yield from self.executor.map(call, range(len(wave)), wave)

    def _score_batch(
        self, cases: Sequence[Case], elements: Sequence[EventElement], ids: Sequence[str]
    ) -> tuple[list[CaseResult], BatchFailure | None]:
        call = self.invoke(elements, ids=ids)
        scores = usable_scores(call, function_name=self.reward_function.name)
        if not isinstance(scores, str):
            sent = [ExampleCall(elements=elements, rollout_id=id_) for id_ in ids]
            return [
                CaseResult(case=case, score=score, call=call_of_case)
                for case, score, call_of_case in zip(cases, scores, sent, strict=True)
            ], None
        if len(cases) == 1:
            return [_unscored(cases[0], elements[0], ids[0], call, error=scores)], None
        results = [self._score_alone(*single) for single in zip(cases, elements, ids, strict=True)]
        # A call that was rejected, for example throttled, is not the function's failure.
        only_batch_failed = call.invocation is not None and all(result.score is not None for result in results)
        return results, BatchFailure(call=call, error=scores, first_result=results[0]) if only_batch_failed else None

    def _score_alone(self, case: Case, element: EventElement, rollout_id: str) -> CaseResult:
        call = self.invoke([element], ids=[rollout_id])
        scores = usable_scores(call, function_name=self.reward_function.name)
        if isinstance(scores, str):
            return _unscored(case, element, rollout_id, call, error=scores)
        return CaseResult(case=case, score=scores[0], call=ExampleCall(elements=(element,), rollout_id=rollout_id))


def _unscored(case: Case, element: EventElement, rollout_id: str, call: Call, *, error: str) -> CaseResult:
    return CaseResult(
        case=case,
        score=None,
        error=error,
        not_invoked=call.invocation is None,
        call=ExampleCall(elements=(element,), rollout_id=rollout_id),
    )


def usable_scores(call: Call, *, function_name: str) -> list[float] | str:
    """Return the scores of a call in the order of its ids, or why a job could not use them."""
    if call.invocation is None:
        return call.not_invoked_reason
    if call.invocation.function_error:
        failure = parse_failure(call.invocation.payload)
        return f"{failure.type}: {failure.message}{failure.location}"
    try:
        return parse_rewards(call.invocation.payload, rollout_ids=call.ids, function=function_name)
    except GraderError as error:
        return error.reason
