"""S5: check that right answers score more than wrong ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Final

from simulator.doctor.finding import Example, Finding, Probe, Severity
from simulator.doctor.invocation import Case, CaseResult
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_scale import (
    MAX_EXAMPLES,
    ScoreScale,
    missing_note,
    sample_evenly,
    score_scale,
)
from simulator.doctor.probes.static.wrong_answer_texts import WRONG_ANSWERS
from simulator.training.random_draws import uniform_draws
from simulator.training.reference_answer import AnswerKind

INVERTED_AUC: Final = 0.3
"""Below this, wrong answers score above right ones (INFERRED)."""

FAIL_AUC: Final = 0.8
"""Below this, too many comparisons are tied or lost (INFERRED)."""

WARN_AUC: Final = 0.95
"""Below this, some kind of wrong answer counts as right (INFERRED)."""

TIED_AUC: Final = 0.55
"""A kind of wrong answer with an AUC of at most this always counts as right (INFERRED)."""

MAY_TIE: Final[Mapping[AnswerKind, str]] = {
    "code": "another program may have the same result",
    "text": "a shorter text may be enough",
}
"""The kinds of task whose almost right answers a sound function may accept, and why."""

ROWS_PER_KIND: Final = 16
"""Each kind of wrong answer, except the almost right one, is tried on this many rows."""

REFUSAL_ROWS: Final = 8
"""Refusals and empty responses are tried on this many rows."""

MAX_REFUSAL_GAIN: Final = 0.1
"""A refusal that scores this much more than a wrong answer is reported (INFERRED)."""

DISCRIMINATION: Final = Probe(
    id="S5",
    name="discrimination",
    question="Does a right answer score more than a wrong one?",
    measured=(
        "Each row's right answer is compared with wrong answers. The words around the answer are the same. One wrong "
        "answer is almost right. The others depend on the kind of task: a number that is ten times as large, has the "
        "other sign or is very different; another label; a field missing or changed; code that is altered or cut "
        "short; another row's answer; a sentence that gives no answer; and, for short answers, a text that gives the "
        "right answer and then says that it is wrong. The value is the share of comparisons in which the right answer "
        "gets the higher score. Equal scores count half. This share is the area under the ROC curve (AUC). It is "
        f"averaged over the kinds of wrong answer. A value below {WARN_AUC:g} is a warning. A value below {FAIL_AUC:g} "
        f"is a failure. Below {INVERTED_AUC:g}, the finding says that the score is inverted. One kind of wrong answer "
        f"with a value of {TIED_AUC:g} or less is also a failure. Almost right answers are an exception if the answer "
        f"is {' or '.join(f'{kind} ({why})' for kind, why in MAY_TIE.items())}."
    ),
    means=(
        "Training moves the policy towards the responses that score more than others in their group. If right and "
        "wrong answers get the same score, the policy learns nothing. If wrong answers get more, it learns to give "
        "wrong answers."
    ),
    remedy=(
        "Compare the final answer itself with the reference: as a number, as a label, or field by field. Do not search "
        "for the reference anywhere in the text."
    ),
    source=(
        "The AUC is the Mann-Whitney statistic. INFERRED: the thresholds, and the comparison within a row, because "
        "a GRPO group is the rollouts of one prompt (arXiv 2402.03300)."
    ),
)

_ALMOST = "almost right"
_REFUSALS = ("", "I am sorry, but I cannot help with this request.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A right and a wrong answer to the same row."""

    wrong_kind: str
    kind: AnswerKind
    right: CaseResult
    wrong: CaseResult

    @property
    def may_tie(self) -> bool:
        """Whether a sound function may accept this wrong answer."""
        return self.wrong_kind == _ALMOST and self.kind in MAY_TIE

    @property
    def win(self) -> float | None:
        """1 when the right answer scores more, 0 when less, 0.5 for a tie. None when one has no score."""
        right, wrong = self.right.score, self.wrong.score
        return None if right is None or wrong is None else (right > wrong) + 0.5 * (right == wrong)

    @property
    def margin(self) -> float:
        """By how much the right answer scores more."""
        return (self.right.score or 0.0) - (self.wrong.score or 0.0)


def check_discrimination(context: ProbeContext) -> Iterator[Finding]:
    """S5: compare the scores of right and wrong answers."""
    if not context.answerable_rows:
        yield DISCRIMINATION.not_measured(context.unknown_answers_reason)
        return
    comparisons = _comparisons(context)
    auc_by_kind = _auc_by_wrong_kind(comparisons)
    results = [result for comparison in comparisons for result in (comparison.right, comparison.wrong)]
    if not auc_by_kind:
        yield DISCRIMINATION.not_measured(f"No pair of a right and a wrong answer has scores: {results[0].error}")
        return
    auc = fmean(auc_by_kind.values())
    yield _discrimination_finding(auc, auc_by_kind, comparisons, note=missing_note(results))
    yield from _refusal_findings(context, score_scale(context))


def _auc_by_wrong_kind(comparisons: Sequence[Comparison]) -> dict[str, float]:
    """Return the AUC for each kind of wrong answer. Comparisons of one kind must be adjacent."""
    return {
        name: fmean(wins)
        for name, group in groupby(comparisons, key=lambda comparison: comparison.wrong_kind)
        if (wins := [comparison.win for comparison in group if comparison.win is not None])
    }


