"""Questions to the patient: cases put into Lambda events, sent in calls, and their scores read back by id."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, TypeVar

from simulator.doctor.executors import InPlace
from simulator.doctor.finding import Exhibit
from simulator.doctor.reward_function import Patient
from simulator.doctor.timeout_budget import NoAnswersError, Patience
from simulator.grading.grader import ROOM
from simulator.grading.lambda_event import batched, encoded, lambda_element, rollout_id
from simulator.grading.lambda_response import GraderError, excerpt, failure_of, rewards_by_id
from simulator.lambdas.errors import InvocationRejected
from simulator.lambdas.function import Invocation
from simulator.settings import GradingSettings
from simulator.training.dataset import Record

# Of a function that fails on everything so many calls are made; what is left then is not asked.
MOST_FAILED_CALLS: Final = 24

T = TypeVar("T")

Element = dict[str, Any]
Shape = Callable[[Element], Element]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One response to one record, to be scored.

    Attributes:
        label: what kind of question it is, such as "exploit: marker only"; with the line it names the case for good.
        record: whose prompt and reference it goes with.
        text: the response.
        altered: makes another element of the usual one, such as one without its reference.
    """

    label: str
    record: Record
    text: str
    altered: Shape | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a case: a score, or why there is none.

    Attributes:
        fault: why there is no score, in words.
        unrun: the function was not run on it: the call was refused, or not made. Then the fault is not its own.
    """

    case: Case
    score: float | None
    fault: str = ""
    unrun: bool = False

    def exhibit(self, note: str = "") -> Exhibit:
        """Return it as a thing to look at."""
        return Exhibit(
            line=self.case.record.line,
            prompt=self.case.record.messages[-1].content,
            response=self.case.text,
            score=self.score,
            note="; ".join(part for part in (note, self.fault) if part),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One invocation: what was sent, and what came back, or why it was not run."""

    ids: tuple[str, ...]
    event: bytes
    invocation: Invocation | None
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stumble:
    """A call that failed as `fault` says, though each of its rollouts then scored when it was sent alone."""

    call: Call
    fault: str
    first: Answer


def scores_of(answers: Iterable[Answer]) -> list[float]:
    """Return the scores of those answers that have one."""
    return [answer.score for answer in answers if answer.score is not None]


def mean_score(answers: Sequence[Answer]) -> float:
    """Return the mean score, where an answer without one counts 0; of no answers 0.0."""
    return sum(scores_of(answers)) / len(answers) if answers else 0.0


