"""S5: check that right answers score more than wrong ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from simulator.doctor.finding import Example, Finding, Probe, Severity
from simulator.doctor.invocation import Case
from simulator.doctor.probe_context import SCORE_TOLERANCE, ProbeContext
from simulator.doctor.probes.static.score_scale import (
    MAX_EXAMPLES,
    MIN_REFERENCES,
    ScoreScale,
    missing_note,
    sample_evenly,
    score_scale,
)
from simulator.doctor.probes.static.wrong_answer_comparisons import MAY_TIE, TIE, Comparison, compare_wrong_answers
from simulator.doctor.probes.static.wrong_answer_groups import (
    COUNTED_CREDIT,
    TIED_AUC,
    by_kind,
    counts_as_right,
    is_coincidence,
    mean_win,
    writings_with_any_answer,
)

INVERTED_AUC: Final = 0.3
"""Below this, wrong answers score above right ones (INFERRED)."""

FAIL_AUC: Final = 0.8
"""Below this, too many comparisons are tied or lost, over all kinds. For one kind it is a warning (INFERRED)."""

WARN_AUC: Final = 0.95
"""Below this, some kind of wrong answer counts as right (INFERRED)."""

CLOSE_SHARE: Final = 0.8
"""Wrong numbers that earn this share of what right ones earn are a warning (INFERRED)."""

MIN_ROWS_OF_LABEL: Final = 2
"""Right answers that occur on so many rows on average are labels (INFERRED)."""

REFUSAL_ROWS: Final = 8
"""Refusals and empty responses are tried on this many rows."""

MAX_REFUSAL_GAIN: Final = 0.1
"""A refusal that scores this much more than a wrong answer is reported (INFERRED)."""

DISCRIMINATION: Final = Probe(
    id="S5",
    name="discrimination",
    question="Does a right answer score more than a wrong one?",
    measured=(
        "Each row's right answer is compared with wrong answers. One wrong answer is almost right. The others depend "
        "on the kind of task. Numbers: ten or a hundred times as large, a hundredth, the other sign, off by a tenth or "
        "by less than one, inside a longer number, far off. Labels: another one, a longer word that contains the right "
        "one, a label that begins like it, another unit. Both: several answers at once or in turn with the right one "
        "in the middle, the right one between thinking tags or taken back before a wrong one, and the right one "
        "denied. Objects: a field missing, changed or alone, nested values emptied, the right object between wrong "
        "ones. Programs: altered, cut short, empty, only the result of the prompt's example, a query for as many rows "
        "without their values, and an equation with other numbers, with some of them or with another value. All: "
        "another row's answer or a sentence that gives no answer. "
        "The value is the share of comparisons in which the right answer gets the higher score. Equal scores count "
        "half. This share is the area under the ROC curve (AUC). It is averaged over the kinds of wrong answer, "
        "without the denied ones. Rows are left out if neither answer earns anything and other right answers do, "
        "unless the answers are a few labels. "
        f"A mean below {FAIL_AUC:g} is a failure. Below {INVERTED_AUC:g}, the finding says that the score is inverted. "
        f"One kind of wrong answer with a value of {TIED_AUC:g} or less is also a failure, and so is one that contains "
        f"the right answer and gets {COUNTED_CREDIT:g} of the way from an almost right answer to a right one, and a "
        "way of writing the reference, such as percentages, on whose rows any answer counts. A mean below "
        f"{WARN_AUC:g} is a warning, and so are a kind with a value below {FAIL_AUC:g}, denied answers that count, and "
        f"wrong numbers that earn {CLOSE_SHARE:g} of what right ones earn. Hits on rows with one and the same right "
        "answer may be coincidence and are information. Almost right answers are not judged alone if the answer is "
        f"{' or '.join(f'{kind} ({why})' for kind, why in MAY_TIE.items())}."
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

_REFUSALS = ("", "I am sorry, but I cannot help with this request.")
_COINCIDENCE = "This may be coincidence, because all rows with such a hit have the same right answer."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """What is wrong, with the comparisons that show it.

    Attributes:
        is_chance: whether all hits are on rows with one and the same right answer.
    """

    severity: Severity
    message: str
    threshold: str
    comparisons: Sequence[Comparison]
    fix: str = DISCRIMINATION.remedy
    is_chance: bool = False


def check_discrimination(context: ProbeContext) -> Iterator[Finding]:
    """S5: compare the scores of right and wrong answers."""
    if not context.answerable_rows:
        yield DISCRIMINATION.not_measured(context.unknown_answers_reason)
        return
    scale = score_scale(context)
    comparisons = compare_wrong_answers(context)
    results = [result for comparison in comparisons for result in (comparison.right, comparison.wrong)]
    kinds = by_kind(_without_refused_answers(comparisons, scale))
    if not kinds:
        yield DISCRIMINATION.not_measured(f"No pair of a right and a wrong answer has scores: {results[0].error}")
        return
    yield _discrimination_finding(kinds, scale, note=missing_note(results))
    yield from _refusal_findings(context, scale)


def _without_refused_answers(comparisons: Sequence[Comparison], scale: ScoreScale) -> Sequence[Comparison]:
    """Return the comparisons without those of two answers that earn nothing, if some right answer earns anything.

    There the right answer is refused, which S3 and S7 report. It says nothing about wrong answers. Where many rows have
    the same right answer, such as a label, they stay: a function that knows one label only refuses all others.
    """
    earned = [
        comparison.right.score is not None and scale.normalize(comparison.right.score) > SCORE_TOLERANCE
        for comparison in comparisons
    ]
    answers = {comparison.row.record.line: comparison.row.reference.text for comparison in comparisons}
    if not any(earned) or len(set(answers.values())) <= len(answers) / MIN_ROWS_OF_LABEL:
        return comparisons
    return [comparison for comparison, earns in zip(comparisons, earned, strict=True) if earns or comparison.win != TIE]


def _discrimination_finding(kinds: Mapping[str, Sequence[Comparison]], scale: ScoreScale, *, note: str) -> Finding:
    auc_by_kind = {
        name: win
        for name, comparisons in kinds.items()
        if (win := mean_win(comparisons)) is not None and not comparisons[0].wrong_answer.may_count
    }
    auc = fmean(auc_by_kind.values())
    worst = min(auc_by_kind, key=lambda name: auc_by_kind[name])
    lowest = f"; lowest for the wrong answer {worst!r}: {auc_by_kind[worst]:.3g}" if auc_by_kind[worst] < auc else ""
    measured = f"{auc:.3g}{lowest}{note}"
    problem = next(_problems(kinds, auc_by_kind, scale, auc=auc), None)
    if problem is None:
        return DISCRIMINATION.ok("Right answers score more than wrong ones.", measured=measured, value=auc)
    return DISCRIMINATION.finding(
        Severity.INFO if problem.is_chance else problem.severity,
        f"{problem.message} {_COINCIDENCE}" if problem.is_chance else problem.message,
        measured=measured,
        threshold=problem.threshold,
        fix=problem.fix,
        value=auc,
        examples=_examples(problem.comparisons),
    )


def _problems(
    kinds: Mapping[str, Sequence[Comparison]], auc_by_kind: Mapping[str, float], scale: ScoreScale, *, auc: float
) -> Iterator[_Problem]:
    """Yield what is wrong, worst first."""
    every = [comparison for comparisons in kinds.values() for comparison in comparisons]
    if auc < INVERTED_AUC:
        yield _Problem(
            severity=Severity.FAIL,
            message="The score is inverted: wrong answers score more than right ones.",
            threshold=f"at least {INVERTED_AUC:g}",
            comparisons=every,
            is_chance=is_coincidence(every),
            fix="Swap the sign or the branches: better answers must score more. Training moves towards higher scores.",
        )
    if auc < FAIL_AUC:
        yield _problem_of_the_mean(Severity.FAIL, FAIL_AUC, every)
    counted = {name: comparisons for name, comparisons in kinds.items() if _must_not_count(comparisons)}
    counted = {name: comparisons for name, comparisons in counted.items() if counts_as_right(comparisons)}
    certain = {name: hits for name, hits in counted.items() if not hits[0].wrong_answer.may_count}
    proven = {name: hits for name, hits in certain.items() if not is_coincidence(hits)}
    if proven:
        yield _Problem(
            severity=Severity.FAIL,
            message=_kinds_message(list(proven)),
            threshold=f"more than {TIED_AUC:g} for each kind",
            comparisons=[hit for hits in proven.values() for hit in hits],
        )
    writings = writings_with_any_answer(every, scale)
    if writings:
        yield _Problem(
            severity=Severity.FAIL,
            message=f"Any answer counts as right on the rows whose right answer is {' or '.join(writings)}.",
            threshold=f"more than {TIED_AUC:g} for each way of writing the reference",
            comparisons=every,
            fix="Read every reference of the file. Score 0, or stop with an error, if one cannot be read.",
        )
    low_kinds = [
        name
        for name, win in auc_by_kind.items()
        if win < FAIL_AUC and _must_not_count(kinds[name]) and not is_coincidence(kinds[name])
    ]
    if auc < WARN_AUC or low_kinds:
        threshold = WARN_AUC if auc < WARN_AUC else FAIL_AUC
        yield _problem_of_the_mean(Severity.WARN, threshold, every)
    denied = {name: hits for name, hits in counted.items() if hits[0].wrong_answer.may_count}
    if denied:
        yield _Problem(
            severity=Severity.WARN,
            message=f"A right answer that the response denies counts as right: {', '.join(denied)}.",
            threshold=f"more than {TIED_AUC:g} for each kind",
            comparisons=[hit for hits in denied.values() for hit in hits],
            is_chance=all(map(is_coincidence, denied.values())),
            fix="Accept an answer only if it stands alone where the prompt asks for it. Reject other words around it.",
        )
    close = {name: hits for name, hits in kinds.items() if _earns_almost_as_much(hits, scale)}
    if close:
        yield _Problem(
            severity=Severity.WARN,
            message=f"Wrong numbers earn almost as much as right ones: {', '.join(close)}.",
            threshold=f"less than {CLOSE_SHARE:g} of a right answer's score",
            comparisons=[hit for hits in close.values() for hit in hits],
        )
    if certain:
        yield _Problem(
            severity=Severity.INFO,
            is_chance=True,
            message=_kinds_message(list(certain)),
            threshold=f"more than {TIED_AUC:g} for each kind",
            comparisons=[hit for hits in certain.values() for hit in hits],
        )


def _must_not_count(comparisons: Sequence[Comparison]) -> bool:
    return not all(comparison.may_tie for comparison in comparisons)


def _problem_of_the_mean(severity: Severity, limit: float, comparisons: Sequence[Comparison]) -> _Problem:
    return _Problem(
        severity=severity,
        message="Wrong answers score as much as right ones, or more.",
        threshold=f"at least {limit:g}",
        comparisons=comparisons,
        is_chance=is_coincidence(comparisons),
    )


def _kinds_message(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"One kind of wrong answer always counts as right: {names[0]}."
    return f"{len(names)} kinds of wrong answer always count as right: {', '.join(names)}."


def _earns_almost_as_much(comparisons: Sequence[Comparison], scale: ScoreScale) -> bool:
    """Return whether wrong numbers of one kind earn almost what right ones earn. Nothing else about them is right."""
    wrong_answer = comparisons[0].wrong_answer
    if wrong_answer.holds_right_one or any(comparison.row.reference.kind != "number" for comparison in comparisons):
        return False
    if len({comparison.row.reference.text for comparison in comparisons}) < MIN_REFERENCES:
        return False
    right = scale.mean_of_all([comparison.right for comparison in comparisons])
    wrong = scale.mean_of_all([comparison.wrong for comparison in comparisons])
    return right > SCORE_TOLERANCE and wrong >= CLOSE_SHARE * right


def _examples(comparisons: Sequence[Comparison]) -> list[Example]:
    """Return the clearest comparison of each kind of wrong answer, those first that the right answer does not win."""
    by_margin = sorted(
        (comparison for comparison in comparisons if comparison.win is not None),
        key=lambda comparison: comparison.margin,
    )
    lost = [comparison for comparison in by_margin if comparison.win != 1]
    clearest = {comparison.wrong_answer.name: comparison for comparison in reversed(lost or by_margin)}
    return [
        comparison.wrong.example(
            f"wrong ({comparison.wrong_answer.name}); the right answer scored {comparison.right.score:g}"
        )
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
