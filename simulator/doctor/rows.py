"""The rows that a visit looks at, each with a right answer and a wrong one, written as a model would write them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulator.training.dataset import Json, Record, prompt_text
from simulator.training.random_draws import shuffle_lines
from simulator.training.reference_answer import ReferenceAnswer, collect_labels, extract_reference_answer
from simulator.training.requested_format import find_requested_format
from simulator.training.response_text import render_attempt, render_final_answer
from simulator.training.task import Task
from simulator.training.wrong_answers import make_wrong_answer

SAMPLE_ROWS: Final = 32
"""How many rows are looked at (INFERRED). The benchmark's figures are for this many."""

_PREVIEW_CHARACTERS: Final = 32  # characters
_MIDDLE_DRAW: Final = 0.5  # the middle of what a draw could be, where nothing is drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A record made ready for questions.

    Attributes:
        task: its right answer, the format that it asks for, and the labels of the file.
        answer_format: the format that right and wrong answers are written in: the asked one, else the plainest.
    """

    record: Record
    task: Task
    answer_format: str

    @property
    def reference(self) -> ReferenceAnswer:
        """Its right answer."""
        return self.task.reference

    @property
    def wrong_value(self) -> Json:
        """A wrong answer that is close to the right one: off by one, the other label, a field left out."""
        return make_wrong_answer(self.reference, "near", labels=self.task.labels, u=0.0)

    @property
    def right_response(self) -> str:
        """Worked steps and the right answer, in the row's format."""
        return self.write_response(self.reference.value)

    @property
    def wrong_response(self) -> str:
        """The same words with a wrong answer."""
        return self.write_response(self.wrong_value, wrong=True)

    @property
    def is_answer_only(self) -> bool:
        """Whether the answer is the whole response: nothing else was asked for, or the answer is itself the work."""
        return self.task.requested_format.format in ("bare", "json") or self.reference.kind in ("json", "code", "text")

    @property
    def allows_surrounding_text(self) -> bool:
        """Whether other words may stand around the answer, because its format or its kind tells it from them."""
        return not self.is_answer_only and (
            self.task.requested_format.format != "none" or self.reference.kind == "number"
        )

    def write_response(self, value: Json, *, style: str = "plain", answer_format: str = "", wrong: bool = False) -> str:
        """Return an attempt that comes to a value: work, where there is any, and answer, in a format and a style."""
        return render_attempt(
            self.task,
            value,
            verbosity="terse" if self.is_answer_only else "normal",
            answer_format=answer_format or self.answer_format,
            style=style,
            wrong=wrong,
            u=_MIDDLE_DRAW,
        )

    def write_answer(self, value: Json, *, style: str = "plain", answer_format: str = "") -> str:
        """Return the final answer alone, with no work before it."""
        return render_final_answer(self.task, value, answer_format=answer_format or self.answer_format, style=style)

    def preview_answer(self, answer_format: str) -> str:
        """Return how the right answer alone looks in a format, shortened: it says more than the format's name."""
        text = self.write_answer(self.reference.value, answer_format=answer_format)
        return text if len(text) <= _PREVIEW_CHARACTERS else f"{text[:_PREVIEW_CHARACTERS]}…"


def sample_rows(
    records: Sequence[Record], *, seed: int, count: int = SAMPLE_ROWS, answer_path: str | None = None
) -> tuple[Row, ...]:
    """Draw the rows that a visit looks at, in the file's order; all of a file that has no more."""
    by_line = {record.line: record for record in records}
    labels = collect_labels(records, answer_path=answer_path)
    chosen = sorted(shuffle_lines(by_line, seed, "doctor")[:count])
    return tuple(_row(by_line[line], labels=labels, answer_path=answer_path) for line in chosen)


def with_answer_format(rows: Sequence[Row], answer_format: str) -> tuple[Row, ...]:
    """Return the rows with another format where the prompt asks for none; an asked one stays."""
    return tuple(
        replace(row, answer_format=answer_format) if row.task.requested_format.format == "none" else row for row in rows
    )


def with_answer_path(rows: Sequence[Row], answer_path: str) -> tuple[Row, ...]:
    """Return the rows with the right answer that stands at another place; those that have none there are left out."""
    moved = (_row(row.record, labels=row.task.labels, answer_path=answer_path) for row in rows)
    return tuple(row for row in moved if row.reference.kind != "none")


def _row(record: Record, *, labels: tuple[str, ...], answer_path: str | None) -> Row:
    gold, asked = (
        extract_reference_answer(record, answer_path=answer_path),
        find_requested_format(prompt_text(record.messages)),
    )
    plainest = "sentence" if gold.kind == "number" else "bare"
    return Row(
        record=record,
        task=Task(reference=gold, requested_format=asked, labels=labels),
        answer_format=plainest if asked.format == "none" else asked.format,
    )
