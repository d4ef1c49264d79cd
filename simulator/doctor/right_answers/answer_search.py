"""Search for right answers by what scores: references that are answers, then sources of other answers.

A candidate is accepted when a row's own answer scores well, and clearly more than another row's answer, or than a
refusal where all rows have the same answer.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import Final

from simulator.doctor.invocation import Case, CaseResult, scores_of
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.answer_path_search import (
    FULL_SCORE,
    MIN_IMPROVEMENT,
    MIN_SCORE,
    MIN_SEPARATION,
    scale_so_far,
)
from simulator.doctor.probes.static.score_scale import ScoreScale, score_scale_from
from simulator.doctor.right_answers.aliases import alias_sources
from simulator.doctor.right_answers.answer_kinds import is_answer
from simulator.doctor.right_answers.answer_source import AnswerSource
from simulator.doctor.right_answers.choices import choice_sources
from simulator.doctor.right_answers.countdown import countdown_sources
from simulator.doctor.right_answers.expected_rows import expected_rows_sources
from simulator.doctor.right_answers.given_answers import GivenAnswers
from simulator.doctor.right_answers.recorded_answers import recorded_sources
from simulator.doctor.right_answers.right_answers import REFERENCE, Shape, shape_of
from simulator.doctor.right_answers.unit_tests import unit_test_sources
from simulator.doctor.right_answers.whole_references import reference_sources
from simulator.doctor.right_answers.worked_answers import worked_sources
from simulator.doctor.rows import Row, build_row
from simulator.training.dataset import prompt_text
from simulator.training.policy_actions import FORMAT

MAX_SHAPES: Final = 4
"""A file with more kinds of references is searched as one (INFERRED)."""

MAX_VERIFIED: Final = 3
"""At most this many candidates are verified on all rows, the best first."""

SEARCHED_ROWS: Final = 4
"""Each candidate is first tried on this many rows."""

MIN_PAIRS: Final = 8
MIN_PAIR_GAIN: Final = 0.1
"""A smaller separation is enough if each of this many rows' own answers scores this much more (INFERRED)."""

MIN_TARGET_ROWS: Final = 4
MIN_TARGET_SHARE: Final = 0.8
"""From this many rows with one value, or this share of numbers that the prompt names, references are targets."""

REFUSAL: Final = "I am sorry, but I cannot help with this request."

_MAJORITY: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeAnswers:
    """The result for the rows of one shape.

    Attributes:
        rows: these rows, with their references as answers.
        source: where their right answers come from; `REFERENCE`, or None if they are not known.
        is_answer: whether their references are answers that a response can give.
    """

    shape: Shape
    rows: tuple[Row, ...]
    source: AnswerSource | str | None
    is_answer: bool


def search_right_answers(context: ProbeContext) -> tuple[ShapeAnswers, ...]:
    """Return where the right answers of each shape of rows come from."""
    rows_by_shape: dict[Shape, list[Row]] = {}
    for row in context.rows:
        rows_by_shape.setdefault(shape_of(row.record), []).append(row)
    if len(rows_by_shape) > MAX_SHAPES:
        joined = _search_shape(context, (), tuple(context.rows))
        return tuple(
            ShapeAnswers(shape=shape, rows=tuple(rows), source=joined.source, is_answer=joined.is_answer)
            for shape, rows in rows_by_shape.items()
        )
    return tuple(_search_shape(context, shape, tuple(rows)) for shape, rows in rows_by_shape.items())


def choose_given_source(context: ProbeContext, given: GivenAnswers) -> tuple[AnswerSource, float]:
    """Return the way to read the given answers that scores most, with its mean score. On a tie it is the first."""
    sampled = [row for row in context.rows if row.record.line in given.lines][:SEARCHED_ROWS]
    candidates = [*_candidates(given.sources, sampled, dict.fromkeys(("", *context.searched_formats)))]
    results = iter(context.invoker.score([case for _, _, cases in candidates for case in cases]))
    scored = [(source, [next(results) for _ in cases]) for source, _, cases in candidates]
    scale = score_scale_from(scores_of(chain.from_iterable(own for _, own in scored)))
    means = [scale.mean_of_all(own) for _, own in scored]
    if not means or max(means) <= 0.0:
        return given.sources[-1], 0.0
    best = means.index(max(means))
    return scored[best][0], means[best]


