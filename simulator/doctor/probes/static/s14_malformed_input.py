"""S14: check that a malformed rollout or record does not affect the rest of its call."""

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
from simulator.doctor.probes.static.unreadable_responses import (
    MIN_PAID,
    PAID_SHARE,
    PaidErrors,
    paid_errors,
    score_unreadable_responses,
)
from simulator.doctor.rows import Row
from simulator.grading.grader_error import excerpt

MAX_UNEARNED_SCORE: Final = 0.5
"""An element without an answer may score at most this share of the scale (INFERRED)."""

MAX_LOST_SCORE: Final = MIN_MATERIAL_DIFFERENCE
"""A right answer may lose at most this share of the scale, for example by a penalty for length (INFERRED)."""

LARGE_RESPONSE, HUGE_RESPONSE = 20_000, 200_000
"""The lengths of the longest responses, in characters (INFERRED)."""

MAX_SECONDS: Final = 10.0
"""The huge response is sent if it should take no longer than this, extrapolated from the large one."""

# How much longer the huge response takes when time grows with the square of the length.
_QUADRATIC_GROWTH: Final = (HUGE_RESPONSE / LARGE_RESPONSE) ** 2
_FILLER: Final = "Let me go through this once more. "

MALFORMED_INPUT: Final = Probe(
    id="S14",
    name="malformed input",
    question="Does a malformed rollout or record leave the other scores of its call unchanged?",
    measured=(
        "Each malformed element is sent in one call with an ordinary right answer, whose score must not change. An "
        "error, or a lost or changed score, is a failure for input that the documentation allows: an empty response, a "
        f"response of {HUGE_RESPONSE:,} characters, unusual characters and unknown fields. This also applies to a "
        "missing, null or empty reference, if some record of the file has the same kind of reference. It is only "
        "information for a reference that no record has, and for input that the documentation excludes (content that "
        "is null or a list of parts, no messages, no response). It is a warning when an element without an answer gets "
        f"a score above {MAX_UNEARNED_SCORE:g} of the scale. It is also a warning when a right answer loses more than "
        f"{MAX_LOST_SCORE:g} of the scale because the element has unknown fields, or because unusual characters "
        "precede the answer marker. Answers that cannot be read, such as a number with two decimal points or JSON that "
        f"breaks off, are scored on rows with different answers: it is a failure when {MIN_PAID} of them score at "
        f"least {PAID_SHARE:g} times as much as right answers, and more than wrong answers do. It is also a failure "
        "when a response of this or an earlier probe got no usable score, because a model can write every one of these "
        "responses."
    ),
    means=(
        "After a single exception no rollout of the call has a score, and the job stops. Thousands of rollouts "
        "usually include a malformed one."
    ),
    remedy="Handle each element on its own, and score 0.0 when it cannot be read.",
    source=(
        "DOCUMENTED: message content is a plain string in the event, a response comes last, and the reference answer "
        "is optional. INFERRED: a missing reference is information when every record has a reference, as null content "
        "is. Neither can occur, and many sound functions would get a warning."
    ),
)

_CALL_FAILS: Final = {
    Severity.FAIL: "A malformed element that can occur makes its call lose the scores.",
    Severity.WARN: "A malformed element that should not occur makes its call lose the scores.",
    Severity.INFO: "A malformed element that is very unlikely makes its call lose the scores.",
}
NO_USABLE_SCORE: Final = "A response that a model can write gets no usable score: a job ends with it."
_UNEARNED_SCORE: Final = "An element without an answer scores."
_LOST_SCORE: Final = "A right answer scores less because of what surrounds it."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Defect:
    """What went wrong with a malformed element. Defects with the same message become one finding."""

    severity: Severity
    message: str
    name: str
    example: Example


def check_malformed_input(context: ProbeContext) -> Iterator[Finding]:
    """S14: report responses without a score so far, and send each malformed element with an ordinary one."""
    unreadable = score_unreadable_responses(context)
    unscored = _unscored_findings(context)
    yield from unscored
    paid = [_paid_error_finding(errors) for errors in paid_errors(context, score_scale(context), unreadable)]
    yield from paid
    yield from (
        finding
        for finding in _malformed_findings(context)
        if finding.severity is not Severity.OK or not (unscored or paid)
    )


