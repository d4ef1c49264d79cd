"""S7: a right answer that is written differently is still right."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case, CaseResult
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.answer_variants import ANSWER_VARIANTS, AnswerVariant
from simulator.doctor.probes.static.base_rollouts import BaseRollout, base_rollouts_in_requested_format
from simulator.doctor.probes.static.score_scale import (
    MAX_EXAMPLES,
    ScoreScale,
    missing_note,
    sample_evenly,
    score_scale,
)
from simulator.training.reference_answer import AnswerKind

ACCEPTED_SHARE: Final = 0.5
"""A way of writing is accepted when it scores this part of the same rows' plain right answers (INFERRED)."""

MAX_LOST_SHARE: Final = 0.1
"""A greater share of right rollouts that are not accepted is a failure (INFERRED)."""

ROWS_PER_VARIANT: Final = 8
"""Each way is tried on so many rows."""

MIN_ROLLOUTS: Final = 20
"""Of fewer right rollouts no share is told (INFERRED)."""

PLAIN_STYLES: Final[Mapping[AnswerKind, frozenset[str]]] = {
    "number": frozenset({"plain", "comma", "decimal", "period"}),
    "label": frozenset({"plain", "period"}),
    "boolean": frozenset({"plain", "period"}),
    "json": frozenset({"plain", "decimal"}),
    "code": frozenset({"plain", "decimal", "fullwidth"}),
    "text": frozenset({"plain", "decimal", "fullwidth"}),
    "none": frozenset(),
}
"""The policy's styles, by their names there, that are counted as lost. How often a real model puts a label in quotes,
an amount behind a `$` or JSON in a fence depends on the model too much for a failure; S7's ways warn of those."""