def _search_shape(context: ProbeContext, shape: Shape, rows: tuple[Row, ...]) -> ShapeAnswers:
    def answers(source: AnswerSource | str | None) -> ShapeAnswers:
        return ShapeAnswers(shape=shape, rows=rows, source=source, is_answer=has_answers)

    has_answers = _have_answers(context, rows)
    _, current = _best_format(context, rows)
    if current >= MIN_SCORE and has_answers:
        return answers(REFERENCE)
    # References that score badly and that the prompt names are targets, such as a number of words.
    has_answers = has_answers and not _are_named_by_prompts(rows)
    search = _SourceSearch(context, rows, current=current if has_answers else 0.0)
    return answers(search.run() or (REFERENCE if has_answers else None))


def _have_answers(context: ProbeContext, rows: Sequence[Row]) -> bool:
    """Return whether most references are answers that a response can give."""
    if context.settings.answer_path is not None:
        return any(row.reference.kind != "none" for row in rows)
    shares = [is_answer(row.record, row.reference) for row in rows]
    return sum(shares) > _MAJORITY * len(shares)


def _best_format(context: ProbeContext, rows: Sequence[Row]) -> tuple[str, float]:
    """Return the format in which the references of these rows score most, and their mean score."""
    lines = {row.record.line for row in rows}
    indexes = [index for index, row in enumerate(context.row_subset) if row.record.line in lines]
    if not indexes:
        return "bare", 0.0
    scale = scale_so_far(context)
    own_format = context.row_subset[indexes[0]].answer_format
    names = [own_format, *(name for name in FORMAT.actions if name != own_format)]
    means = {
        name: scale.mean_of_all([context.right_results_by_format[name][index] for index in indexes]) for name in names
    }
    return max(means.items(), key=lambda pair: pair[1])


def _are_named_by_prompts(rows: Sequence[Row]) -> bool:
    """Return whether nearly all references are numbers that their own prompts contain, or one value for all rows."""
    if len(rows) >= MIN_TARGET_ROWS and len({row.reference.text for row in rows}) == 1:
        return True
    named = [
        row.reference.kind == "number"
        and re.search(rf"(?<![\d.]){re.escape(row.reference.text)}(?![\d.]*\d)", prompt_text(row.record.messages))
        is not None
        for row in rows
    ]
    return sum(named) >= MIN_TARGET_SHARE * len(named)


