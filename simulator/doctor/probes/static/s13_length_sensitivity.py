"""S13: the score does not follow how long a response is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import fmean
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Case, CaseResult, scores_of
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.base_rollouts import BaseRollout, base_rollouts_in_requested_format
from simulator.doctor.probes.static.rank_correlation import MIN_PAIRS, rank_correlation
from simulator.doctor.probes.static.score_scale import (
    MIN_MATERIAL_DIFFERENCE,
    ScoreScale,
    missing_note,
    sample_evenly,
    score_scale,
)
from simulator.doctor.probes.static.worked_steps import worked_steps
from simulator.doctor.rows import Row

PADDED_ROWS: Final = 8
"""So many rows are asked about padding."""

PADDING_SIZES: Final = (1_000, 4_000)
"""Characters of padding (INFERRED)."""

MAX_CHANGE: Final = 0.1
"""A change of the mean score beyond this counts (INFERRED)."""

FAIL_SHARE: Final = 0.5
"""Padding that lifts wrong answers by this part of a right one's score pays better than learning (INFERRED, as S9)."""

WARN_CORRELATION: Final = 0.3
"""A rank correlation of length and score beyond this is a warning (INFERRED)."""

FAIL_CORRELATION: Final = 0.5
"""Beyond this within wrong answers, where nothing else is to be rewarded, it is a failure (INFERRED)."""

REPEATS: Final = 30
"""A wrong answer's own work, and the marks, are repeated so often (INFERRED)."""

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
    question="Does the score stay the same when the same answer comes with more words?",
    measured=(
        "Right answers whose format leaves room for other words are padded with "
        f"{' and '.join(f'{size:,}' for size in PADDING_SIZES)} characters before and after; a change of the mean score by "
        f"more than {MAX_CHANGE:g} is a warning. Wrong answers are padded after, and before with their own work "
        f"{REPEATS} times over and with marks that some rewards count ({', '.join(REPEATED_TEXTS)}): a gain beyond {MAX_CHANGE:g} is "
        f"a warning, one of {FAIL_SHARE:g} of what right answers score a failure; neither is told where an empty response "
        "scores no less, for then it is not the length that pays. Length and score of the base model's rollouts are "
        "compared by ranks (Spearman's rho), within right and within wrong answers of the asked format and without "
        f"marks of their own, of {MIN_PAIRS} rollouts at least and where their scores lie more than {MIN_MATERIAL_DIFFERENCE:g} of the "
        "scale apart: more than {RANK:g} either way is a warning, more than "
        f"{FAIL_CORRELATION:g} within wrong answers a failure. Where the answer is the whole response (JSON, code, text, one "
        "word) its length is part of it, and neither right answers are padded nor ranks compared."
    ),
    means=(
        "Length is the cheapest thing for a policy to change. If it pays, responses grow to the token limit; if words "
        "around the answer cost the score, right answers are punished for them."
    ),
    remedy="Score the final answer alone, and look for it in the whole response, not in its first or last characters.",
    source=(
        "INFERRED thresholds. Amazon's GSM8K sample reads the last 300 characters only, as verl's gsm8k.py does; the "
        "length bias of GRPO itself is described in arXiv 2503.20783."
    ),
)

_PADDING = "All of this was gone through once more with care and in the same order as before. "


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddingEffect:
    """What a padding did to the mean score, and the answers that it was measured on; `note` tells of those left out."""

    padding: str = ""
    change: float = 0.0
    results: tuple[CaseResult, ...] = ()
    note: str = ""


