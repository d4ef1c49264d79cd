"""Questions to the patient: cases put into Lambda events, sent in calls, and their scores read back by id."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, TypeVar

from simulator.doctor.executors import InlineExecutor
from simulator.doctor.finding import Example
from simulator.doctor.reward_function import RewardFunction
from simulator.doctor.timeout_budget import NoScoresError, TimeoutBudget
from simulator.grading.grader import MAX_PAYLOAD_BYTES
from simulator.grading.grader_error import GraderError, excerpt
from simulator.grading.lambda_event import encode_element, event_element, rollout_id, split_into_batches
from simulator.grading.lambda_failure import parse_failure
from simulator.grading.lambda_response import parse_rewards
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.function import Invocation
from simulator.settings import GradingSettings
from simulator.training.dataset import Record

# Of a function that fails on everything so many calls are made; what is left then is not asked.
MAX_FAILED_CALLS: Final = 24

T = TypeVar("T")

EventElement = dict[str, Any]
ElementTransform = Callable[[EventElement], EventElement]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One response to one record, to be scored.

    Attributes:
        label: what kind of question it is, such as "exploit: marker only"; with the line it names the case for good.
        record: whose prompt and reference it goes with.
        text: the response.
        transform: makes another element of the usual one, such as one without its reference.
    """

    label: str
    record: Record
    text: str
    transform: ElementTransform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What came of a case: a score, or why there is none.

    Attributes:
        error: why there is no score, in words.
        not_invoked: the function was not run on it: the call was refused, or not made. Then the fault is not its own.
    """

    case: Case
    score: float | None
    error: str = ""
    not_invoked: bool = False

    def example(self, note: str = "") -> Example:
        """Return it as a thing to look at."""
        return Example(
            line=self.case.record.line,
            prompt=self.case.record.messages[-1].content,
            response=self.case.text,
            score=self.score,
            note="; ".join(part for part in (note, self.error) if part),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One invocation: what was sent, and what came back, or why it was not run."""

    ids: tuple[str, ...]
    event: bytes
    invocation: Invocation | None
    not_invoked_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFailure:
    """A call that failed as `error` says, though each of its rollouts then scored when it was sent alone."""

    call: Call
    error: str
    first_result: CaseResult


def scores_of(results: Iterable[CaseResult]) -> list[float]:
    """Return the scores of those answers that have one."""
    return [answer.score for answer in results if answer.score is not None]


def mean_score(results: Sequence[CaseResult]) -> float:
    """Return the mean score, where an answer without one counts 0; of no answers 0.0."""
    return sum(scores_of(results)) / len(results) if results else 0.0


