"""S5: the score follows what is right."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Answer, Case
from simulator.doctor.probe_context import Examination
from simulator.doctor.probes.static.score_scale import SHOWN, Scale, left_out, scale_of, spread
from simulator.doctor.rows import Row
from simulator.training.random_draws import uniforms
from simulator.training.reference_answer import Kind
from simulator.training.wrong_answers import corrupted

INVERTED: Final = 0.3
"""Below this, wrong answers score above right ones (INFERRED)."""

WEAK: Final = 0.8
"""Below this, too many comparisons give no direction or the wrong one (INFERRED)."""

BLURRED: Final = 0.95
"""Below this, some kind of wrong answer is taken for a right one (INFERRED)."""

TIED: Final = 0.55
"""A kind of wrong answer that right ones beat no more often than this is always taken for right (INFERRED)."""

MAY_PASS: Final[Mapping[Kind, str]] = {"code": "another program may do the same", "text": "a shorter text may do"}
"""The kinds of task whose almost right answers a sound function may take for right, and why."""

WRONG_ROWS: Final = 16
"""Each further kind of wrong answer is put to so many rows."""

TRIED_ROWS: Final = 8
"""So many rows are asked about answers that try nothing."""

IDLE_GAIN: Final = 0.1
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
        f"answer. Below {BLURRED:g} is a warning, below {WEAK:g} a failure; below {INVERTED:g} the score is inverted. "
        f"One kind of wrong answer for which it is {TIED:g} or less is a failure by itself, but for almost right ones "
        f"where the answer is {' or '.join(f'{kind} ({why})' for kind, why in MAY_PASS.items())}."
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
_MENTION = "At first it looks like {}, but that does not hold.\n"
_EVASION = "It depends on several things."
_REFUSALS = ("", "I am sorry, but I cannot help with this request.")
_TENFOLD, _MINUS = 0.4, 0.58  # what `corrupted` makes of these draws, for a near number

Wrong = Callable[[Row, Sequence[Row], float], str | None]


def _value(content: str, at: float | None = None) -> Wrong:
    def write(row: Row, _rows: Sequence[Row], u: float) -> str:
        value = corrupted(row.gold, content, labels=row.task.labels, u=u if at is None else at)
        return row.written(value, wrong=True)

    return write


def _mention(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    if row.task.asked.format == "json":
        return None  # prose before an object is no JSON, and scores nothing for that reason
    return _MENTION.format(row.gold.written) + row.written(row.wrong_value, wrong=True)


def _evasive(row: Row, _rows: Sequence[Row], _u: float) -> str:
    return row.written(_EVASION, wrong=True)


def _of_another(row: Row, rows: Sequence[Row], u: float) -> str | None:
    others = [other for other in rows if other.gold.kind == row.gold.kind and other.gold.value != row.gold.value]
    return row.written(others[int(u * len(others))].gold.value, wrong=True) if others else None


def _cut_short(row: Row, _rows: Sequence[Row], _u: float) -> str:
    lines = row.gold.written.splitlines()
    return row.written("\n".join(lines[: len(lines) // 2]) or row.gold.written[: len(row.gold.written) // 2])


_SHORT: Mapping[str, Wrong] = {"right one taken back": _mention, "evasive": _evasive}
WRONGS: Final[Mapping[Kind, Mapping[str, Wrong]]] = {
    "number": {
        "ten times as large": _value("near", _TENFOLD),
        "other sign": _value("near", _MINUS),
        "far off": _value("wrong"),
        "right one taken back": _mention,
    },
    "label": _SHORT,
    "boolean": _SHORT,
    "json": {"a field blank": _value("intermediate"), "a field changed": _value("wrong"), "another row's": _of_another},
    "code": {"cut short": _cut_short, "does nothing": lambda row, _rows, _u: row.written("pass"),
             "another row's": _of_another},
    "text": {"evasive": _evasive, "another row's": _of_another},
    "none": {},
}  # fmt: skip
"""Further kinds of wrong answer, by the kind of task; an almost right one is asked of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A right answer beside a wrong one, both to the same row."""

    kind_of_wrong: str
    task: Kind
    right: Answer
    wrong: Answer

    @property
    def may_tie(self) -> bool:
        """Whether a sound function may take this wrong answer for right."""
        return self.kind_of_wrong == _ALMOST and self.task in MAY_PASS

    @property
    def won(self) -> float | None:
        """1 when the right one scores more, 0 when less, a half when they tie; None when one has no score."""
        right, wrong = self.right.score, self.wrong.score
        return None if right is None or wrong is None else (right > wrong) + 0.5 * (right == wrong)

    @property
    def lead(self) -> float:
        """By how much the right one scores more."""
        return (self.right.score or 0.0) - (self.wrong.score or 0.0)


def discrimination(exam: Examination) -> Iterator[Finding]:
    """S5: does what is right win?"""
    if not exam.known:
        yield DISCRIMINATION.skipped("No right answer was found in the rows, so there is nothing to compare.")
        return
    contests = _contests(exam)
    auc_of = _auc_of(contests)
    answers = [answer for contest in contests for answer in (contest.right, contest.wrong)]
    if not auc_of:
        yield DISCRIMINATION.skipped(f"No pair of right and wrong answers got scores: {answers[0].fault}")
        return
    auc = fmean(auc_of.values())
    yield _judged(auc, auc_of, contests, notes=left_out(answers))
    yield from _refusals(exam, scale_of(exam))


def _auc_of(contests: Sequence[Contest]) -> dict[str, float]:
    """Return the share that right answers win against each kind of wrong one; those of a kind stand in a row."""
    return {
        name: fmean(won)
        for name, group in groupby(contests, key=lambda contest: contest.kind_of_wrong)
        if (won := [contest.won for contest in group if contest.won is not None])
    }


def _contests(exam: Examination) -> list[Contest]:
    """Every comparison, those of one kind of wrong answer in a row."""
    contests = [
        Contest(kind_of_wrong=_ALMOST, task=row.gold.kind, right=right, wrong=wrong)
        for row, right, wrong in zip(exam.known, exam.right, exam.wrong, strict=True)
    ]
    task_at = {row.record.line: row.gold.kind for row in exam.known}
    right_at = {right.case.record.line: right for right in exam.right}
    cases = []
    for kind, wrongs in WRONGS.items():
        rows = spread([row for row in exam.known if row.gold.kind == kind], WRONG_ROWS)
        for name, write in wrongs.items():
            for row in rows:
                (u,) = uniforms(exam.seed, "doctor", name, row.record.line, count=1)
                text = write(row, exam.known, u)
                if text is not None and text != row.perfect:
                    cases.append(Case(label=f"wrong answer: {name}", record=row.record, text=text))
    cases.sort(key=lambda case: case.label)
    return contests + [
        Contest(
            kind_of_wrong=answer.case.label.partition(": ")[2],
            task=task_at[answer.case.record.line],
            right=right_at[answer.case.record.line],
            wrong=answer,
        )
        for answer in exam.ask.asked(cases)
    ]


def _judged(auc: float, auc_of: Mapping[str, float], contests: Sequence[Contest], *, notes: str) -> Finding:
    worst = min(auc_of, key=lambda name: auc_of[name])
    lowest = f"; lowest where the wrong answer is {worst!r}: {auc_of[worst]:.3g}" if auc_of[worst] < auc else ""
    measured = f"{auc:.3g}{lowest}{notes}"
    tied = [
        name
        for name, value in _auc_of([contest for contest in contests if not contest.may_tie]).items()
        if value <= TIED
    ]
    if auc >= BLURRED and not tied:
        return DISCRIMINATION.fine("Right answers score more than wrong ones.", measured=measured, value=auc)
    if auc < INVERTED:
        severity, least, what = Severity.FAIL, INVERTED, "Wrong answers score more than right ones: it is inverted."
        fix = "Swap the sign, or the branches, so that more is better: the policy is moved towards higher scores."
    elif auc >= WEAK and tied:
        severity, least, fix = Severity.FAIL, TIED, DISCRIMINATION.remedy
        what = f"One kind of wrong answer is always taken for right: {', '.join(tied)}."
    else:
        severity, least = (Severity.FAIL, WEAK) if auc < WEAK else (Severity.WARN, BLURRED)
        what, fix = "Wrong answers score as much as right ones, or more.", DISCRIMINATION.remedy
    lost = [contest for contest in contests if contest.won is not None and contest.won < 1]
    lost.sort(key=lambda contest: contest.lead)
    shown = {contest.kind_of_wrong: contest for contest in reversed(lost)}  # the clearest of each kind
    return DISCRIMINATION.found(
        severity,
        what,
        measured=measured,
        threshold=f"more than {least:g} for each kind" if least == TIED else f"at least {least:g}",
        fix=fix,
        value=auc,
        exhibits=[
            contest.wrong.exhibit(f"wrong ({contest.kind_of_wrong}); the right answer scored {contest.right.score:g}")
            for contest in sorted(shown.values(), key=lambda contest: contest.lead)[:SHOWN]
            if contest.right.score is not None
        ],
    )


def _refusals(exam: Examination, scale: Scale) -> Iterator[Finding]:
    """Tell when it pays to try nothing rather than be wrong. Some rewards are meant so; then it is good to know."""
    rows = spread(exam.known, TRIED_ROWS)
    lines = {row.record.line for row in rows}
    tried = scale.mean(answer for answer in exam.wrong if answer.case.record.line in lines)
    for text in _REFUSALS:
        idle = exam.ask.asked([Case(label="no attempt", record=row.record, text=text) for row in rows])
        mean = scale.mean(idle)
        if tried is not None and mean is not None and mean - tried > IDLE_GAIN:
            yield DISCRIMINATION.found(
                Severity.INFO,
                f"{'A refusal' if text else 'An empty response'} scores more than a wrong answer.",
                measured=f"{mean:.2f} against {tried:.2f}{scale.note}",
                fix="Unless the model should rather say nothing than be wrong, score both alike.",
                value=mean - tried,
                exhibits=[idle[0].exhibit()],
            )
