"""S14: an odd rollout or record costs no other rollout its score, and brings down no call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.finding import Example, Finding, Probe, Severity
from simulator.doctor.invocation import Case, CaseResult
from simulator.doctor.probe_context import SCORE_TOLERANCE, ProbeContext
from simulator.doctor.probes.static.malformed_elements import (
    MalformedElement,
    malformed_messages,
    malformed_references,
    malformed_responses,
)
from simulator.doctor.probes.static.score_scale import (
    BATCH_DEPENDENT,
    MAX_EXAMPLES,
    MIN_MATERIAL_DIFFERENCE,
    ScoreScale,
    score_scale,
)
from simulator.doctor.rows import Row
from simulator.grading.grader_error import excerpt

MAX_UNEARNED_SCORE: Final = 0.5
"""An element with no answer in it may score this part of the scale (INFERRED)."""

MAX_LOST_SCORE: Final = MIN_MATERIAL_DIFFERENCE
"""A right answer may lose this part of the scale to what is around it: a penalty for its length, say (INFERRED)."""

LARGE_RESPONSE, HUGE_RESPONSE = 20_000, 200_000
"""Characters of the longest responses that are sent (INFERRED)."""

MAX_SECONDS: Final = 10.0
"""The huge response is sent where the large one leads to expect an answer within this time."""

_QUADRATIC_GROWTH: Final = (
    HUGE_RESPONSE / LARGE_RESPONSE
) ** 2  # how much longer the huge one takes where time grows by the square
_FILLER: Final = "Let me go through this once more. "

MALFORMED_INPUT: Final = Probe(
    id="S14",
    name="malformed input",
    question="Does an odd rollout or record leave the rest of its call alone?",
    measured=(
        "Each odd element goes out in one call with an ordinary right answer, whose score must come back unchanged. An "
        "error, or a lost or changed score, is a failure where the documentation lets the input happen: an empty "
        f"response, one of {HUGE_RESPONSE:,} characters, odd characters, fields that nobody knows, and a reference that is "
        "missing, null or empty where a record of the file is so. It is a warning for a missing or null reference "
        "where no record is so. It is told, and no more, for what the documentation excludes: content that is "
        "null or a list of parts, no messages, no response; and for an empty reference or one of another type. "
        f"An element with no answer in it that scores more than {MAX_UNEARNED_SCORE:g} of the scale is a warning, and so is a "
        f"right answer that loses more than {MAX_LOST_SCORE:g} of it to fields that nobody knows or to odd characters before its "
        "marker. Every response that was put to the function so far, by whichever probe, is one that a model can "
        "write: one that got no usable score is a failure."
    ),
    means=(
        "One exception costs every rollout of the call its score, and the job stops. Among thousands of rollouts the "
        "odd one comes."
    ),
    remedy="Handle each element on its own, and score 0.0 what cannot be read.",
    source=(
        "DOCUMENTED: message content is a plain string in the event, a response comes last, and the reference answer "
        "is optional. That a missing reference is no failure where every record has one, and that null content is no "
        "warning, is ours: they cannot come, and many a sound function would be warned of."
    ),
)

_LOST_SCORES: Final = {
    Severity.FAIL: "An odd element that can come costs the call its scores.",
    Severity.WARN: "An odd element that should not come costs the call its scores.",
    Severity.INFO: "An odd element that can hardly come costs the call its scores.",
}
NO_USABLE_SCORE: Final = "A response that a model can write gets no usable score: a job ends with it."
_UNEARNED_SCORE, _LOST_SCORE = (
    "An element with no answer in it scores.",
    "A right answer loses score to what is around it.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Defect:
    """What went wrong with an odd element, to be told together with others that went the same way."""

    severity: Severity
    message: str
    name: str
    example: Example


def check_malformed_input(context: ProbeContext) -> Iterator[Finding]:
    """S14: look for responses that got no score so far, and send each odd element with an ordinary one."""
    unscored = _unscored_responses(context)
    yield from unscored
    yield from (
        finding for finding in _malformed_elements(context) if finding.severity is not Severity.OK or not unscored
    )


def _unscored_responses(context: ProbeContext) -> list[Finding]:
    """Tell of the responses that got no score, whoever put them: those of odd elements have their own severity."""
    asked = [
        (label, answer)
        for label, answers in context.invoker.results_by_label.items()
        for answer in answers
        if answer.case.transform is None and not answer.not_invoked
    ]
    missing = [(label, answer) for label, answer in asked if answer.score is None]
    if not missing:
        return []
    by_fault: dict[str, tuple[str, CaseResult]] = {}
    for label, answer in missing:
        by_fault.setdefault(answer.error, (label, answer))
    labels = tuple(dict.fromkeys(label for label, _ in missing))
    more = f" and {len(labels) - MAX_EXAMPLES} more kinds" if len(labels) > MAX_EXAMPLES else ""
    return [
        MALFORMED_INPUT.finding(
            Severity.FAIL,
            NO_USABLE_SCORE,
            measured=f"{len(missing)} of {len(asked)} responses: {', '.join(labels[:MAX_EXAMPLES])}{more}",
            threshold="none",
            fix=MALFORMED_INPUT.remedy,
            value=float(len(missing)),
            examples=[_shortened_example(answer, label) for label, answer in list(by_fault.values())[:MAX_EXAMPLES]],
        )
    ]


def _malformed_elements(context: ProbeContext) -> Iterator[Finding]:
    """Send each odd element with an ordinary one."""
    row, ordinary = _best_rows(context)
    nothing = MalformedElement(name="nothing", text=row.right_response)
    ((plain, beside),) = _score_beside_ordinary(context, [nothing], row, ordinary)
    if plain.score is None or beside.score is None:
        yield MALFORMED_INPUT.not_measured(f"Two ordinary rollouts get no score: {plain.error or beside.error}")
        return
    # Where scores change by themselves (S10), a changed one says nothing of its company.
    ((again, again_beside),) = _score_beside_ordinary(context, [nothing], row, ordinary)
    usual = (plain.score, beside.score)
    steady = usual if (again.score, again_beside.score) == usual and not context.depends_on_batch else None
    scale = score_scale(context)
    odds = [*malformed_responses(row), *malformed_references(row, context.records), *malformed_messages(row)]
    sent = _score_beside_ordinary(context, odds, row, ordinary)
    note = f"; scores in company were not compared. {BATCH_DEPENDENT}" if context.depends_on_batch else ""
    if _seconds(context, row, LARGE_RESPONSE) - _seconds(context, row, 0) <= MAX_SECONDS / _QUADRATIC_GROWTH:
        # Whether it is sent depends on a measured time, and what is kept must not.
        odds.append(MalformedElement(name="a huge response", text=_padded(row, HUGE_RESPONSE)))
        sent += _score_beside_ordinary(context, odds[-1:], row, ordinary, keep=False)
    else:
        note += f"; {HUGE_RESPONSE:,} characters were not sent, as {LARGE_RESPONSE:,} took too long: see S15"
    ills: dict[str, list[_Defect]] = {}
    for odd, answers in zip(odds, sent, strict=True):
        ill = _find_defect(odd, answers, scale, expected=steady)
        if ill is not None:
            ills.setdefault(ill.message, []).append(ill)
    for what, some in ills.items():
        yield MALFORMED_INPUT.finding(
            some[0].severity,
            what,
            measured=f"{len(some)} of {len(odds)}: {', '.join(ill.name for ill in some)}{note}",
            threshold={
                _UNEARNED_SCORE: f"at most {MAX_UNEARNED_SCORE:g}{scale.note}",
                _LOST_SCORE: f"at most {MAX_LOST_SCORE:g} lost{scale.note}",
            }.get(what, "none"),
            fix=MALFORMED_INPUT.remedy,
            value=len(some),
            examples=[ill.example for ill in some],
        )
    if not ills:
        yield MALFORMED_INPUT.ok("Odd elements leave the rest of their call alone.", measured=f"{len(odds)} sent{note}")


def _best_rows(context: ProbeContext) -> tuple[Row, Row]:
    """Return the two rows whose right answers score most, so that what is lost can be seen; a lone row twice."""
    ranked = sorted(
        zip(context.right_results, context.answerable_rows, strict=True), key=lambda pair: -(pair[0].score or 0.0)
    )
    rows = [row for _, row in ranked] or list(context.rows)
    return rows[0], rows[min(1, len(rows) - 1)]


def _score_beside_ordinary(
    context: ProbeContext, elements: Sequence[MalformedElement], row: Row, ordinary: Row, *, keep: bool = True
) -> list[tuple[CaseResult, CaseResult]]:
    """Send each odd element in a call with an ordinary one."""
    cases = [
        case
        for odd in elements
        for case in (
            Case(label=f"odd: {odd.name}", record=row.record, text=odd.text, transform=odd.transform),
            Case(label="right answer in odd company", record=ordinary.record, text=ordinary.right_response),
        )
    ]
    names = context.invoker.rollout_ids(cases[:2]) * len(elements)
    answers = context.invoker.score(cases, ids=names, batch_size=2, keep=keep)
    return list(zip(answers[::2], answers[1::2], strict=True))


def _find_defect(
    element: MalformedElement,
    results: tuple[CaseResult, CaseResult],
    scale: ScoreScale,
    *,
    expected: tuple[float, float] | None,
) -> _Defect | None:
    """Return what went wrong, given what both score in ordinary company, if that can be relied on."""
    own, other = results
    costly = _LOST_SCORES[element.severity]
    if own.score is None:
        return _Defect(
            severity=element.severity, message=costly, name=element.name, example=_shortened_example(own, element.name)
        )
    if other.score is None or (expected and abs(other.score - expected[1]) > SCORE_TOLERANCE):
        note = f"beside an element with {element.name}" + (f"; {expected[1]:g} otherwise" if expected else "")
        return _Defect(
            severity=element.severity, message=costly, name=element.name, example=_shortened_example(other, note)
        )
    if element.holds_answer is False and scale.normalize(own.score) > MAX_UNEARNED_SCORE:
        return _Defect(
            severity=Severity.WARN,
            message=_UNEARNED_SCORE,
            name=element.name,
            example=_shortened_example(own, element.name),
        )
    if element.holds_answer and expected and scale.normalize_difference(expected[0] - own.score) > MAX_LOST_SCORE:
        note = f"{element.name}; {expected[0]:g} otherwise"
        return _Defect(
            severity=Severity.WARN, message=_LOST_SCORE, name=element.name, example=_shortened_example(own, note)
        )
    return None


def _shortened_example(result: CaseResult, note: str) -> Example:
    """Show an answer, the huge response not in full."""
    exhibit = result.example(note)
    return replace(exhibit, response=excerpt(exhibit.response))


def _padded(row: Row, length: int) -> str:
    return f"{_FILLER * (length // len(_FILLER))}\n{row.right_response}"


def _seconds(context: ProbeContext, row: Row, length: int) -> float:
    """Return how long a response of about this length takes: the shorter of two calls, as a busy machine only adds."""
    case = Case(label="", record=row.record, text=_padded(row, length))
    (name,) = context.invoker.rollout_ids([case])
    calls = [
        context.invoker.invoke([context.invoker.build_element(case, rollout_id=name)], ids=[name]) for _ in range(2)
    ]
    return min((call.invocation.duration_ms / 1000 for call in calls if call.invocation), default=0.0)
