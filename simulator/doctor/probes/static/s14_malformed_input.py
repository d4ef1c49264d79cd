"""S14: an odd rollout or record costs no other rollout its score, and brings down no call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulator.doctor.finding import Exhibit, Finding, Probe, Severity
from simulator.doctor.invocation import Answer, Case, Element, Shape
from simulator.doctor.probe_context import TOLD_APART, Examination
from simulator.doctor.probes.static.event_layouts import without_fields
from simulator.doctor.probes.static.score_scale import MATTERS, ON_THE_BATCH, SHOWN, Scale, scale_of
from simulator.doctor.rows import Row
from simulator.grading.lambda_response import excerpt
from simulator.training.dataset import Json, Record

UNEARNED: Final = 0.5
"""An element with no answer in it may score this part of the scale (INFERRED)."""

LOST: Final = MATTERS
"""A right answer may lose this part of the scale to what is around it: a penalty for its length, say (INFERRED)."""

LARGE, HUGE = 20_000, 200_000
"""Characters of the longest responses that are sent (INFERRED)."""

MOST_SECONDS: Final = 10.0
"""The huge response is sent where the large one leads to expect an answer within this time."""

_SQUARED: Final = (HUGE / LARGE) ** 2  # how much longer the huge one takes where time grows by the square
_FILLER: Final = "Let me go through this once more. "
_REFERENCE: Final = "reference_answer"

ROUGHNESS: Final = Probe(
    id="S14",
    name="malformed input",
    question="Does an odd rollout or record leave the rest of its call alone?",
    measured=(
        "Each odd element goes out in one call with an ordinary right answer, whose score must come back unchanged. An "
        "error, or a lost or changed score, is a failure where the documentation lets the input happen: an empty "
        f"response, one of {HUGE:,} characters, odd characters, fields that nobody knows, and a reference that is "
        "missing, null or empty where a record of the file is so. It is a warning for a missing or null reference "
        "where no record is so. It is told, and no more, for what the documentation excludes: content that is "
        "null or a list of parts, no messages, no response; and for an empty reference or one of another type. "
        f"An element with no answer in it that scores more than {UNEARNED:g} of the scale is a warning, and so is a "
        f"right answer that loses more than {LOST:g} of it to fields that nobody knows or to odd characters before its "
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

_COSTLY: Final = {
    Severity.FAIL: "An odd element that can come costs the call its scores.",
    Severity.WARN: "An odd element that should not come costs the call its scores.",
    Severity.INFO: "An odd element that can hardly come costs the call its scores.",
}
UNSCORED: Final = "A response that a model can write gets no usable score: a job ends with it."
_UNEARNED, _LOST = "An element with no answer in it scores.", "A right answer loses score to what is around it."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Odd:
    """An odd element.

    Attributes:
        name: what is odd about it.
        text: the response.
        altered: makes it of the usual element.
        severity: of an error or a lost score.
        answers: whether it holds the right answer in a form that must count; None where that is left to the function.
    """

    name: str
    text: str
    altered: Shape | None = None
    severity: Severity = Severity.FAIL
    answers: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ill:
    """What went wrong with an odd element, to be told together with others that went the same way."""

    severity: Severity
    what: str
    name: str
    exhibit: Exhibit


def roughness(exam: Examination) -> Iterator[Finding]:
    """S14: look for responses that got no score so far, and send each odd element with an ordinary one."""
    unscored = _unscored(exam)
    yield from unscored
    yield from (finding for finding in _odd(exam) if finding.severity is not Severity.OK or not unscored)


def _unscored(exam: Examination) -> list[Finding]:
    """Tell of the responses that got no score, whoever put them: those of odd elements have their own severity."""
    asked = [
        (label, answer)
        for label, answers in exam.ask.answered.items()
        for answer in answers
        if answer.case.altered is None and not answer.unrun
    ]
    missing = [(label, answer) for label, answer in asked if answer.score is None]
    if not missing:
        return []
    by_fault: dict[str, tuple[str, Answer]] = {}
    for label, answer in missing:
        by_fault.setdefault(answer.fault, (label, answer))
    labels = tuple(dict.fromkeys(label for label, _ in missing))
    more = f" and {len(labels) - SHOWN} more kinds" if len(labels) > SHOWN else ""
    return [
        ROUGHNESS.found(
            Severity.FAIL,
            UNSCORED,
            measured=f"{len(missing)} of {len(asked)} responses: {', '.join(labels[:SHOWN])}{more}",
            threshold="none",
            fix=ROUGHNESS.remedy,
            value=float(len(missing)),
            exhibits=[_shown(answer, label) for label, answer in list(by_fault.values())[:SHOWN]],
        )
    ]


def _odd(exam: Examination) -> Iterator[Finding]:
    """Send each odd element with an ordinary one."""
    row, ordinary = _best_rows(exam)
    nothing = _Odd(name="nothing", text=row.perfect)
    ((plain, beside),) = _together(exam, [nothing], row, ordinary)
    if plain.score is None or beside.score is None:
        yield ROUGHNESS.skipped(f"Two ordinary rollouts get no score: {plain.fault or beside.fault}")
        return
    # Where scores change by themselves (S10), a changed one says nothing of its company.
    ((again, again_beside),) = _together(exam, [nothing], row, ordinary)
    usual = (plain.score, beside.score)
    steady = usual if (again.score, again_beside.score) == usual and not exam.depends_on_batch else None
    scale = scale_of(exam)
    odds = [*_odd_responses(row), *_odd_references(row, exam.records), *_odd_messages(row)]
    sent = _together(exam, odds, row, ordinary)
    note = f"; scores in company were not compared. {ON_THE_BATCH}" if exam.depends_on_batch else ""
    if _seconds(exam, row, LARGE) - _seconds(exam, row, 0) <= MOST_SECONDS / _SQUARED:
        # Whether it is sent depends on a measured time, and what is kept must not.
        odds.append(_Odd(name="a huge response", text=_padded(row, HUGE)))
        sent += _together(exam, odds[-1:], row, ordinary, kept=False)
    else:
        note += f"; {HUGE:,} characters were not sent, as {LARGE:,} took too long: see S15"
    ills: dict[str, list[_Ill]] = {}
    for odd, answers in zip(odds, sent, strict=True):
        ill = _ill(odd, answers, scale, usual=steady)
        if ill is not None:
            ills.setdefault(ill.what, []).append(ill)
    for what, some in ills.items():
        yield ROUGHNESS.found(
            some[0].severity,
            what,
            measured=f"{len(some)} of {len(odds)}: {', '.join(ill.name for ill in some)}{note}",
            threshold={_UNEARNED: f"at most {UNEARNED:g}{scale.note}", _LOST: f"at most {LOST:g} lost{scale.note}"}.get(
                what, "none"
            ),
            fix=ROUGHNESS.remedy,
            value=len(some),
            exhibits=[ill.exhibit for ill in some],
        )
    if not ills:
        yield ROUGHNESS.fine("Odd elements leave the rest of their call alone.", measured=f"{len(odds)} sent{note}")


def _best_rows(exam: Examination) -> tuple[Row, Row]:
    """Return the two rows whose right answers score most, so that what is lost can be seen; a lone row twice."""
    ranked = sorted(zip(exam.right, exam.known, strict=True), key=lambda pair: -(pair[0].score or 0.0))
    rows = [row for _, row in ranked] or list(exam.rows)
    return rows[0], rows[min(1, len(rows) - 1)]


def _together(
    exam: Examination, odds: Sequence[_Odd], row: Row, ordinary: Row, *, kept: bool = True
) -> list[tuple[Answer, Answer]]:
    """Send each odd element in a call with an ordinary one."""
    cases = [
        case
        for odd in odds
        for case in (
            Case(label=f"odd: {odd.name}", record=row.record, text=odd.text, altered=odd.altered),
            Case(label="right answer in odd company", record=ordinary.record, text=ordinary.perfect),
        )
    ]
    names = exam.ask.ids(cases[:2]) * len(odds)
    answers = exam.ask.asked(cases, names=names, most=2, kept=kept)
    return list(zip(answers[::2], answers[1::2], strict=True))


def _ill(odd: _Odd, answers: tuple[Answer, Answer], scale: Scale, *, usual: tuple[float, float] | None) -> _Ill | None:
    """Return what went wrong, given what both score in ordinary company, if that can be relied on."""
    own, other = answers
    costly = _COSTLY[odd.severity]
    if own.score is None:
        return _Ill(severity=odd.severity, what=costly, name=odd.name, exhibit=_shown(own, odd.name))
    if other.score is None or (usual and abs(other.score - usual[1]) > TOLD_APART):
        note = f"beside an element with {odd.name}" + (f"; {usual[1]:g} otherwise" if usual else "")
        return _Ill(severity=odd.severity, what=costly, name=odd.name, exhibit=_shown(other, note))
    if odd.answers is False and scale.part(own.score) > UNEARNED:
        return _Ill(severity=Severity.WARN, what=_UNEARNED, name=odd.name, exhibit=_shown(own, odd.name))
    if odd.answers and usual and scale.width_of(usual[0] - own.score) > LOST:
        note = f"{odd.name}; {usual[0]:g} otherwise"
        return _Ill(severity=Severity.WARN, what=_LOST, name=odd.name, exhibit=_shown(own, note))
    return None


def _shown(answer: Answer, note: str) -> Exhibit:
    """Show an answer, the huge response not in full."""
    exhibit = answer.exhibit(note)
    return replace(exhibit, response=excerpt(exhibit.response))


def _odd_responses(row: Row) -> Iterator[_Odd]:
    """Yield what a model can really answer, and fields that the service may add."""
    yield _Odd(name="an empty response", text="", answers=False)
    yield _Odd(
        name="odd characters",
        text=f"\x00\x07 \U0001f642 \u202etfel ot thgir\u202c \ufeff\n{row.perfect}",
        answers=True if row.has_room else None,
    )
    yield _Odd(name="unknown fields", text=row.perfect, altered=_with_unknown_fields, answers=True)


def _odd_references(row: Row, records: Sequence[Record]) -> Iterator[_Odd]:
    """Yield references that are missing, empty or of another type; what a record of the file is like can happen."""
    held = [record.fields.get(_REFERENCE) for record in records]
    lacking = any(_REFERENCE not in record.fields for record in records)
    null = any(value is None and _REFERENCE in record.fields for value, record in zip(held, records, strict=True))
    yield _Odd(
        name="no reference",
        text=row.perfect,
        altered=without_fields,
        severity=Severity.FAIL if lacking else Severity.WARN,
    )
    if _REFERENCE not in row.record.fields:
        return
    other: Json = 7 if isinstance(row.record.fields[_REFERENCE], list) else [7]
    for name, value, severity in (
        ("a null reference", None, Severity.FAIL if null else Severity.WARN),
        ("an empty reference", {}, Severity.FAIL if {} in held else Severity.INFO),
        ("a reference of another type", other, Severity.INFO),
    ):
        yield _Odd(name=name, text=row.perfect, altered=_with_reference(value), severity=severity)


def _odd_messages(row: Row) -> Iterator[_Odd]:
    """Yield messages that the documentation excludes."""
    parts: Json = [{"type": "text", "text": row.perfect}]
    for name, text, altered, answers in (
        ("null content", "", _with_content(None), False),
        ("content in parts", row.perfect, _with_content(parts), None),
        ("no messages", "", _with_messages([]), False),
        ("a system message alone", "", _with_messages(_SYSTEM_ALONE), False),
    ):
        yield _Odd(name=name, text=text, altered=altered, severity=Severity.INFO, answers=answers)


_SYSTEM_ALONE: Final[Json] = [{"role": "system", "content": "You are a helpful assistant."}]


def _with_messages(messages: Json) -> Shape:
    return lambda element: {**element, "messages": messages}


def _with_content(content: Json) -> Shape:
    return lambda element: {
        **element,
        "messages": [*element["messages"][:-1], {**element["messages"][-1], "content": content}],
    }


def _with_reference(value: Json) -> Shape:
    def altered(element: Element) -> Element:
        changed = {**element, _REFERENCE: value} if _REFERENCE in element else dict(element)
        if "metadata" in element:
            changed["metadata"] = {**element["metadata"], _REFERENCE: value}
        return changed

    return altered


def _with_unknown_fields(element: Element) -> Element:
    unknown: dict[str, Json] = {"x_unknown": {"nested": [None, True]}, "x_unknown_too": None}
    changed = {**element, **unknown}
    if "metadata" in element:
        changed["metadata"] = {**element["metadata"], **unknown}
    return changed


def _padded(row: Row, length: int) -> str:
    return f"{_FILLER * (length // len(_FILLER))}\n{row.perfect}"


def _seconds(exam: Examination, row: Row, length: int) -> float:
    """Return how long a response of about this length takes: the shorter of two calls, as a busy machine only adds."""
    case = Case(label="", record=row.record, text=_padded(row, length))
    (name,) = exam.ask.ids([case])
    calls = [exam.ask.call([exam.ask.element(case, name=name)], ids=[name]) for _ in range(2)]
    return min((call.invocation.duration_ms / 1000 for call in calls if call.invocation), default=0.0)
