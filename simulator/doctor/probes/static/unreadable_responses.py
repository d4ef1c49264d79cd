"""Responses whose answer cannot be read: a function may raise on them, or give a score in place of the error."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.doctor.invocation import Case, CaseResult
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_scale import MIN_MATERIAL_DIFFERENCE, ScoreScale, sample_evenly
from simulator.doctor.rows import Row
from simulator.training.reference_answer import AnswerKind

PAID_SHARE: Final = 0.5
"""A response that cannot be read is paid if it scores this share of a right answer (INFERRED, as in S9)."""

MIN_PAID: Final = 2
"""At least this many responses must be paid. A single one may be what the task takes for no answer."""

_ROWS: Final = 4
_PROSE: Final = "I could not find it out."
_EXPRESSION: Final = re.compile(r"[\d\s()+*/.-]*\d\s*[-+*/][\d\s()+*/.-]*")

_TEXTS: Final[Mapping[AnswerKind, Mapping[str, str]]] = {
    "number": {"two decimal points": "12..5", "a word": "unknown", "no number": ""},
    "json": {"JSON that breaks off": '{"', "a list": "[]", "a sentence": _PROSE},
    "code": {"code with a syntax error": "def (:\n", "a sentence": _PROSE},
}
_EXPRESSION_TEXTS: Final = {"a division by 0": "4 / (2 - 2)", "an open bracket": "(4 + 2", "a sentence": _PROSE}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidErrors:
    """Responses of one kind of task that cannot be read and score more than a wrong answer.

    Attributes:
        names: their names.
        score: the highest mean score of one of them.
        wrong_score: the mean score of wrong answers.
        results: a result of each.
    """

    names: tuple[str, ...]
    score: float
    wrong_score: float
    results: tuple[CaseResult, ...]


def score_unreadable_responses(context: ProbeContext) -> list[tuple[Row, str, CaseResult]]:
    """Score them on rows with different right answers. Return each with its row and its name.

    They have no work, in which a function could find a right answer.
    """
    cases = []
    for kind in _TEXTS.keys() | {"text"}:
        by_answer = {row.reference.text: row for row in context.answerable_rows if row.reference.kind == kind}
        for row in sample_evenly(sorted(by_answer.values(), key=lambda row: row.record.line), _ROWS):
            for name, text in _texts(row).items():
                label = f"exploit, {kind}: {name} that cannot be read"
                cases.append((row, name, Case(label=label, record=row.record, text=row.write_answer(text))))
    cases.sort(key=lambda case: (case[2].label, case[2].record.line))
    results = context.invoker.score([case for *_, case in cases])
    return [(row, name, result) for (row, name, _), result in zip(cases, results, strict=True)]


def paid_errors(
    context: ProbeContext, scale: ScoreScale, scored: Sequence[tuple[Row, str, CaseResult]]
) -> list[PaidErrors]:
    """Return the responses that score like right answers, although wrong answers do not.

    Where wrong answers score less than 0, no answer may be worth more on purpose.
    """
    if scale.lowest < 0:
        return []
    found = []
    for kind in sorted({row.reference.kind for row, *_ in scored}):
        right, wrong = (
            _mean_of_kind(context, scale, results, kind) for results in (context.right_results, context.wrong_results)
        )
        least = max(PAID_SHARE * right, wrong + MIN_MATERIAL_DIFFERENCE)
        paid: dict[str, tuple[float, CaseResult]] = {}
        for name in dict.fromkeys(name for row, name, _ in scored if row.reference.kind == kind):
            results = [result for row, other, result in scored if other == name and row.reference.kind == kind]
            # The least of several rows: one row may take it for right by chance.
            scores = [scale.normalize(result.score) for result in results if result.score is not None]
            if len(scores) >= MIN_PAID and min(scores) >= least:
                paid[name] = (min(scores), results[0])
        if len(paid) >= MIN_PAID and right > 0:
            found.append(
                PaidErrors(
                    names=tuple(paid),
                    score=max(score for score, _ in paid.values()),
                    wrong_score=wrong,
                    results=tuple(result for _, result in paid.values()),
                )
            )
    return found


def _texts(row: Row) -> Mapping[str, str]:
    if row.reference.kind in ("text", "code") and _EXPRESSION.fullmatch(row.reference.text):
        return _EXPRESSION_TEXTS
    return _TEXTS.get(row.reference.kind, {})


def _mean_of_kind(context: ProbeContext, scale: ScoreScale, results: Sequence[CaseResult], kind: AnswerKind) -> float:
    pairs = zip(context.answerable_rows, results, strict=True)
    return scale.mean_of_all([result for row, result in pairs if row.reference.kind == kind])
