"""S7: check that a right answer still counts when it is written differently."""

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
"""A way of writing is accepted when it scores this share of the same rows' plain right answers (INFERRED)."""

MAX_LOST_SHARE: Final = 0.1
"""A greater share of rejected right rollouts is a failure (INFERRED)."""

ROWS_PER_VARIANT: Final = 8
"""Each way of writing is tried on this many rows."""

MIN_ROLLOUTS: Final = 20
"""Fewer right rollouts give no share (INFERRED)."""

RULED_OUT: Final = ", which the prompt rules out"
"""The end of the label of a right answer that is written in another way than the prompt allows."""

PLAIN_STYLES: Final[Mapping[AnswerKind, frozenset[str]]] = {
    "number": frozenset({"plain", "comma", "decimal", "period"}),
    "label": frozenset({"plain", "period"}),
    "boolean": frozenset({"plain", "period"}),
    "json": frozenset({"plain", "decimal"}),
    "code": frozenset({"plain", "decimal", "fullwidth"}),
    "text": frozenset({"plain", "decimal", "fullwidth"}),
    "none": frozenset(),
}
"""The policy's styles that a function must accept. How often a real model puts quotes around a label, `$` before an
amount or a fence around JSON depends too much on the model for a failure. The answer variants warn of those."""

FALSE_NEGATIVES: Final = Probe(
    id="S7",
    name="false negatives",
    question="Does a right answer still score when it is written differently?",
    measured=(
        "Each row's right answer is written in other ways, which depend on the kind of task: "
        + "; ".join(
            f"{kind} ({', '.join(variant.name for variant in variants if variant.must_accept)})"
            for kind, variants in ANSWER_VARIANTS.items()
            if variants
        )
        + f". It is a warning when an answer in one of these ways gets less than {ACCEPTED_SHARE:g} times the score of "
        "the plain right answer. A way that the row's prompt rules out is optional: text after an answer that ends the "
        "response, marks between two tags, in a box or behind a marker that only the value may follow, bold type and "
        "quotes behind a marker or where the answer stands alone, other case of the letter of a choice, other line "
        "ends in code, and decimals where every answer is whole. Other ways are optional too, such as $72 or "
        "full-width digits. Optional ways are only listed. The base "
        "model's rollouts are also checked, if they are really right, are in the format that the prompt asks for, and "
        "have no currency signs, quotes or code fences (lines of three backquotes). (If the prompt asks for no format, "
        f"any accepted format is enough.) It is a failure when more than {MAX_LOST_SHARE:.0%} of them get less than "
        f"{ACCEPTED_SHARE:g} times the score of the row's right answer."
    ),
    means=(
        "A right answer that scores 0 teaches the policy to avoid it, and changes the advantages of its whole group. "
        "This happens more often as the policy improves, because better answers are written in more ways."
    ),
    remedy=(
        "Compare values, not characters: strip spaces, punctuation, quotes and code fences; compare numbers as "
        "numbers, JSON after parsing, and labels without regard to case."
    ),
    source=(
        "On the same outputs, Math-Verify found 13.3 % right answers and a weak extractor found 8.0 %; TinyV (arXiv "
        "2505.14625) counts 38 % false negatives on Big-Math; arXiv 2505.22203. INFERRED: which ways of writing the "
        "function must accept. `$72` is optional, because Amazon's own sample rejects it and still trains."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantResult:
    """The results of a way of writing.

    Attributes:
        kind: the kind of task.
        is_required: whether the function must accept it, because the prompts of its rows leave it open.
        ratio: its mean score as a share of the mean score of the same rows' plain right answers.
        results: the results, lowest score first.
    """

    kind: AnswerKind
    variant: AnswerVariant
    is_required: bool
    ratio: float
    results: tuple[CaseResult, ...]

    @property
    def is_accepted(self) -> bool:
        """Whether it counts as right."""
        return self.ratio >= ACCEPTED_SHARE


def check_false_negatives(context: ProbeContext) -> Iterator[Finding]:
    """S7: score right answers in other ways of writing, and the right rollouts of the base model."""
    if not context.answerable_rows:
        yield FALSE_NEGATIVES.not_measured(context.unknown_answers_reason)
        return
    scale = score_scale(context)
    right_scores = {
        result.case.record.line: scale.normalize(result.score)
        for result in context.right_results
        if result.score is not None and scale.normalize(result.score) > 0
    }
    if not right_scores:
        yield FALSE_NEGATIVES.not_measured("No right answer scores in its plainest form, so others cannot be compared.")
        return
    variants = _score_variants(context, scale, right_scores)
    right_rollouts = [
        rollout
        for rollout in base_rollouts_in_requested_format(context)
        if rollout.is_correct
        and rollout.style in PLAIN_STYLES[rollout.row.reference.kind]
        and rollout.row.record.line in right_scores
    ]
    lost_rollouts = [
        rollout
        for rollout in right_rollouts
        if _normalized_score(rollout.result, scale) < ACCEPTED_SHARE * right_scores[rollout.row.record.line]
    ]
    share = len(lost_rollouts) / len(right_rollouts) if len(right_rollouts) >= MIN_ROLLOUTS else None
    findings = [*_lost_rollout_findings(lost_rollouts, share, total=len(right_rollouts)), *_variant_findings(variants)]
    if not any(finding.severity in (Severity.FAIL, Severity.WARN) for finding in findings):
        yield FALSE_NEGATIVES.ok(
            "Right answers count in every way of writing that must count.",
            measured=f"{sum(result.is_required for result in variants)} ways accepted; "
            + (f"{share:.0%} of right rollouts lost" if share is not None else "too few rollouts for a share"),
            threshold=f"{MAX_LOST_SHARE:.0%}",
            value=share,
        )
    yield from findings


def _normalized_score(result: CaseResult, scale: ScoreScale) -> float:
    """Return the normalized score, or 0.0 for a right answer that the function fails on."""
    return 0.0 if result.score is None else scale.normalize(result.score)


def _score_variants(context: ProbeContext, scale: ScoreScale, right_scores: Mapping[int, float]) -> list[VariantResult]:
    cases_by_variant: list[tuple[AnswerKind, AnswerVariant, bool, tuple[Case, ...]]] = []
    for kind, variants in ANSWER_VARIANTS.items():
        rows = [
            row for row in context.answerable_rows if row.reference.kind == kind and row.record.line in right_scores
        ]
        for variant in variants:
            possible_cases: list[tuple[bool, Case]] = []
            for row in rows:
                text = variant.write(row)
                if text is None or text == row.right_response:
                    continue
                is_open = variant.is_open(row, rows)
                label = f"right answer, {kind}: {variant.name}{'' if is_open else RULED_OUT}"
                possible_cases.append(
                    (variant.must_accept and is_open, Case(label=label, record=row.record, text=text))
                )
            for is_required in (True, False):
                cases = sample_evenly(
                    [case for must_count, case in possible_cases if must_count is is_required], ROWS_PER_VARIANT
                )
                if cases:
                    cases_by_variant.append((kind, variant, is_required, cases))
    all_results = iter(context.invoker.score([case for *_, cases in cases_by_variant for case in cases]))
    variant_results = []
    for kind, variant, is_required, cases in cases_by_variant:
        results = [next(all_results) for _ in cases]
        right_mean = fmean(right_scores[case.record.line] for case in cases)
        variant_results.append(
            VariantResult(
                kind=kind,
                variant=variant,
                is_required=is_required,
                ratio=fmean(_normalized_score(result, scale) for result in results) / right_mean,
                results=tuple(sorted(results, key=lambda result: _normalized_score(result, scale))),
            )
        )
    return variant_results


def _lost_rollout_findings(
    lost_rollouts: Sequence[BaseRollout], share: float | None, *, total: int
) -> Iterator[Finding]:
    if share is not None and share > MAX_LOST_SHARE:
        yield FALSE_NEGATIVES.finding(
            Severity.FAIL,
            "Right answers in the requested format do not count.",
            measured=f"{share:.0%} of right rollouts, {len(lost_rollouts)} of {total}",
            threshold=f"at most {MAX_LOST_SHARE:.0%}",
            fix=FALSE_NEGATIVES.remedy,
            value=share,
            examples=[rollout.result.example("right") for rollout in lost_rollouts[:MAX_EXAMPLES]],
        )


def _variant_findings(variants: Sequence[VariantResult]) -> Iterator[Finding]:
    for must_accept, severity, message, fix in (
        (True, Severity.WARN, "Right answers do not count when they are written differently.", FALSE_NEGATIVES.remedy),
        (False, Severity.INFO, "These ways of writing a right answer do not count, which may be intended.", ""),
    ):
        considered_variants = [result for result in variants if result.is_required is must_accept]
        rejected_variants = [result for result in considered_variants if not result.is_accepted]
        if rejected_variants:
            yield FALSE_NEGATIVES.finding(
                severity,
                message,
                measured=f"{len(rejected_variants)} of {len(considered_variants)} ways: "
                + ", ".join(f"{result.variant.name} ({result.ratio:.2f})" for result in rejected_variants)
                + missing_note(
                    [case for result in rejected_variants for case in result.results], treatment="counted as 0"
                ),
                threshold=f"at least {ACCEPTED_SHARE:g} of the plain right answer" if must_accept else "",
                fix=fix,
                value=float(len(rejected_variants)),
                examples=[
                    result.results[0].example(f"right: {result.variant.name}")
                    for result in rejected_variants[:MAX_EXAMPLES]
                ],
            )
