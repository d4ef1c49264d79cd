"""S13: check that the score does not depend on the length of a response."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case, CaseResult, scores_of
from simulator.doctor.probe_context import SCORE_TOLERANCE, ProbeContext
from simulator.doctor.probes.static.answer_variants import TEXT_AFTER
from simulator.doctor.probes.static.base_rollouts import BaseRollout, base_rollouts_in_requested_format
from simulator.doctor.probes.static.prompt_freedom import text_may_follow
from simulator.doctor.probes.static.rank_correlation import MIN_PAIRS, rank_correlation
from simulator.doctor.probes.static.s07_false_negatives import ACCEPTED_SHARE
from simulator.doctor.probes.static.score_scale import (
    MIN_MATERIAL_DIFFERENCE,
    ScoreScale,
    missing_note,
    sample_evenly,
    score_scale,
)
from simulator.doctor.rows import Row

PADDED_ROWS: Final = 8
"""Padding is tried on this many rows."""

PADDING_SIZES: Final = (1_000, 4_000)
"""The lengths of padding, in characters (INFERRED)."""

MAX_CHANGE: Final = 0.1
"""A greater change of the mean score is reported (INFERRED)."""

DELIBERATE_PENALTY: Final = 0.5
"""Right answers that lose at most this share of the scale by their length, while wrong ones gain nothing by theirs, are
penalized on purpose (INFERRED, as the share of S7). A right answer of any length is then worth more than a wrong one,
and a function that does not find an answer among many words takes all of its score."""

FAIL_SHARE: Final = 0.5
"""Padding that raises wrong answers by this share of a right answer's score is a failure (INFERRED, as in S9)."""

WARN_CORRELATION: Final = 0.3
"""A stronger rank correlation of length and score is a warning (INFERRED)."""

FAIL_CORRELATION: Final = 0.5
"""A stronger correlation within wrong answers, which should all score alike, is a failure (INFERRED)."""

SIGNIFICANCE: Final = 2.58
"""Chance alone gives a larger rho * sqrt(n - 1) in one of a hundred cases (the normal approximation of Spearman's
test). Smaller correlations are not reported."""

TEXT_MAX_GAIN: Final = 0.3
"""A greater gain of wrong texts is reported. INFERRED, as in S9: any two texts share words, and sentences complete a
text that lacks some."""

REPEATS: Final = 30
"""How often the work of a wrong answer and the repeated texts occur in a padding (INFERRED)."""

REPEATED_TEXTS: Final[Mapping[str, str]] = {
    "equals signs": " = ",
    "therefore": "Therefore, ",
    "line breaks": "\n",
    "digits": "8 ",
    "small sums": "2 + 2 = 4. ",
}

LENGTH_SENSITIVITY: Final = Probe(
    id="S13",
    name="length sensitivity",
    question="Does an answer keep its score when there are more words around it?",
    measured=(
        "If the prompt allows words before or after the answer, right answers are padded there with "
        f"{' and '.join(f'{size:,}' for size in PADDING_SIZES)} characters. A change of the mean "
        f"score by more than {MAX_CHANGE:g} is a warning. It is information if right answers lose at most "
        f"{DELIBERATE_PENALTY:g} and wrong answers gain nothing, because that is a deliberate penalty, and if S7 "
        "already warns of text after the answer. Wrong answers are padded only at the end. In other "
        f"responses, {REPEATS} copies of a text precede the wrong answer: its own calculation, or a text that some "
        f"rewards count ({', '.join(REPEATED_TEXTS)}). A gain of more than {MAX_CHANGE:g} ({TEXT_MAX_GAIN:g} for free "
        f"text) is a warning. A gain of {FAIL_SHARE:g} times the score of right answers is a failure. No gain is "
        "reported when an empty response "
        "gets at least the same score, because then the length is not the reason. The length and the score of the base "
        "model's rollouts are compared by Spearman's rank correlation rho, separately for right and for wrong answers. "
        f"Only rollouts in the requested format without extra marks count. At least {MIN_PAIRS} rollouts are "
        "needed, chance must give such a rho in less than one of a hundred cases, "
        f"and their scores must differ by more than {MIN_MATERIAL_DIFFERENCE:g} of the scale. A rho above "
        f"{WARN_CORRELATION:g} or below -{WARN_CORRELATION:g} is a warning. A rho above {FAIL_CORRELATION:g} within "
        "wrong answers is a failure. If the answer is the whole response (JSON, code, text, one word), right answers "
        "are not padded and rho is not measured."
    ),
    means=(
        "A policy can change the length of its responses easily. If length raises the score, responses grow to the "
        "token limit. If words around the answer lower the score, training punishes right answers."
    ),
    remedy="Score only the final answer, and search the whole response for it, not just its first or last characters.",
    source=(
        "INFERRED thresholds. Amazon's GSM8K sample reads only the last 300 characters, as verl's gsm8k.py does; the "
        "length bias of GRPO itself is described in arXiv 2503.20783."
    ),
)