def _comparisons(context: ProbeContext) -> list[Comparison]:
    """Return every comparison. Those of one kind of wrong answer are adjacent."""
    comparisons = [
        Comparison(wrong_kind=_ALMOST, kind=row.reference.kind, right=right, wrong=wrong)
        for row, right, wrong in zip(context.answerable_rows, context.right_results, context.wrong_results, strict=True)
    ]
    kinds = {row.record.line: row.reference.kind for row in context.answerable_rows}
    right_results = {right.case.record.line: right for right in context.right_results}
    cases = []
    for kind, writers in WRONG_ANSWERS.items():
        rows = sample_evenly([row for row in context.answerable_rows if row.reference.kind == kind], ROWS_PER_KIND)
        for name, write in writers.items():
            for row in rows:
                (u,) = uniform_draws(context.seed, "doctor", name, row.record.line, count=1)
                text = write(row, context.answerable_rows, u)
                if text is not None and text != row.right_response:
                    cases.append(Case(label=f"wrong answer: {name}", record=row.record, text=text))
    cases.sort(key=lambda case: case.label)
    return comparisons + [
        Comparison(
            wrong_kind=wrong.case.label.partition(": ")[2],
            kind=kinds[wrong.case.record.line],
            right=right_results[wrong.case.record.line],
            wrong=wrong,
        )
        for wrong in context.invoker.score(cases)
    ]


def _discrimination_finding(
    auc: float, auc_by_kind: Mapping[str, float], comparisons: Sequence[Comparison], *, note: str
) -> Finding:
    worst = min(auc_by_kind, key=lambda name: auc_by_kind[name])
    lowest = f"; lowest for the wrong answer {worst!r}: {auc_by_kind[worst]:.3g}" if auc_by_kind[worst] < auc else ""
    measured = f"{auc:.3g}{lowest}{note}"
    must_differ = [comparison for comparison in comparisons if not comparison.may_tie]
    tied_kinds = [name for name, value in _auc_by_wrong_kind(must_differ).items() if value <= TIED_AUC]
    if auc >= WARN_AUC and not tied_kinds:
        return DISCRIMINATION.ok("Right answers score more than wrong ones.", measured=measured, value=auc)
    fix = DISCRIMINATION.remedy
    if auc < INVERTED_AUC:
        severity, limit = Severity.FAIL, INVERTED_AUC
        message = "The score is inverted: wrong answers score more than right ones."
        fix = "Swap the sign or the branches so that better answers score more. Training moves towards higher scores."
    elif auc >= FAIL_AUC and tied_kinds:
        severity, limit = Severity.FAIL, TIED_AUC
        message = f"One kind of wrong answer always counts as right: {', '.join(tied_kinds)}."
    else:
        severity, limit = (Severity.FAIL, FAIL_AUC) if auc < FAIL_AUC else (Severity.WARN, WARN_AUC)
        message = "Wrong answers score as much as right ones, or more."
    return DISCRIMINATION.finding(
        severity,
        message,
        measured=measured,
        threshold=f"more than {limit:g} for each kind" if limit == TIED_AUC else f"at least {limit:g}",
        fix=fix,
        value=auc,
        examples=_examples(comparisons),
    )


def _examples(comparisons: Sequence[Comparison]) -> list[Example]:
    """Return the clearest lost comparison of each kind of wrong answer."""
    lost_comparisons = [comparison for comparison in comparisons if comparison.win is not None and comparison.win < 1]
    lost_comparisons.sort(key=lambda comparison: comparison.margin)
    clearest = {comparison.wrong_kind: comparison for comparison in reversed(lost_comparisons)}
    return [
        comparison.wrong.example(f"wrong ({comparison.wrong_kind}); the right answer scored {comparison.right.score:g}")
        for comparison in sorted(clearest.values(), key=lambda comparison: comparison.margin)[:MAX_EXAMPLES]
        if comparison.right.score is not None
    ]


def _refusal_findings(context: ProbeContext, scale: ScoreScale) -> Iterator[Finding]:
    """Yield a finding when a response without an attempt scores more than a wrong answer. Some rewards intend that."""
    rows = sample_evenly(context.answerable_rows, REFUSAL_ROWS)
    lines = {row.record.line for row in rows}
    wrong_mean = scale.mean_of_scored(result for result in context.wrong_results if result.case.record.line in lines)
    for text in _REFUSALS:
        results = context.invoker.score([Case(label="no attempt", record=row.record, text=text) for row in rows])
        mean = scale.mean_of_scored(results)
        if wrong_mean is not None and mean is not None and mean - wrong_mean > MAX_REFUSAL_GAIN:
            yield DISCRIMINATION.finding(
                Severity.INFO,
                f"{'A refusal' if text else 'An empty response'} scores more than a wrong answer.",
                measured=f"{mean:.2f} compared with {wrong_mean:.2f}{scale.note}",
                fix="Score both alike, unless the model should prefer no answer to a wrong one.",
                value=mean - wrong_mean,
                examples=[results[0].example()],
            )