def _unscored_findings(context: ProbeContext) -> list[Finding]:
    """Return a finding on the responses of all probes that have no score. Changed elements are not counted."""
    results = [
        (label, result)
        for label, label_results in context.invoker.results_by_label.items()
        for result in label_results
        if result.case.transform is None and not result.not_invoked
    ]
    unscored_results = [(label, result) for label, result in results if result.score is None]
    if not unscored_results:
        return []
    first_by_error: dict[str, tuple[str, CaseResult]] = {}
    for label, result in unscored_results:
        first_by_error.setdefault(result.error, (label, result))
    labels = tuple(dict.fromkeys(label for label, _ in unscored_results))
    more_note = f" and {len(labels) - MAX_EXAMPLES} more kinds" if len(labels) > MAX_EXAMPLES else ""
    return [
        MALFORMED_INPUT.finding(
            Severity.FAIL,
            NO_USABLE_SCORE,
            measured=f"{len(unscored_results)} of {len(results)} responses: "
            f"{', '.join(labels[:MAX_EXAMPLES])}{more_note}",
            threshold="none",
            fix=MALFORMED_INPUT.remedy,
            value=float(len(unscored_results)),
            examples=[
                _shortened_example(result, label) for label, result in list(first_by_error.values())[:MAX_EXAMPLES]
            ],
        )
    ]


def _paid_error_finding(errors: PaidErrors) -> Finding:
    return MALFORMED_INPUT.finding(
        Severity.FAIL,
        "A response that cannot be read scores more than a wrong answer: an error pays.",
        measured=f"{errors.score:.2f} for {', '.join(errors.names)}; {errors.wrong_score:.2f} for wrong answers",
        threshold=f"less than {PAID_SHARE:g} times the score of right answers",
        fix="Score 0.0 where an exception is caught, and where no answer can be read.",
        value=errors.score,
        examples=[_shortened_example(result, "cannot be read") for result in errors.results],
    )


def _malformed_findings(context: ProbeContext) -> Iterator[Finding]:
    row, ordinary = _best_rows(context)
    well_formed = MalformedElement(name="nothing", text=row.right_response)
    ((own_result, ordinary_result),) = _score_beside_ordinary(context, [well_formed], row, ordinary)
    if own_result.score is None or ordinary_result.score is None:
        yield MALFORMED_INPUT.not_measured(
            f"Two ordinary rollouts get no score: {own_result.error or ordinary_result.error}"
        )
        return
    # Where scores change by themselves (S10), a changed score is not caused by a malformed element.
    ((own_result_again, ordinary_result_again),) = _score_beside_ordinary(context, [well_formed], row, ordinary)
    usual_scores = (own_result.score, ordinary_result.score)
    is_steady = (own_result_again.score, ordinary_result_again.score) == usual_scores and not context.depends_on_batch
    scale = score_scale(context)
    elements = [*malformed_responses(row), *malformed_references(row, context.records), *malformed_messages(row)]
    results = _score_beside_ordinary(context, elements, row, ordinary)
    note = f"; the ordinary scores were not compared. {BATCH_DEPENDENT}" if context.depends_on_batch else ""
    if _seconds(context, row, LARGE_RESPONSE) - _seconds(context, row, 0) <= MAX_SECONDS / _QUADRATIC_GROWTH:
        # Whether it is sent depends on a measured time, so its results are not kept: golden files must not differ.
        elements.append(MalformedElement(name="a huge response", text=_pad_response(row, HUGE_RESPONSE)))
        results += _score_beside_ordinary(context, elements[-1:], row, ordinary, keep=False)
    else:
        note += f"; {HUGE_RESPONSE:,} characters were not sent, because {LARGE_RESPONSE:,} took too long: see S15"
    defects: dict[str, list[_Defect]] = {}
    for element, element_results in zip(elements, results, strict=True):
        defect = _find_defect(element, element_results, scale, usual_scores=usual_scores if is_steady else None)
        if defect is not None:
            defects.setdefault(defect.message, []).append(defect)
    for message, same_defects in defects.items():
        yield MALFORMED_INPUT.finding(
            same_defects[0].severity,
            message,
            measured=f"{len(same_defects)} of {len(elements)}: "
            f"{', '.join(defect.name for defect in same_defects)}{note}",
            threshold={
                _UNEARNED_SCORE: f"at most {MAX_UNEARNED_SCORE:g}{scale.note}",
                _LOST_SCORE: f"at most {MAX_LOST_SCORE:g} lost{scale.note}",
            }.get(message, "none"),
            fix=MALFORMED_INPUT.remedy,
            value=len(same_defects),
            examples=[defect.example for defect in same_defects],
        )
    if not defects:
        yield MALFORMED_INPUT.ok(
            "Malformed elements do not affect the rest of their call.", measured=f"{len(elements)} sent{note}"
        )