def check_length_sensitivity(context: ProbeContext) -> Iterator[Finding]:
    """S13: do more words change the score?"""
    if not context.answerable_rows:
        yield LENGTH_SENSITIVITY.not_measured(
            "No right answer was found in the rows, so the same answer cannot be made longer."
        )
        return
    scale = score_scale(context)
    right = [row for row in context.answerable_rows if row.allows_surrounding_text]
    around = [
        _measure_padding(context, scale, right, name=f"{size:,} characters {where} it", pad=_pad_with_text(size, where))
        for size in PADDING_SIZES
        for where in ("before", "after")
    ]
    behind = [
        _measure_padding(context, scale, rows, name=name, pad=pad, wrong=True)
        for rows, name, pad in (
            *(
                (context.answerable_rows, f"{size:,} characters after it", _pad_with_text(size, "after"))
                for size in PADDING_SIZES
            ),
            (right, f"its own work {REPEATS} times", _pad_with_work),
            *((right, f"{name} {REPEATS} times", _pad_with_repeats(mark)) for name, mark in REPEATED_TEXTS.items()),
        )
    ]
    moved = max(around, key=lambda padded: abs(padded.change))
    gained = max(behind, key=lambda padded: padded.change)
    tried = [
        attempt
        for attempt in base_rollouts_in_requested_format(context)
        if attempt.is_plain and attempt.row.allows_surrounding_text and attempt.result.score is not None
    ]
    right_tried = [attempt for attempt in tried if attempt.is_correct]
    wrong_tried = [attempt for attempt in tried if not attempt.is_correct]
    rho_right, rho_wrong = _length_correlation(right_tried, scale), _length_correlation(wrong_tried, scale)
    notes = "".join(dict.fromkeys(padded.note for padded in (*around, *behind)))
    found = [
        *_right_answer_findings(moved, scale),
        *_wrong_answer_findings(
            context, gained, scale, fail_change=FAIL_SHARE * (scale.mean_of_scored(context.right_results) or 0.0)
        ),
        *_correlation_findings(rho_right, right_tried, which="right", fails_beyond=inf),
        *_correlation_findings(rho_wrong, wrong_tried, which="wrong", fails_beyond=FAIL_CORRELATION),
    ]
    largest = max(moved.change, -moved.change, gained.change)
    yield from found or [
        LENGTH_SENSITIVITY.ok(
            "The same answer scores the same with more words.",
            measured=f"{largest:.2g} is the largest change; rho {_format_rho(rho_right)} within right answers, "
            f"{_format_rho(rho_wrong)} within wrong ones{notes}",
            threshold=f"{MAX_CHANGE:g}, and rho at most {WARN_CORRELATION:g}",
            value=largest,
        )
    ]


PaddingFunction = Callable[[Row, str], str]