@dataclass(slots=True, kw_only=True)
class Asker:
    """Puts cases to a patient, in calls of as many as the service would send.

    Attributes:
        told: called after each invocation, on any thread but never twice at once.
        executor: makes the calls of one question, `width` of them at once; the answers are joined in order.
        patience: what time-outs may cost, shared by all who ask on one visit.
        answered: every answer so far by its case's label, in the order in which they were asked.
        stumbles: the calls so far that failed for no rollout of theirs.
    """

    patient: Patient
    settings: GradingSettings
    told: Callable[[Call], None] = field(default=lambda _call: None)
    executor: Executor = field(default_factory=InPlace)
    width: int = 1
    patience: Patience = field(default_factory=Patience)
    answered: dict[str, list[Answer]] = field(default_factory=dict)
    stumbles: list[Stumble] = field(default_factory=list)
    calls: int = 0
    _telling: Lock = field(default_factory=Lock)

    @property
    def ledger(self) -> dict[str, list[float | None]]:
        """Every score so far by what was asked, in order."""
        return {label: [answer.score for answer in answers] for label, answers in self.answered.items()}

    def element(self, case: Case, *, name: str) -> Element:
        """Return a case as an element of the Lambda event, under an id."""
        element = lambda_element(rollout_id=name, record=case.record, text=case.text, settings=self.settings)
        return case.altered(element) if case.altered else element

    def ids(self, cases: Sequence[Case]) -> tuple[str, ...]:
        """Return an id for each case, in the form of a job's rollouts; how often a line occurs tells them apart."""
        seen: dict[int, int] = {}
        names = []
        for case in cases:
            line = case.record.line
            names.append(rollout_id(split="train", step=1, line=line, index=seen.get(line, 0)))
            seen[line] = seen.get(line, 0) + 1
        return tuple(names)

    def call(self, elements: Sequence[Mapping[str, Any]], *, ids: Sequence[str]) -> Call:
        """Make one invocation with these elements, whatever they are.

        Raises:
            HungError: too much was waited for calls that ran into the time-out.
        """
        event = b"[" + b",".join(map(encoded, elements)) + b"]"
        return self._called(event, tuple(ids))

    def repeated(self, call: Call) -> Call:
        """Make a call again, byte by byte.

        Raises:
            HungError: as `call` does.
        """
        return self._called(call.event, call.ids)

    def _called(self, event: bytes, ids: tuple[str, ...]) -> Call:
        try:
            call = Call(ids=ids, event=event, invocation=self.patience.invoked(self.patient, event))
        except InvocationRejected as refused:
            call = Call(ids=ids, event=event, invocation=None, refusal=refused.message)
        with self._telling:
            self.calls += 1
            self.told(call)
        return call

    def asked(
        self, cases: Sequence[Case], *, names: Sequence[str] = (), most: int | None = None, kept: bool = True
    ) -> tuple[Answer, ...]:
        """Return an answer for each case, in order, and keep it in `answered`, but for a question that is repeated.

        Where a call gives no usable scores its cases are asked one by one, so that a broken one does not cost the
        others theirs. `names` are the rollouts' ids, where they matter, and `most` how many go into a call, where that
        is not as many as the service would send. After call upon call has failed, and none has given a score, the rest
        is not asked and has no score either.

        Raises:
            NoAnswersError: it was so, and no earlier question got a score.
            HungError: as `call` does.
        """
        names = names or self.ids(cases)
        elements = [self.element(case, name=name) for case, name in zip(cases, names, strict=True)]
        sizes = [encoded(element) for element in elements]
        spans = batched(sizes, most=most or self.settings.rollouts_per_call, room=ROOM)

        def answered(span: range) -> tuple[list[Answer], Stumble | None]:
            chosen = slice(span.start, span.stop)
            return self._answers(cases[chosen], elements[chosen], names[chosen])

        answers: list[Answer] = []
        failed = 0
        for some, stumble in self.in_waves(answered, spans):
            failed = 0 if scores_of(some) else failed + len(some) + 1
            answers += some
            self.stumbles += [stumble] if stumble else []
            if failed > MOST_FAILED_CALLS and not scores_of(answers):
                if not any(scores_of(earlier) for earlier in self.answered.values()):
                    raise NoAnswersError(f"{answers[-1].fault}, of the response {excerpt(repr(answers[-1].case.text))}")
                fault = f"not asked, as all the like failed; the last: {answers[-1].fault}"
                answers += [Answer(case=case, score=None, fault=fault, unrun=True) for case in cases[len(answers) :]]
                break
        for answer in answers if kept else ():
            self.answered.setdefault(answer.case.label, []).append(answer)
        return tuple(answers)

    def in_waves(self, ask: Callable[[range], T], spans: Sequence[range]) -> Iterator[T]:
        """Yield what `ask` makes of each span, in order, `width` at once; who stops listening wastes a wave at most."""
        for start in range(0, len(spans), self.width):
            yield from self.executor.map(ask, spans[start : start + self.width])

    def _answers(
        self, cases: Sequence[Case], elements: Sequence[Element], names: Sequence[str]
    ) -> tuple[list[Answer], Stumble | None]:
        call = self.call(elements, ids=names)
        scores = usable_scores(call, function=self.patient.name)
        if not isinstance(scores, str):
            return [Answer(case=case, score=score) for case, score in zip(cases, scores, strict=True)], None
        if len(cases) == 1:
            return [Answer(case=cases[0], score=None, fault=scores, unrun=call.invocation is None)], None
        answers = [self._alone(*one) for one in zip(cases, elements, names, strict=True)]
        # A call that was not run at all, for want of concurrency say, says nothing of the function.
        stumbled = call.invocation is not None and all(answer.score is not None for answer in answers)
        return answers, Stumble(call=call, fault=scores, first=answers[0]) if stumbled else None

    def _alone(self, case: Case, element: Element, name: str) -> Answer:
        call = self.call([element], ids=[name])
        scores = usable_scores(call, function=self.patient.name)
        if isinstance(scores, str):
            return Answer(case=case, score=None, fault=scores, unrun=call.invocation is None)
        return Answer(case=case, score=scores[0])


def usable_scores(call: Call, *, function: str) -> list[float] | str:
    """Return the scores of a call in the order of its ids, or why it gave none that a job could use."""
    if call.invocation is None:
        return call.refusal
    if call.invocation.function_error:
        failure = failure_of(call.invocation.payload)
        return f"{failure.type}: {failure.message}{failure.place}"
    try:
        return rewards_by_id(call.invocation.payload, sent=call.ids, function=function)
    except GraderError as error:
        return error.reason