@dataclass(slots=True, kw_only=True)
class Invoker:
    """Puts cases to a patient, in calls of as many as the service would send.

    Attributes:
        on_call: called after each invocation, on any thread but never twice at once.
        executor: makes the calls of one question, `concurrency` of them at once; the answers are joined in order.
        timeout_budget: what time-outs may cost, shared by all who ask on one visit.
        results_by_label: every answer so far by its case's label, in the order in which they were asked.
        batch_failures: the calls so far that failed for no rollout of theirs.
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
    _call_lock: Lock = field(default_factory=Lock)

    @property
    def scores_by_label(self) -> dict[str, list[float | None]]:
        """Every score so far by what was asked, in order."""
        return {label: [answer.score for answer in answers] for label, answers in self.results_by_label.items()}

    def build_element(self, case: Case, *, rollout_id: str) -> EventElement:
        """Return a case as an element of the Lambda event, under an id."""
        element = event_element(rollout_id=rollout_id, record=case.record, text=case.text, settings=self.settings)
        return case.transform(element) if case.transform else element

    def rollout_ids(self, cases: Sequence[Case]) -> tuple[str, ...]:
        """Return an id for each case, in the form of a job's rollouts; how often a line occurs tells them apart."""
        seen: dict[int, int] = {}
        names = []
        for case in cases:
            line = case.record.line
            names.append(rollout_id(split="train", step=1, line=line, index=seen.get(line, 0)))
            seen[line] = seen.get(line, 0) + 1
        return tuple(names)

    def invoke(self, elements: Sequence[Mapping[str, Any]], *, ids: Sequence[str]) -> Call:
        """Make one invocation with these elements, whatever they are.

        Raises:
            HungError: too much was waited for calls that ran into the time-out.
        """
        event = b"[" + b",".join(map(encode_element, elements)) + b"]"
        return self._invoke(event, tuple(ids))

    def repeat_call(self, call: Call) -> Call:
        """Make a call again, byte by byte.

        Raises:
            HungError: as `call` does.
        """
        return self._invoke(call.event, call.ids)

    def _invoke(self, event: bytes, ids: tuple[str, ...]) -> Call:
        try:
            call = Call(ids=ids, event=event, invocation=self.timeout_budget.invoke(self.reward_function, event))
        except InvocationRejected as refused:
            call = Call(ids=ids, event=event, invocation=None, not_invoked_reason=refused.message)
        with self._call_lock:
            self.call_count += 1
            self.on_call(call)
        return call

    def score(
        self, cases: Sequence[Case], *, ids: Sequence[str] = (), batch_size: int | None = None, keep: bool = True
    ) -> tuple[CaseResult, ...]:
        """Return an answer for each case, in order, and keep it in `answered`, but for a question that is repeated.

        Where a call gives no usable scores its cases are asked one by one, so that a broken one does not cost the
        others theirs. `ids` are the rollouts' ids, where they matter, and `batch_size` how many go into a call, where that
        is not as many as the service would send. After call upon call has failed, and none has given a score, the rest
        is not asked and has no score either.

        Raises:
            NoAnswersError: it was so, and no earlier question got a score.
            HungError: as `call` does.
        """
        ids = ids or self.rollout_ids(cases)
        elements = [self.build_element(case, rollout_id=name) for case, name in zip(cases, ids, strict=True)]
        sizes = [encode_element(element) for element in elements]
        spans = split_into_batches(
            sizes, max_elements=batch_size or self.settings.rollouts_per_call, max_bytes=MAX_PAYLOAD_BYTES
        )

        def answered(span: range) -> tuple[list[CaseResult], BatchFailure | None]:
            chosen = slice(span.start, span.stop)
            return self._score_batch(cases[chosen], elements[chosen], ids[chosen])

        answers: list[CaseResult] = []
        failed = 0
        for some, stumble in self.map_in_batches(answered, spans):
            failed = 0 if scores_of(some) else failed + len(some) + 1
            answers += some
            self.batch_failures += [stumble] if stumble else []
            if failed > MAX_FAILED_CALLS and not scores_of(answers):
                if not any(scores_of(earlier) for earlier in self.results_by_label.values()):
                    raise NoScoresError(f"{answers[-1].error}, of the response {excerpt(repr(answers[-1].case.text))}")
                fault = f"not asked, as all the like failed; the last: {answers[-1].error}"
                answers += [
                    CaseResult(case=case, score=None, error=fault, not_invoked=True) for case in cases[len(answers) :]
                ]
                break
        for answer in answers if keep else ():
            self.results_by_label.setdefault(answer.case.label, []).append(answer)
        return tuple(answers)

    def map_in_batches(self, function: Callable[[range], T], spans: Sequence[range]) -> Iterator[T]:
        """Yield what `function` makes of each span, in order, `width` at once; who stops listening wastes a wave at most."""
        for start in range(0, len(spans), self.concurrency):
            yield from self.executor.map(function, spans[start : start + self.concurrency])

    def _score_batch(
        self, cases: Sequence[Case], elements: Sequence[EventElement], ids: Sequence[str]
    ) -> tuple[list[CaseResult], BatchFailure | None]:
        call = self.invoke(elements, ids=ids)
        scores = usable_scores(call, function_name=self.reward_function.name)
        if not isinstance(scores, str):
            return [CaseResult(case=case, score=score) for case, score in zip(cases, scores, strict=True)], None
        if len(cases) == 1:
            return [CaseResult(case=cases[0], score=None, error=scores, not_invoked=call.invocation is None)], None
        answers = [self._score_alone(*one) for one in zip(cases, elements, ids, strict=True)]
        # A call that was not run at all, for want of concurrency say, says nothing of the function.
        stumbled = call.invocation is not None and all(answer.score is not None for answer in answers)
        return answers, BatchFailure(call=call, error=scores, first_result=answers[0]) if stumbled else None

    def _score_alone(self, case: Case, element: EventElement, rollout_id: str) -> CaseResult:
        call = self.invoke([element], ids=[rollout_id])
        scores = usable_scores(call, function_name=self.reward_function.name)
        if isinstance(scores, str):
            return CaseResult(case=case, score=None, error=scores, not_invoked=call.invocation is None)
        return CaseResult(case=case, score=scores[0])


def usable_scores(call: Call, *, function_name: str) -> list[float] | str:
    """Return the scores of a call in the order of its ids, or why it gave none that a job could use."""
    if call.invocation is None:
        return call.not_invoked_reason
    if call.invocation.function_error:
        failure = parse_failure(call.invocation.payload)
        return f"{failure.type}: {failure.message}{failure.location}"
    try:
        return parse_rewards(call.invocation.payload, rollout_ids=call.ids, function=function_name)
    except GraderError as error:
        return error.reason
