"""S13: the score does not follow how long a response is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from statistics import StatisticsError, correlation, fmean
from typing import Final

from simulator.doctor.finding import Finding, Probe, Severity
from simulator.doctor.invocation import Answer, Case, scores_of
from simulator.doctor.probe_context import Examination
from simulator.doctor.probes.static.base_rollouts import Attempt, in_asked_format
from simulator.doctor.probes.static.score_scale import MATTERS, Scale, left_out, scale_of, spread
from simulator.doctor.probes.static.worked_steps import work_of
from simulator.doctor.rows import Row

PADDED_ROWS: Final = 8
"""So many rows are asked about padding."""

SIZES: Final = (1_000, 4_000)
"""Characters of padding (INFERRED)."""

CHANGE: Final = 0.1
"""A change of the mean score beyond this counts (INFERRED)."""

WORTH: Final = 0.5
"""Padding that lifts wrong answers by this part of a right one's score pays better than learning (INFERRED, as S9)."""

RANK: Final = 0.3
"""A rank correlation of length and score beyond this is a warning (INFERRED)."""

RANK_WRONG: Final = 0.5
"""Beyond this within wrong answers, where nothing else is to be rewarded, it is a failure (INFERRED)."""

FEWEST: Final = 10
"""Of fewer rollouts no rank correlation is told (INFERRED)."""

AGAIN: Final = 30
"""A wrong answer's own work, and the marks, are repeated so often (INFERRED)."""

MARKS: Final[Mapping[str, str]] = {
    "equals signs": " = ",
    "therefore": "Therefore, ",
    "line breaks": "\n",
    "digits": "8 ",
    "small sums": "2 + 2 = 4. ",
}