def _best_rows(context: ProbeContext) -> tuple[Row, Row]:
    """Return the two rows whose right answers score most, so that a lost score is noticed. One row is used twice."""
    pairs_by_score = sorted(
        zip(context.right_results, context.answerable_rows, strict=True), key=lambda pair: -(pair[0].score or 0.0)
    )
    rows = [row for _, row in pairs_by_score] or list(context.rows)
    return rows[0], rows[min(1, len(rows) - 1)]


def _score_beside_ordinary(
    context: ProbeContext, elements: Sequence[MalformedElement], row: Row, ordinary: Row, *, keep: bool = True
) -> list[tuple[CaseResult, CaseResult]]:
    """Send each malformed element in a call with an ordinary one. Return the results of both."""
    cases = [
        case
        for element in elements
        for case in (
            Case(label=f"odd: {element.name}", record=row.record, text=element.text, transform=element.transform),
            Case(label="right answer in odd company", record=ordinary.record, text=ordinary.right_response),
        )
    ]
    ids = context.invoker.rollout_ids(cases[:2]) * len(elements)
    results = context.invoker.score(cases, ids=ids, batch_size=2, keep=keep)
    return list(zip(results[::2], results[1::2], strict=True))


def _find_defect(
    element: MalformedElement,
    results: tuple[CaseResult, CaseResult],
    scale: ScoreScale,
    *,
    usual_scores: tuple[float, float] | None,
) -> _Defect | None:
    """Return what went wrong. `usual_scores`: the scores of two ordinary rollouts; None if these are not constant."""
    own_result, ordinary_result = results

    def defect(severity: Severity, message: str, result: CaseResult, note: str) -> _Defect:
        return _Defect(severity=severity, message=message, name=element.name, example=_shortened_example(result, note))

    if own_result.score is None:
        return defect(element.severity, _CALL_FAILS[element.severity], own_result, element.name)
    if ordinary_result.score is None or (
        usual_scores and abs(ordinary_result.score - usual_scores[1]) > SCORE_TOLERANCE
    ):
        note = f"beside an element with {element.name}" + (f"; {usual_scores[1]:g} otherwise" if usual_scores else "")
        return defect(element.severity, _CALL_FAILS[element.severity], ordinary_result, note)
    if element.holds_answer is False and scale.normalize(own_result.score) > MAX_UNEARNED_SCORE:
        return defect(Severity.WARN, _UNEARNED_SCORE, own_result, element.name)
    if (
        element.holds_answer
        and usual_scores
        and scale.normalize_difference(usual_scores[0] - own_result.score) > MAX_LOST_SCORE
    ):
        return defect(Severity.WARN, _LOST_SCORE, own_result, f"{element.name}; {usual_scores[0]:g} otherwise")
    return None


def _shortened_example(result: CaseResult, note: str) -> Example:
    example = result.example(note)
    return replace(example, response=excerpt(example.response))


def _pad_response(row: Row, length: int) -> str:
    return f"{_FILLER * (length // len(_FILLER))}\n{row.right_response}"


def _seconds(context: ProbeContext, row: Row, length: int) -> float:
    """Return how long a response of about this length takes: the shorter of two calls, because load only adds time."""
    case = Case(label="", record=row.record, text=_pad_response(row, length))
    ids = context.invoker.rollout_ids([case])
    elements = [context.invoker.build_element(case, rollout_id=ids[0])]
    calls = [context.invoker.invoke(elements, ids=ids) for _ in range(2)]
    return min((call.invocation.duration_ms / 1000 for call in calls if call.invocation), default=0.0)