_PADDING = "All of this was gone through once more with care and in the same order as before. "

PaddingFunction = Callable[[Row, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddingEffect:
    """How a padding changes the mean score.

    Attributes:
        padding: the name of the padding.
        change: the change of the mean normalized score.
        results: the padded responses whose scores changed.
        note: how many have no score, in words.
    """

    padding: str = ""
    change: float = 0.0
    results: tuple[CaseResult, ...] = ()
    note: str = ""


def check_length_sensitivity(context: ProbeContext) -> Iterator[Finding]:
    """S13: pad right and wrong answers, and correlate length and score of the base model's rollouts."""
    if not context.answerable_rows:
        yield LENGTH_SENSITIVITY.not_measured(context.unknown_answers_reason)
        return
    scale = score_scale(context)
    right_effects, wrong_effects = _right_padding_effects(context, scale), _wrong_padding_effects(context, scale)
    largest_change = max(right_effects, key=lambda effect: (round(abs(effect.change), 9), "before" in effect.padding))
    largest_gain = max(wrong_effects, key=lambda effect: effect.change)
    rollouts = [
        rollout
        for rollout in base_rollouts_in_requested_format(context)
        if rollout.is_plain and rollout.row.allows_surrounding_text and rollout.result.score is not None
    ]
    right_rollouts = [rollout for rollout in rollouts if rollout.is_correct]
    wrong_rollouts = [rollout for rollout in rollouts if not rollout.is_correct]
    right_rho, wrong_rho = _length_correlation(right_rollouts, scale), _length_correlation(wrong_rollouts, scale)
    fail_change = FAIL_SHARE * (scale.mean_of_scored(context.right_results) or 0.0)
    wrong_gain = max([0.0, *(effect.change for effect in wrong_effects)])
    findings = [
        *_right_answer_findings(context, largest_change, scale, wrong_gain=wrong_gain),
        *_wrong_answer_findings(context, largest_gain, scale, fail_change=fail_change),
        *_correlation_findings(
            right_rho,
            right_rollouts,
            answer_kind="right",
            fails_beyond=inf,
            is_deliberate=right_rho is not None
            and right_rho < 0
            and _spread(right_rollouts, scale) <= DELIBERATE_PENALTY + SCORE_TOLERANCE
            and wrong_gain <= MIN_MATERIAL_DIFFERENCE,
        ),
        *_correlation_findings(wrong_rho, wrong_rollouts, answer_kind="wrong", fails_beyond=FAIL_CORRELATION),
    ]
    notes = "".join(dict.fromkeys(effect.note for effect in (*right_effects, *wrong_effects)))
    largest = max(abs(largest_change.change), largest_gain.change)
    yield from findings or [
        LENGTH_SENSITIVITY.ok(
            "The same answer scores the same with more words.",
            measured=f"{largest:.2g} is the largest change; rho {_format_rho(right_rho)} within right answers, "
            f"{_format_rho(wrong_rho)} within wrong ones{notes}",
            threshold=f"{MAX_CHANGE:g}, and rho at most {WARN_CORRELATION:g}",
            value=largest,
        )
    ]


def _right_padding_effects(context: ProbeContext, scale: ScoreScale) -> list[PaddingEffect]:
    """Pad right answers before and after, where their format and their prompt allow it."""
    rows = [row for row in context.answerable_rows if row.allows_surrounding_text]
    return [
        _measure_padding(
            context, scale, padded_rows, name=f"{size:,} characters {position} it", pad=_pad_with_text(size, position)
        )
        for size in PADDING_SIZES
        for position, padded_rows in (("before", rows), ("after", [row for row in rows if text_may_follow(row)]))
    ]


def _wrong_padding_effects(context: ProbeContext, scale: ScoreScale) -> list[PaddingEffect]:
    """Pad wrong answers after, and, where their format allows it, before them with work and repeated marks."""
    rows = context.answerable_rows
    paddable_rows = tuple(row for row in rows if row.allows_surrounding_text)
    paddings: list[tuple[Sequence[Row], str, PaddingFunction]] = [
        *((rows, f"{size:,} characters after it", _pad_with_text(size, "after")) for size in PADDING_SIZES),
        (paddable_rows, f"its own work {REPEATS} times", _pad_with_work),
        *((paddable_rows, f"{name} {REPEATS} times", _pad_with_repeats(text)) for name, text in REPEATED_TEXTS.items()),
    ]
    return [
        _measure_padding(context, scale, padded_rows, name=name, pad=pad, wrong=True)
        for padded_rows, name, pad in paddings
    ]


def _pad_with_text(size: int, position: str) -> PaddingFunction:
    padding = (_PADDING * (size // len(_PADDING) + 1))[:size].rstrip()
    return lambda row, text: row.insert_before_work(padding, text) if position == "before" else f"{text}\n{padding}"


def _pad_with_work(row: Row, text: str) -> str:
    return row.insert_before_work("\n".join([row.solution_steps] * REPEATS), text)


def _pad_with_repeats(repeated_text: str) -> PaddingFunction:
    return lambda row, text: row.insert_before_work(repeated_text * REPEATS, text)


def _measure_padding(
    context: ProbeContext,
    scale: ScoreScale,
    rows: Sequence[Row],
    *,
    name: str,
    pad: PaddingFunction,
    wrong: bool = False,
) -> PaddingEffect:
    """Measure how padding changes the scores of right answers, or of wrong ones."""
    unpadded_scores = {
        result.case.record.line: result.score for result in (context.wrong_results if wrong else context.right_results)
    }
    results = context.invoker.score(
        [
            Case(
                label=f"{'wrong' if wrong else 'right'} answer, {name}",
                record=row.record,
                text=pad(row, row.wrong_response if wrong else row.right_response),
            )
            for row in sample_evenly(rows, PADDED_ROWS)
        ]
    )
    pairs = [
        (result.score, unpadded_score, result)
        for result in results
        if result.score is not None and (unpadded_score := unpadded_scores[result.case.record.line]) is not None
    ]
    note = missing_note(results)
    if not pairs:
        return PaddingEffect(note=note)
    return PaddingEffect(
        padding=name,
        note=note,
        change=fmean(scale.normalize(score) - scale.normalize(unpadded_score) for score, unpadded_score, _ in pairs),
        results=tuple(result for score, unpadded_score, result in pairs if score != unpadded_score),
    )


def _right_answer_findings(
    context: ProbeContext, effect: PaddingEffect, scale: ScoreScale, *, wrong_gain: float
) -> Iterator[Finding]:
    if abs(effect.change) <= MAX_CHANGE:
        return
    is_deliberate = 0 < -effect.change <= DELIBERATE_PENALTY + SCORE_TOLERANCE and wrong_gain <= MIN_MATERIAL_DIFFERENCE
    is_known = "after" in effect.padding and effect.change < 0 and _text_after_is_refused(context, scale)
    if is_deliberate:
        message = "Right answers lose a little of their score when they are long, which may be intended."
    elif is_known:
        message = "Words after a right answer lower its score: see S7, which has the same cause."
    else:
        message = f"Words around a right answer {'lower' if effect.change < 0 else 'raise'} its score."
    yield LENGTH_SENSITIVITY.finding(
        Severity.INFO if is_deliberate or is_known else Severity.WARN,
        message,
        measured=f"{effect.change:+.2f} with {effect.padding}{scale.note}{effect.note}",
        threshold=f"{MAX_CHANGE:g} either way",
        fix="" if is_deliberate else LENGTH_SENSITIVITY.remedy,
        value=effect.change,
        examples=[result.example("right, and padded") for result in effect.results[:1]],
    )


def _text_after_is_refused(context: ProbeContext, scale: ScoreScale) -> bool:
    """Return whether S7 has found that right answers with text after them do not count."""
    results = [
        result
        for label, label_results in context.invoker.results_by_label.items()
        if label.endswith(TEXT_AFTER)
        for result in label_results
    ]
    right_mean = scale.mean_of_all(context.right_results)
    return bool(results) and scale.mean_of_all(results) < ACCEPTED_SHARE * right_mean


def _wrong_answer_findings(
    context: ProbeContext, effect: PaddingEffect, scale: ScoreScale, *, fail_change: float
) -> Iterator[Finding]:
    max_gain = TEXT_MAX_GAIN if _are_texts(context, effect) else MAX_CHANGE
    if effect.change > max_gain and not _scores_no_more_than_empty(context, effect, scale):
        fails = effect.change >= max(fail_change, max_gain)
        yield LENGTH_SENSITIVITY.finding(
            Severity.FAIL if fails else Severity.WARN,
            "Words around a wrong answer raise its score.",
            measured=f"{effect.change:+.2f} with {effect.padding}{scale.note}{effect.note}",
            threshold=f"{max(fail_change, max_gain) if fails else max_gain:.2g}",
            fix=LENGTH_SENSITIVITY.remedy,
            value=effect.change,
            examples=[result.example("wrong, and padded") for result in effect.results[:1]],
        )


def _are_texts(context: ProbeContext, effect: PaddingEffect) -> bool:
    lines = {result.case.record.line for result in effect.results}
    return all(row.reference.kind == "text" for row in context.answerable_rows if row.record.line in lines)


def _scores_no_more_than_empty(context: ProbeContext, effect: PaddingEffect, scale: ScoreScale) -> bool:
    """Return whether an empty response scores as much as padded ones. Then the padding only avoids a penalty."""
    empty = context.invoker.score(
        [Case(label="empty, beside padding", record=result.case.record, text="") for result in effect.results]
    )
    empty_mean, padded_mean = scale.mean_of_scored(empty), scale.mean_of_scored(effect.results)
    return empty_mean is not None and padded_mean is not None and empty_mean >= padded_mean - MIN_MATERIAL_DIFFERENCE


def _correlation_findings(
    rho: float | None,
    rollouts: Sequence[BaseRollout],
    *,
    answer_kind: str,
    fails_beyond: float,
    is_deliberate: bool = False,
) -> Iterator[Finding]:
    if rho is not None and abs(rho) > WARN_CORRELATION and abs(rho) * sqrt(len(rollouts) - 1) > SIGNIFICANCE:
        fails = rho > fails_beyond
        by_length = sorted(rollouts, key=lambda rollout: len(rollout.result.case.text))
        yield LENGTH_SENSITIVITY.finding(
            Severity.INFO if is_deliberate else Severity.FAIL if fails else Severity.WARN,
            f"{'Longer' if rho > 0 else 'Shorter'} {answer_kind} answers score more"
            f"{', which may be intended' if is_deliberate else ''}.",
            measured=f"rho {rho:+.2f} over {len(rollouts)} rollouts",
            threshold=f"{fails_beyond:g}" if fails else f"{WARN_CORRELATION:g} either way",
            fix="" if is_deliberate else LENGTH_SENSITIVITY.remedy,
            value=rho,
            examples=[rollout.result.example(answer_kind) for rollout in (by_length[0], by_length[-1])],
        )


def _spread(rollouts: Sequence[BaseRollout], scale: ScoreScale) -> float:
    scores = scores_of(rollout.result for rollout in rollouts)
    return scale.normalize_difference(max(scores) - min(scores)) if scores else 0.0


def _length_correlation(rollouts: Sequence[BaseRollout], scale: ScoreScale) -> float | None:
    if _spread(rollouts, scale) <= MIN_MATERIAL_DIFFERENCE:
        return None  # training does not learn from such small differences
    return rank_correlation(
        [len(rollout.result.case.text) for rollout in rollouts], [rollout.result.score or 0.0 for rollout in rollouts]
    )


def _format_rho(rho: float | None) -> str:
    """Return rho in words. It is undefined for equal scores, as a sound function gives them, and for few rollouts."""
    return "undefined" if rho is None else f"{rho:+.2f}"