class _SourceSearch:
    """The search of a source for some rows. `current` is the mean score of their references."""

    def __init__(self, context: ProbeContext, rows: tuple[Row, ...], *, current: float) -> None:
        self._context = context
        self._rows = rows
        self._needed = max(MIN_SCORE, current + MIN_IMPROVEMENT)
        self._results: list[CaseResult] = []

    def run(self) -> AnswerSource | None:
        """Return the first source whose answers score and separate, or None."""
        sampled = self._rows[:: max(1, len(self._rows) // SEARCHED_ROWS)][:SEARCHED_ROWS]
        records = [row.record for row in sampled]
        likely = [*unit_test_sources(), *countdown_sources(), *alias_sources(records), *choice_sources()]
        recorded = [*recorded_sources(best_recorded_responses(self._context))]
        others = [*worked_sources(records), *expected_rows_sources(), *reference_sources()]
        for answer_formats in dict.fromkeys((("",), self._context.searched_formats)):
            for sources in (likely, others, recorded):
                if source := self._first_accepted(sources, sampled, answer_formats):
                    return source
        return None

    def _first_accepted(
        self, sources: Iterable[AnswerSource], sampled: Sequence[Row], answer_formats: Iterable[str]
    ) -> AnswerSource | None:
        """Return the source with the highest mean score that is confirmed on all rows. On a tie it is the first."""
        candidates = [*_candidates(sources, sampled, answer_formats)]
        results = iter(self._context.invoker.score([case for _, _, cases in candidates for case in cases]))
        scored = [(source, name, [next(results) for _ in cases]) for source, name, cases in candidates]
        self._results += [result for _, _, own in scored for result in own]
        scale = self._scale()
        means = [scale.mean_of_all(own) for _, _, own in scored]
        order = sorted(range(len(scored)), key=lambda index: -means[index])
        for index in order[:MAX_VERIFIED]:
            source, name, _ = scored[index]
            if means[index] >= self._needed and self._is_confirmed(source, name):
                return source
        return None

    def _is_confirmed(self, source: AnswerSource, answer_format: str) -> bool:
        """Return whether the answers of all rows score, and another row's answer does not."""
        rows = [build_row(row.record, source.read(row.record), labels=()) for row in self._rows]
        known = [row for row in rows if row.reference.kind != "none"]
        if len(known) <= _MAJORITY * len(rows):
            return False
        cases = [_own_and_other(row, known, answer_format=answer_format, name=source.name) for row in known]
        results = self._context.invoker.score([*chain.from_iterable(cases)])
        self._results += results
        scale = self._scale()
        return scale.mean_of_all(results[::2]) >= self._needed and _separates(scale, results)

    def _scale(self) -> ScoreScale:
        scores = [*scores_of(self._results)]
        if self._context.row_subset:
            scores += scores_of(chain.from_iterable(self._context.right_results_by_format.values()))
        return score_scale_from(scores)


def best_recorded_responses(context: ProbeContext) -> dict[int, str]:
    """Return the recorded response of each row that scores most, by its line. Empty without recorded responses."""
    if context.recorded is None:
        return {}
    best = (
        max(results, key=lambda result: -inf if result.score is None else result.score)
        for results in context.base_results
        if scores_of(results)
    )
    return {result.case.record.line: result.case.text for result in best}


def _candidates(
    sources: Iterable[AnswerSource], rows: Sequence[Row], answer_formats: Iterable[str]
) -> Iterator[tuple[AnswerSource, str, list[Case]]]:
    """Yield each source in each form and format with its cases. Equal texts are tried once."""
    tried: set[tuple[str, ...]] = set()
    for source in chain.from_iterable(source.forms() for source in sources):
        answers = [source.read(row.record) for row in rows]
        if sum(answer.kind != "none" for answer in answers) <= _MAJORITY * len(answers):
            continue
        written_rows = [
            build_row(row.record, answer, labels=())
            for row, answer in zip(rows, answers, strict=True)
            if answer.kind != "none"
        ]
        for name in answer_formats:
            texts = tuple(row.write_response(row.reference.value, answer_format=name) for row in written_rows)
            if texts not in tried:
                tried.add(texts)
                label = f"{source.name}{f' as {name}' if name else ''}"
                yield (
                    source,
                    name,
                    [
                        Case(label=label, record=row.record, text=text)
                        for row, text in zip(written_rows, texts, strict=True)
                    ],
                )


def _own_and_other(row: Row, rows: Sequence[Row], *, answer_format: str, name: str) -> tuple[Case, Case]:
    """Return the row's own answer and another row's, or a refusal where no row has another answer."""
    own = row.write_response(row.reference.value, answer_format=answer_format)
    rivals = (
        other.write_response(other.reference.value, answer_format=answer_format)
        for other in rows
        if other.reference.value != row.reference.value and other.reference.text not in row.reference.others
    )
    other = next(rivals, REFUSAL)
    own_case, other_case = (Case(label=f"{name}, compared", record=row.record, text=text) for text in (own, other))
    return own_case, other_case


def _separates(scale: ScoreScale, results: Sequence[CaseResult]) -> bool:
    """Return whether own answers, which alternate with others, score clearly more. Chance or length would not do it.

    Texts of one kind share many words. So it is enough too that every own one scores in full, and more than the other.
    """
    own_results, other_results = results[::2], results[1::2]
    own, other = scale.mean_of_all(own_results), scale.mean_of_all(other_results)
    if own >= other + MIN_SEPARATION:
        return True
    pairs = zip(own_results, other_results, strict=True)
    return (
        own >= FULL_SCORE
        and len(own_results) >= MIN_PAIRS
        and all(scale.mean_of_all([mine]) >= scale.mean_of_all([theirs]) + MIN_PAIR_GAIN for mine, theirs in pairs)
    )