LENGTH: Final = Probe(
    id="S13",
    name="length sensitivity",
    question="Does the score stay the same when the same answer comes with more words?",
    measured=(
        "Right answers whose format leaves room for other words are padded with "
        f"{' and '.join(f'{size:,}' for size in SIZES)} characters before and after; a change of the mean score by "
        f"more than {CHANGE:g} is a warning. Wrong answers are padded after, and before with their own work "
        f"{AGAIN} times over and with marks that some rewards count ({', '.join(MARKS)}): a gain beyond {CHANGE:g} is "
        f"a warning, one of {WORTH:g} of what right answers score a failure; neither is told where an empty response "
        "scores no less, for then it is not the length that pays. Length and score of the base model's rollouts are "
        "compared by ranks (Spearman's rho), within right and within wrong answers of the asked format and without "
        f"marks of their own, of {FEWEST} rollouts at least and where their scores lie more than {MATTERS:g} of the "
        "scale apart: more than {RANK:g} either way is a warning, more than "
        f"{RANK_WRONG:g} within wrong answers a failure. Where the answer is the whole response (JSON, code, text, one "
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
class Padded:
    """What a padding did to the mean score, and the answers that it was measured on; `note` tells of those left out."""

    where: str = ""
    change: float = 0.0
    answers: tuple[Answer, ...] = ()
    note: str = ""


def length(exam: Examination) -> Iterator[Finding]:
    """S13: do more words change the score?"""
    if not exam.known:
        yield LENGTH.skipped("No right answer was found in the rows, so the same answer cannot be made longer.")
        return
    scale = scale_of(exam)
    right = [row for row in exam.known if row.has_room]
    around = [
        _padded(exam, scale, right, name=f"{size:,} characters {where} it", pad=_filled(size, where))
        for size in SIZES
        for where in ("before", "after")
    ]
    behind = [
        _padded(exam, scale, rows, name=name, pad=pad, wrong=True)
        for rows, name, pad in (
            *((exam.known, f"{size:,} characters after it", _filled(size, "after")) for size in SIZES),
            (right, f"its own work {AGAIN} times", _worked),
            *((right, f"{name} {AGAIN} times", _marked(mark)) for name, mark in MARKS.items()),
        )
    ]
    moved = max(around, key=lambda padded: abs(padded.change))
    gained = max(behind, key=lambda padded: padded.change)
    tried = [
        attempt
        for attempt in in_asked_format(exam)
        if attempt.is_plain and attempt.row.has_room and attempt.answer.score is not None
    ]
    right_tried = [attempt for attempt in tried if attempt.correct]
    wrong_tried = [attempt for attempt in tried if not attempt.correct]
    rho_right, rho_wrong = _rho(right_tried, scale), _rho(wrong_tried, scale)
    notes = "".join(dict.fromkeys(padded.note for padded in (*around, *behind)))
    found = [
        *_of_right(moved, scale),
        *_of_wrong(exam, gained, scale, worth=WORTH * (scale.mean(exam.right) or 0.0)),
        *_of_ranks(rho_right, right_tried, which="right", fails_beyond=inf),
        *_of_ranks(rho_wrong, wrong_tried, which="wrong", fails_beyond=RANK_WRONG),
    ]
    largest = max(moved.change, -moved.change, gained.change)
    yield from found or [
        LENGTH.fine(
            "The same answer scores the same with more words.",
            measured=f"{largest:.2g} is the largest change; rho {_shown(rho_right)} within right answers, "
            f"{_shown(rho_wrong)} within wrong ones{notes}",
            threshold=f"{CHANGE:g}, and rho at most {RANK:g}",
            value=largest,
        )
    ]


def rank_correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Return Spearman's rho, ties sharing their mean rank; None for too few pairs, or where one side is constant."""
    if len(xs) < FEWEST:
        return None
    try:
        return correlation(_ranks(xs), _ranks(ys))
    except StatisticsError:  # one of them is constant
        return None


def _ranks(values: Sequence[float]) -> list[float]:
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(place)
    mean_place = {value: fmean(shared) for value, shared in places.items()}
    return [mean_place[value] for value in values]


Pad = Callable[[Row, str], str]


def _filled(size: int, where: str) -> Pad:
    padding = (_PADDING * (size // len(_PADDING) + 1))[:size].rstrip()
    return lambda _row, text: f"{padding}\n{text}" if where == "before" else f"{text}\n{padding}"


def _worked(row: Row, text: str) -> str:
    return f"{work_of(row)}\n" * AGAIN + text


def _marked(mark: str) -> Pad:
    return lambda _row, text: f"{mark * AGAIN}\n{text}"


def _padded(
    exam: Examination, scale: Scale, rows: Sequence[Row], *, name: str, pad: Pad, wrong: bool = False
) -> Padded:
    """Return what padding does to the right answers of some rows, or to their wrong ones."""
    usual = {answer.case.record.line: answer.score for answer in (exam.wrong if wrong else exam.right)}
    cases = []
    for row in spread(rows, PADDED_ROWS):
        text = row.wrong if wrong else row.perfect
        cases.append(
            Case(
                label=f"{'wrong' if wrong else 'right'} answer, {name}",
                record=row.record,
                text=pad(row, text),
            )
        )
    answers = exam.ask.asked(cases)
    pairs = [
        (answer.score, before, answer)
        for answer in answers
        if answer.score is not None and (before := usual[answer.case.record.line]) is not None
    ]
    note = left_out(answers)
    if not pairs:
        return Padded(note=note)
    return Padded(
        where=name,
        note=note,
        change=fmean(scale.part(score) - scale.part(before) for score, before, _ in pairs),
        answers=tuple(answer for score, before, answer in pairs if score != before),
    )


def _of_right(moved: Padded, scale: Scale) -> Iterator[Finding]:
    if abs(moved.change) > CHANGE:
        yield LENGTH.found(
            Severity.WARN,
            f"Words around a right answer {'lower' if moved.change < 0 else 'raise'} its score.",
            measured=f"{moved.change:+.2f} with {moved.where}{scale.note}{moved.note}",
            threshold=f"{CHANGE:g} either way",
            fix=LENGTH.remedy,
            value=moved.change,
            exhibits=[answer.exhibit("right, and padded") for answer in moved.answers[:1]],
        )


def _of_wrong(exam: Examination, gained: Padded, scale: Scale, *, worth: float) -> Iterator[Finding]:
    if gained.change > CHANGE and not _is_worth_nothing(exam, gained, scale):
        fails = gained.change >= max(worth, CHANGE)
        yield LENGTH.found(
            Severity.FAIL if fails else Severity.WARN,
            "A wrong answer scores more when more words stand around it.",
            measured=f"{gained.change:+.2f} with {gained.where}{scale.note}{gained.note}",
            threshold=f"{max(worth, CHANGE) if fails else CHANGE:.2g}",
            fix=LENGTH.remedy,
            value=gained.change,
            exhibits=[answer.exhibit("wrong, and padded") for answer in gained.answers[:1]],
        )


def _is_worth_nothing(exam: Examination, gained: Padded, scale: Scale) -> bool:
    """Whether an empty response scores as much as the padded ones: who fines wrong answers does not fine chatter."""
    empty = exam.ask.asked(
        [Case(label="empty, beside padding", record=answer.case.record, text="") for answer in gained.answers]
    )
    nothing, padded = scale.mean(empty), scale.mean(gained.answers)
    return nothing is not None and padded is not None and nothing >= padded - MATTERS


def _of_ranks(rho: float | None, tried: Sequence[Attempt], *, which: str, fails_beyond: float) -> Iterator[Finding]:
    if rho is not None and abs(rho) > RANK:
        fails = rho > fails_beyond
        yield LENGTH.found(
            Severity.FAIL if fails else Severity.WARN,
            f"Of {which} answers, {'longer' if rho > 0 else 'shorter'} ones score more.",
            measured=f"rho {rho:+.2f} over {len(tried)} rollouts",
            threshold=f"{fails_beyond:g}" if fails else f"{RANK:g} either way",
            fix=LENGTH.remedy,
            value=rho,
            exhibits=[attempt.answer.exhibit(which) for attempt in _extremes(tried)],
        )


def _rho(tried: Sequence[Attempt], scale: Scale) -> float | None:
    scores = scores_of(attempt.answer for attempt in tried)
    if not scores or scale.width_of(max(scores) - min(scores)) <= MATTERS:
        return None  # a tie-break pays too little to be learned
    return rank_correlation(
        [len(attempt.answer.case.text) for attempt in tried], [attempt.answer.score or 0.0 for attempt in tried]
    )


def _extremes(tried: Sequence[Attempt]) -> Sequence[Attempt]:
    """The shortest and the longest."""
    by_length = sorted(tried, key=lambda attempt: len(attempt.answer.case.text))
    return by_length[0], by_length[-1]


def _shown(rho: float | None) -> str:
    """Rho in words: it is undefined where scores are all alike, as a sound function's are, and for few rollouts."""
    return "undefined" if rho is None else f"{rho:+.2f}"