def _pad_with_text(size: int, position: str) -> PaddingFunction:
    padding = (_PADDING * (size // len(_PADDING) + 1))[:size].rstrip()
    return lambda _row, text: f"{padding}\n{text}" if position == "before" else f"{text}\n{padding}"


def _pad_with_work(row: Row, text: str) -> str:
    return f"{worked_steps(row)}\n" * REPEATS + text


def _pad_with_repeats(mark: str) -> PaddingFunction:
    return lambda _row, text: f"{mark * REPEATS}\n{text}"


def _measure_padding(
    context: ProbeContext,
    scale: ScoreScale,
    rows: Sequence[Row],
    *,
    name: str,
    pad: PaddingFunction,
    wrong: bool = False,
) -> PaddingEffect:
    """Return what padding does to the right answers of some rows, or to their wrong ones."""
    usual = {
        answer.case.record.line: answer.score for answer in (context.wrong_results if wrong else context.right_results)
    }
    cases = []
    for row in sample_evenly(rows, PADDED_ROWS):
        text = row.wrong_response if wrong else row.right_response
        cases.append(
            Case(
                label=f"{'wrong' if wrong else 'right'} answer, {name}",
                record=row.record,
                text=pad(row, text),
            )
        )
    answers = context.invoker.score(cases)
    pairs = [
        (answer.score, before, answer)
        for answer in answers
        if answer.score is not None and (before := usual[answer.case.record.line]) is not None
    ]
    note = missing_note(answers)
    if not pairs:
        return PaddingEffect(note=note)
    return PaddingEffect(
        padding=name,
        note=note,
        change=fmean(scale.normalize(score) - scale.normalize(before) for score, before, _ in pairs),
        results=tuple(answer for score, before, answer in pairs if score != before),
    )


def _right_answer_findings(effect: PaddingEffect, scale: ScoreScale) -> Iterator[Finding]:
    if abs(effect.change) > MAX_CHANGE:
        yield LENGTH_SENSITIVITY.finding(
            Severity.WARN,
            f"Words around a right answer {'lower' if effect.change < 0 else 'raise'} its score.",
            measured=f"{effect.change:+.2f} with {effect.padding}{scale.note}{effect.note}",
            threshold=f"{MAX_CHANGE:g} either way",
            fix=LENGTH_SENSITIVITY.remedy,
            value=effect.change,
            examples=[answer.example("right, and padded") for answer in effect.results[:1]],
        )


def _wrong_answer_findings(
    context: ProbeContext, effect: PaddingEffect, scale: ScoreScale, *, fail_change: float
) -> Iterator[Finding]:
    if effect.change > MAX_CHANGE and not _scores_no_more_than_empty(context, effect, scale):
        fails = effect.change >= max(fail_change, MAX_CHANGE)
        yield LENGTH_SENSITIVITY.finding(
            Severity.FAIL if fails else Severity.WARN,
            "A wrong answer scores more when more words stand around it.",
            measured=f"{effect.change:+.2f} with {effect.padding}{scale.note}{effect.note}",
            threshold=f"{max(fail_change, MAX_CHANGE) if fails else MAX_CHANGE:.2g}",
            fix=LENGTH_SENSITIVITY.remedy,
            value=effect.change,
            examples=[answer.example("wrong, and padded") for answer in effect.results[:1]],
        )


def _scores_no_more_than_empty(context: ProbeContext, effect: PaddingEffect, scale: ScoreScale) -> bool:
    """Whether an empty response scores as much as the padded ones: who fines wrong answers does not fine chatter."""
    empty = context.invoker.score(
        [Case(label="empty, beside padding", record=answer.case.record, text="") for answer in effect.results]
    )
    nothing, padded = scale.mean_of_scored(empty), scale.mean_of_scored(effect.results)
    return nothing is not None and padded is not None and nothing >= padded - MIN_MATERIAL_DIFFERENCE


def _correlation_findings(
    rho: float | None, rollouts: Sequence[BaseRollout], *, which: str, fails_beyond: float
) -> Iterator[Finding]:
    if rho is not None and abs(rho) > WARN_CORRELATION:
        fails = rho > fails_beyond
        yield LENGTH_SENSITIVITY.finding(
            Severity.FAIL if fails else Severity.WARN,
            f"Of {which} answers, {'longer' if rho > 0 else 'shorter'} ones score more.",
            measured=f"rho {rho:+.2f} over {len(rollouts)} rollouts",
            threshold=f"{fails_beyond:g}" if fails else f"{WARN_CORRELATION:g} either way",
            fix=LENGTH_SENSITIVITY.remedy,
            value=rho,
            examples=[attempt.result.example(which) for attempt in _shortest_and_longest(rollouts)],
        )


def _length_correlation(rollouts: Sequence[BaseRollout], scale: ScoreScale) -> float | None:
    scores = scores_of(attempt.result for attempt in rollouts)
    if not scores or scale.normalize_difference(max(scores) - min(scores)) <= MIN_MATERIAL_DIFFERENCE:
        return None  # a tie-break pays too little to be learned
    return rank_correlation(
        [len(attempt.result.case.text) for attempt in rollouts], [attempt.result.score or 0.0 for attempt in rollouts]
    )


def _shortest_and_longest(rollouts: Sequence[BaseRollout]) -> Sequence[BaseRollout]:
    """The shortest and the longest."""
    by_length = sorted(rollouts, key=lambda attempt: len(attempt.result.case.text))
    return by_length[0], by_length[-1]


def _format_rho(rho: float | None) -> str:
    """Rho in words: it is undefined where scores are all alike, as a sound function's are, and for few rollouts."""
    return "undefined" if rho is None else f"{rho:+.2f}"
