"""Right and wrong answers to the same row, scored for probe S5."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulator.doctor.invocation import Case, CaseResult
from simulator.doctor.probe_context import ProbeContext
from simulator.doctor.probes.static.score_scale import sample_evenly
from simulator.doctor.probes.static.wrong_answer_texts.registry import WRONG_ANSWERS
from simulator.doctor.probes.static.wrong_answer_texts.wrong_answer import WrongAnswer
from simulator.doctor.rows import Row
from simulator.training.random_draws import uniform_draws
from simulator.training.reference_answer import AnswerKind

MAY_TIE: Final[Mapping[AnswerKind, str]] = {
    "code": "another program may have the same result",
    "text": "a shorter text may be enough",
}
"""The kinds of task whose almost right answers a sound function may accept, and why."""

TIE: Final = 0.5
"""How much of a win equal scores are."""

ALMOST_RIGHT: Final = WrongAnswer(name="almost right", write=lambda row, _rows, _u: row.wrong_response)
"""`Row.wrong_response`, on every row. All probes share its scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A right and a wrong answer to the same row.

    Attributes:
        almost_right: the result of the row's almost right answer, which is wrong in the same words.
    """

    wrong_answer: WrongAnswer
    row: Row
    right: CaseResult
    wrong: CaseResult
    almost_right: CaseResult

    @property
    def may_tie(self) -> bool:
        """Whether a sound function may accept this wrong answer."""
        return self.wrong_answer is ALMOST_RIGHT and self.row.reference.kind in MAY_TIE

    @property
    def win(self) -> float | None:
        """1 when the right answer scores more, 0 when less, 0.5 for a tie. None when one has no score."""
        right, wrong = self.right.score, self.wrong.score
        return None if right is None or wrong is None else (right > wrong) + TIE * (right == wrong)

    @property
    def margin(self) -> float:
        """By how much the right answer scores more."""
        return (self.right.score or 0.0) - (self.wrong.score or 0.0)

    @property
    def credit(self) -> float | None:
        """How far the wrong answer is on the way from an almost right answer, 0, to a right one, 1."""
        right, wrong, almost = self.right.score, self.wrong.score, self.almost_right.score
        if right is None or wrong is None or almost is None or right <= almost:
            return None
        return (wrong - almost) / (right - almost)


def compare_wrong_answers(context: ProbeContext) -> list[Comparison]:
    """Return every comparison. Those of one kind of wrong answer are adjacent."""
    rows = context.answerable_rows
    right_results = {right.case.record.line: right for right in context.right_results}
    almost_right = {wrong.case.record.line: wrong for wrong in context.wrong_results}

    def compare(wrong_answer: WrongAnswer, row: Row, wrong: CaseResult) -> Comparison:
        line = row.record.line
        return Comparison(
            wrong_answer=wrong_answer,
            row=row,
            right=right_results[line],
            wrong=wrong,
            almost_right=almost_right[line],
        )

    planned = sorted(_planned_cases(rows, seed=context.seed), key=lambda plan: plan[2].label)
    results = context.invoker.score([case for _, _, case in planned])
    return [compare(ALMOST_RIGHT, row, almost_right[row.record.line]) for row in rows] + [
        compare(wrong_answer, row, wrong) for (wrong_answer, row, _), wrong in zip(planned, results, strict=True)
    ]


def _planned_cases(rows: Sequence[Row], *, seed: int) -> list[tuple[WrongAnswer, Row, Case]]:
    planned = []
    for kind, wrong_answers in WRONG_ANSWERS.items():
        rows_of_kind = [row for row in rows if row.reference.kind == kind]
        for wrong_answer in wrong_answers:
            texts = []
            for row in rows_of_kind:
                (u,) = uniform_draws(seed, "doctor", wrong_answer.name, row.record.line, count=1)
                text = wrong_answer.write(row, rows, u)
                if text is not None and text not in (row.right_response, row.wrong_response):
                    texts.append((row, text))
            planned += [
                (wrong_answer, row, Case(label=f"wrong answer: {wrong_answer.name}", record=row.record, text=text))
                for row, text in sample_evenly(texts, wrong_answer.rows)
            ]
    return planned
