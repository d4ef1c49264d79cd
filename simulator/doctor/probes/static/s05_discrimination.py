"""S5: the score follows what is right."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case, CaseResult
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_scale import (
    MAX_EXAMPLES,
    ScoreScale,
    missing_note,
    sample_evenly,
    score_scale,
)
from simulator.doctor.rows import Row
from simulator.training.random_draws import uniform_draws
from simulator.training.reference_answer import AnswerKind
from simulator.training.wrong_answers import make_wrong_answer

INVERTED_AUC: Final = 0.3
"""Below this, wrong answers score above right ones (INFERRED)."""

FAIL_AUC: Final = 0.8
"""Below this, too many comparisons give no direction or the wrong one (INFERRED)."""

WARN_AUC: Final = 0.95
"""Below this, some kind of wrong answer is taken for a right one (INFERRED)."""

TIED_AUC: Final = 0.55
"""A kind of wrong answer that right ones beat no more often than this is always taken for right (INFERRED)."""

MAY_TIE: Final[Mapping[AnswerKind, str]] = {"code": "another program may do the same", "text": "a shorter text may do"}
"""The kinds of task whose almost right answers a sound function may take for right, and why."""

ROWS_PER_KIND: Final = 16
"""Each further kind of wrong answer is put to so many rows."""

REFUSAL_ROWS: Final = 8
"""So many rows are asked about answers that try nothing."""

MAX_REFUSAL_GAIN: Final = 0.1
"""Doing nothing that scores this much more than a wrong answer is told of (INFERRED)."""

DISCRIMINATION: Final = Probe(
    id="S5",
    name="discrimination",
    question="Does a right answer score more than a wrong one?",
    measured=(
        "Each row's right answer is compared with wrong ones in the same words: one that is almost right, and by the "
        "kind of task a number ten times as large, with the other sign or far off, another label, a field left out or "
        "changed, code that was altered or cut short, another row's answer, an evasive sentence, and for short answers "
        "a text that names the right answer and takes it back. The value is the share of comparisons that the right "
        "answer wins, where a tie counts half (the area under the ROC curve, AUC), averaged over the kinds of wrong "
        f"answer. Below {WARN_AUC:g} is a warning, below {FAIL_AUC:g} a failure; below {INVERTED_AUC:g} the score is inverted. "
        f"One kind of wrong answer for which it is {TIED_AUC:g} or less is a failure by itself, but for almost right ones "
        f"where the answer is {' or '.join(f'{kind} ({why})' for kind, why in MAY_TIE.items())}."
    ),
    means=(
        "The policy is moved towards whatever scores more than its neighbours in a group. Where right and wrong "
        "answers score alike it learns nothing; where wrong ones win it learns to be wrong."
    ),
    remedy=(
        "Compare the final answer itself with the reference: as a number, as a label or field by field, and not by "
        "whether the reference occurs somewhere in the text."
    ),
    source=(
        "The AUC is the Mann-Whitney statistic. INFERRED: the thresholds, and to compare within a row, because a "
        "GRPO group is the rollouts of one prompt (arXiv 2402.03300)."
    ),
)

_ALMOST = "almost right"
_RETRACTION = "At first it looks like {}, but that does not hold.\n"
_EVASIVE_ANSWER = "It depends on several things."
_REFUSALS = ("", "I am sorry, but I cannot help with this request.")
_TENFOLD_DRAW, _OTHER_SIGN_DRAW = 0.4, 0.58  # what `corrupted` makes of these draws, for a near number

WrongAnswerWriter = Callable[[Row, Sequence[Row], float], str | None]


def _corrupted_answer(content: str, at: float | None = None) -> WrongAnswerWriter:
    def write(row: Row, _rows: Sequence[Row], u: float) -> str:
        value = make_wrong_answer(row.reference, content, labels=row.task.labels, u=u if at is None else at)
        return row.write_response(value, wrong=True)

    return write


def _retracted_answer(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    if row.task.requested_format.format == "json":
        return None  # prose before an object is no JSON, and scores nothing for that reason
    return _RETRACTION.format(row.reference.text) + row.write_response(row.wrong_value, wrong=True)


def _evasive_answer(row: Row, _rows: Sequence[Row], _u: float) -> str:
    return row.write_response(_EVASIVE_ANSWER, wrong=True)


def _answer_of_another_row(row: Row, rows: Sequence[Row], u: float) -> str | None:
    others = [
        other
        for other in rows
        if other.reference.kind == row.reference.kind and other.reference.value != row.reference.value
    ]
    return row.write_response(others[int(u * len(others))].reference.value, wrong=True) if others else None


def _truncated_answer(row: Row, _rows: Sequence[Row], _u: float) -> str:
    lines = row.reference.text.splitlines()
    return row.write_response("\n".join(lines[: len(lines) // 2]) or row.reference.text[: len(row.reference.text) // 2])


_LABEL_WRONG_ANSWERS: Mapping[str, WrongAnswerWriter] = {
    "right one taken back": _retracted_answer,
    "evasive": _evasive_answer,
}
WRONG_ANSWERS: Final[Mapping[AnswerKind, Mapping[str, WrongAnswerWriter]]] = {
    "number": {
        "ten times as large": _corrupted_answer("near", _TENFOLD_DRAW),
        "other sign": _corrupted_answer("near", _OTHER_SIGN_DRAW),
        "far off": _corrupted_answer("wrong"),
        "right one taken back": _retracted_answer,
    },
    "label": _LABEL_WRONG_ANSWERS,
    "boolean": _LABEL_WRONG_ANSWERS,
    "json": {"a field blank": _corrupted_answer("intermediate"), "a field changed": _corrupted_answer("wrong"), "another row's": _answer_of_another_row},
    "code": {"cut short": _truncated_answer, "does nothing": lambda row, _rows, _u: row.write_response("pass"),
             "another row's": _answer_of_another_row},
    "text": {"evasive": _evasive_answer, "another row's": _answer_of_another_row},
    "none": {},
}  # fmt: skip
"""Further kinds of wrong answer, by the kind of task; an almost right one is asked of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A right answer beside a wrong one, both to the same row."""

    wrong_kind: str
    kind: AnswerKind
    right: CaseResult
    wrong: CaseResult

    @property
    def may_tie(self) -> bool:
        """Whether a sound function may take this wrong answer for right."""
        return self.wrong_kind == _ALMOST and self.kind in MAY_TIE

    @property
    def win(self) -> float | None:
        """1 when the right one scores more, 0 when less, a half when they tie; None when one has no score."""
        right, wrong = self.right.score, self.wrong.score
        return None if right is None or wrong is None else (right > wrong) + 0.5 * (right == wrong)

    @property
    def margin(self) -> float:
        """By how much the right one scores more."""
        return (self.right.score or 0.0) - (self.wrong.score or 0.0)


def check_discrimination(context: ProbeContext) -> Iterator[Finding]:
    """S5: does what is right win?"""
    if not context.answerable_rows:
        yield DISCRIMINATION.not_measured("No right answer was found in the rows, so there is nothing to compare.")
        return
    contests = _comparisons(context)
    auc_of = _auc_by_wrong_kind(contests)
    answers = [answer for contest in contests for answer in (contest.right, contest.wrong)]
    if not auc_of:
        yield DISCRIMINATION.not_measured(f"No pair of right and wrong answers got scores: {answers[0].error}")
        return
    auc = fmean(auc_of.values())
    yield _discrimination_finding(auc, auc_of, contests, notes=missing_note(answers))
    yield from _refusal_findings(context, score_scale(context))


def _auc_by_wrong_kind(comparisons: Sequence[Comparison]) -> dict[str, float]:
    """Return the share that right answers win against each kind of wrong one; those of a kind stand in a row."""
    return {
        name: fmean(won)
        for name, group in groupby(comparisons, key=lambda contest: contest.wrong_kind)
        if (won := [contest.win for contest in group if contest.win is not None])
    }


def _comparisons(context: ProbeContext) -> list[Comparison]:
    """Every comparison, those of one kind of wrong answer in a row."""
    contests = [
        Comparison(wrong_kind=_ALMOST, kind=row.reference.kind, right=right, wrong=wrong)
        for row, right, wrong in zip(context.answerable_rows, context.right_results, context.wrong_results, strict=True)
    ]
    task_at = {row.record.line: row.reference.kind for row in context.answerable_rows}
    right_at = {right.case.record.line: right for right in context.right_results}
    cases = []
    for kind, wrongs in WRONG_ANSWERS.items():
        rows = sample_evenly([row for row in context.answerable_rows if row.reference.kind == kind], ROWS_PER_KIND)
        for name, write in wrongs.items():
            for row in rows:
                (u,) = uniform_draws(context.seed, "doctor", name, row.record.line, count=1)
                text = write(row, context.answerable_rows, u)
                if text is not None and text != row.right_response:
                    cases.append(Case(label=f"wrong answer: {name}", record=row.record, text=text))
    cases.sort(key=lambda case: case.label)
    return contests + [
        Comparison(
            wrong_kind=answer.case.label.partition(": ")[2],
            kind=task_at[answer.case.record.line],
            right=right_at[answer.case.record.line],
            wrong=answer,
        )
        for answer in context.invoker.score(cases)
    ]


def _discrimination_finding(
    auc: float, auc_of: Mapping[str, float], comparisons: Sequence[Comparison], *, notes: str
) -> Finding:
    worst = min(auc_of, key=lambda name: auc_of[name])
    lowest = f"; lowest where the wrong answer is {worst!r}: {auc_of[worst]:.3g}" if auc_of[worst] < auc else ""
    measured = f"{auc:.3g}{lowest}{notes}"
    tied = [
        name
        for name, value in _auc_by_wrong_kind([contest for contest in comparisons if not contest.may_tie]).items()
        if value <= TIED_AUC
    ]
    if auc >= WARN_AUC and not tied:
        return DISCRIMINATION.ok("Right answers score more than wrong ones.", measured=measured, value=auc)
    if auc < INVERTED_AUC:
        severity, least, what = Severity.FAIL, INVERTED_AUC, "Wrong answers score more than right ones: it is inverted."
        fix = "Swap the sign, or the branches, so that more is better: the policy is moved towards higher scores."
    elif auc >= FAIL_AUC and tied:
        severity, least, fix = Severity.FAIL, TIED_AUC, DISCRIMINATION.remedy
        what = f"One kind of wrong answer is always taken for right: {', '.join(tied)}."
    else:
        severity, least = (Severity.FAIL, FAIL_AUC) if auc < FAIL_AUC else (Severity.WARN, WARN_AUC)
        what, fix = "Wrong answers score as much as right ones, or more.", DISCRIMINATION.remedy
    lost = [contest for contest in comparisons if contest.win is not None and contest.win < 1]
    lost.sort(key=lambda contest: contest.margin)
    shown = {contest.wrong_kind: contest for contest in reversed(lost)}  # the clearest of each kind
    return DISCRIMINATION.finding(
        severity,
        what,
        measured=measured,
        threshold=f"more than {least:g} for each kind" if least == TIED_AUC else f"at least {least:g}",
        fix=fix,
        value=auc,
        examples=[
            contest.wrong.example(f"wrong ({contest.wrong_kind}); the right answer scored {contest.right.score:g}")
            for contest in sorted(shown.values(), key=lambda contest: contest.margin)[:MAX_EXAMPLES]
            if contest.right.score is not None
        ],
    )


def _refusal_findings(context: ProbeContext, scale: ScoreScale) -> Iterator[Finding]:
    """Tell when it pays to try nothing rather than be wrong. Some rewards are meant so; then it is good to know."""
    rows = sample_evenly(context.answerable_rows, REFUSAL_ROWS)
    lines = {row.record.line for row in rows}
    tried = scale.mean_of_scored(answer for answer in context.wrong_results if answer.case.record.line in lines)
    for text in _REFUSALS:
        idle = context.invoker.score([Case(label="no attempt", record=row.record, text=text) for row in rows])
        mean = scale.mean_of_scored(idle)
        if tried is not None and mean is not None and mean - tried > MAX_REFUSAL_GAIN:
            yield DISCRIMINATION.finding(
                Severity.INFO,
                f"{'A refusal' if text else 'An empty response'} scores more than a wrong answer.",
                measured=f"{mean:.2f} against {tried:.2f}{scale.note}",
                fix="Unless the model should rather say nothing than be wrong, score both alike.",
                value=mean - tried,
                examples=[idle[0].example()],
            )