FALSE_NEGATIVES: Final = Probe(
    id="S7",
    name="false negatives",
    question="Does a right answer that is written differently still count as right?",
    measured=(
        "Each row's right answer is written in other ways, by the kind of task: "
        + "; ".join(
            f"{kind}: {', '.join(way.name for way in ways if way.must_accept)}"
            for kind, ways in ANSWER_VARIANTS.items()
            if ways
        )
        + f". A way that scores less than {ACCEPTED_SHARE:g} of the plain right answer is a warning. Others are a matter of "
        "choice and are listed without one, such as $72 or full-width digits. Of the base model's rollouts those are "
        "taken that are really right and in the format that the prompt asks for (any that is accepted, where it asks "
        "for none), without currency signs, quotes or fences: when more than "
        f"{MAX_LOST_SHARE:.0%} of them score less than {ACCEPTED_SHARE:g} of the row's right answer, it is a failure."
    ),
    means=(
        "A right answer that scores 0 teaches the policy to avoid it, and its whole group is shifted. Such misses "
        "grow with the policy, because better answers are written in more ways."
    ),
    remedy=(
        "Read the value, not the characters: strip blanks, marks, quotes and fences, compare numbers as numbers and "
        "JSON as parsed, and labels without regard to case."
    ),
    source=(
        "Math-Verify found 13.3 % right where a weak extractor found 8.0 % on the same outputs; TinyV (arXiv "
        "2505.14625) counts 38 % false negatives on Big-Math; arXiv 2505.22203. INFERRED: which ways must count, and "
        "to leave `$72` to the function, as Amazon's own sample does not take it and trains."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantResult:
    """A way of writing, tried.

    Attributes:
        kind: of task.
        ratio: its mean score as a part of that of the same rows' plain right answers.
        results: what it scored, the lowest first.
    """

    kind: AnswerKind
    variant: AnswerVariant
    ratio: float
    results: tuple[CaseResult, ...]

    @property
    def is_accepted(self) -> bool:
        """Whether it counts as right."""
        return self.ratio >= ACCEPTED_SHARE


def check_false_negatives(context: ProbeContext) -> Iterator[Finding]:
    """S7: are right answers found however they are written?"""
    if not context.answerable_rows:
        yield FALSE_NEGATIVES.not_measured(
            "No right answer was found in the rows, so it cannot be written differently."
        )
        return
    scale = score_scale(context)
    usual = {
        answer.case.record.line: scale.normalize(answer.score)
        for answer in context.right_results
        if answer.score is not None and scale.normalize(answer.score) > 0
    }
    if not usual:
        yield FALSE_NEGATIVES.not_measured(
            "No right answer scores in its plainest form, so other ways cannot be compared."
        )
        return
    trials = _score_variants(context, scale, usual)
    right = [
        attempt
        for attempt in base_rollouts_in_requested_format(context)
        if attempt.is_correct
        and attempt.style in PLAIN_STYLES[attempt.row.reference.kind]
        and attempt.row.record.line in usual
    ]
    lost = [
        attempt
        for attempt in right
        if _normalized_score(attempt.result, scale) < ACCEPTED_SHARE * usual[attempt.row.record.line]
    ]
    share = len(lost) / len(right) if len(right) >= MIN_ROLLOUTS else None
    found = [*_lost_rollout_findings(lost, share, total=len(right)), *_variant_findings(trials)]
    if not any(finding.severity in (Severity.FAIL, Severity.WARN) for finding in found):
        yield FALSE_NEGATIVES.ok(
            "Right answers count however they are written.",
            measured=f"{sum(trial.variant.must_accept for trial in trials)} ways accepted; "
            + (f"{share:.0%} of right rollouts lost" if share is not None else "too few rollouts to tell a share"),
            threshold=f"{MAX_LOST_SHARE:.0%}",
            value=share,
        )
    yield from found


def _normalized_score(result: CaseResult, scale: ScoreScale) -> float:
    """A right answer that the function breaks on is lost like one that scores nothing."""
    return 0.0 if result.score is None else scale.normalize(result.score)


def _score_variants(context: ProbeContext, scale: ScoreScale, right_scores: Mapping[int, float]) -> list[VariantResult]:
    asked: list[tuple[AnswerKind, AnswerVariant, tuple[Case, ...]]] = []
    for kind, ways in ANSWER_VARIANTS.items():
        rows = [
            row for row in context.answerable_rows if row.reference.kind == kind and row.record.line in right_scores
        ]
        for way in ways:
            possible = [
                Case(label=f"right answer, {kind}: {way.name}", record=row.record, text=text)
                for row in rows
                if (text := way.write(row)) is not None and text != row.right_response
            ]
            chosen = sample_evenly(possible, ROWS_PER_VARIANT)
            if chosen:
                asked.append((kind, way, chosen))
    answers = iter(context.invoker.score([case for _, _, cases in asked for case in cases]))
    trials = []
    for kind, way, cases in asked:
        answered = [next(answers) for _ in cases]
        plain = fmean(right_scores[case.record.line] for case in cases)
        trials.append(
            VariantResult(
                kind=kind,
                variant=way,
                ratio=fmean(_normalized_score(answer, scale) for answer in answered) / plain,
                results=tuple(sorted(answered, key=lambda answer: _normalized_score(answer, scale))),
            )
        )
    return trials


def _lost_rollout_findings(lost: Sequence[BaseRollout], share: float | None, *, total: int) -> Iterator[Finding]:
    if share is not None and share > MAX_LOST_SHARE:
        yield FALSE_NEGATIVES.finding(
            Severity.FAIL,
            "Right answers in the asked format do not count.",
            measured=f"{share:.0%} of right rollouts, {len(lost)} of {total}",
            threshold=f"at most {MAX_LOST_SHARE:.0%}",
            fix=FALSE_NEGATIVES.remedy,
            value=share,
            examples=[attempt.result.example("right") for attempt in lost[:MAX_EXAMPLES]],
        )


def _variant_findings(variant_results: Sequence[VariantResult]) -> Iterator[Finding]:
    for owed, severity, what, fix in (
        (True, Severity.WARN, "Right answers do not count when they are written differently.", FALSE_NEGATIVES.remedy),
        (False, Severity.INFO, "These ways of writing a right answer do not count; that may be meant.", ""),
    ):
        refused = [trial for trial in variant_results if trial.variant.must_accept is owed and not trial.is_accepted]
        if refused:
            tried = sum(trial.variant.must_accept is owed for trial in variant_results)
            yield FALSE_NEGATIVES.finding(
                severity,
                what,
                measured=f"{len(refused)} of {tried} ways: "
                + ", ".join(f"{trial.variant.name} ({trial.ratio:.2f})" for trial in refused)
                + missing_note([answer for trial in refused for answer in trial.results], counted="counted as nothing"),
                threshold=f"at least {ACCEPTED_SHARE:g} of the plain right answer" if owed else "",
                fix=fix,
                value=float(len(refused)),
                examples=[trial.results[0].example(f"right: {trial.variant.name}") for trial in refused[:MAX_EXAMPLES]],
            )
