"""The sampled rows, each with a right and a wrong response as a model would write them."""

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
"""How many rows are sampled (INFERRED). The benchmark's figures are for this many."""

_PREVIEW_CHARACTERS: Final = 32
_MIDDLE_DRAW: Final = 0.5  # replaces a random draw


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A record with its right answer.

    Attributes:
        task: its right answer, the format that its prompt requests, and the labels of the file.
        answer_format: the format of its responses: the requested one, or else the plainest.
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
        """A wrong answer close to the right one: off by one, another label, or one field missing."""
        return make_wrong_answer(self.reference, "near", labels=self.task.labels, u=0.0)

    @property
    def right_response(self) -> str:
        """Worked steps and the right answer, in the row's format."""
        return self.write_response(self.reference.value)

    @property
    def wrong_response(self) -> str:
        """The same worked steps with a wrong answer."""
        return self.write_response(self.wrong_value, wrong=True)

    @property
    def worked_steps(self) -> str:
        """The worked steps alone, which lead to the wrong value. Empty if the row has none."""
        return self.wrong_response.removesuffix(self.write_answer(self.wrong_value)).rstrip("\n")

    @property
    def is_answer_only(self) -> bool:
        """Whether the answer is the whole response: the prompt requests only it, or the answer is itself the work."""
        return self.task.requested_format.format in ("bare", "json") or self.reference.kind in ("json", "code", "text")

    @property
    def allows_surrounding_text(self) -> bool:
        """Whether other text may surround the answer, because its format or its kind sets it apart."""
        return not self.is_answer_only and (
            self.task.requested_format.format != "none" or self.reference.kind == "number"
        )

    def write_response(self, value: Json, *, style: str = "plain", answer_format: str = "", wrong: bool = False) -> str:
        """Return a response whose answer is `value`: the worked steps, if the row has any, and the answer."""
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
        """Return the final answer alone."""
        return render_final_answer(self.task, value, answer_format=answer_format or self.answer_format, style=style)

    def preview_answer(self, answer_format: str) -> str:
        """Return the right answer alone in a format, shortened. Messages print it instead of the format's name."""
        text = self.write_answer(self.reference.value, answer_format=answer_format)
        return text if len(text) <= _PREVIEW_CHARACTERS else f"{text[:_PREVIEW_CHARACTERS]}…"


def sample_rows(
    records: Sequence[Record], *, seed: int, count: int = SAMPLE_ROWS, answer_path: str | None = None
) -> tuple[Row, ...]:
    """Draw `count` rows, in the file's order. If the file has fewer records, return all of them."""
    by_line = {record.line: record for record in records}
    labels = collect_labels(records, answer_path=answer_path)
    lines = sorted(shuffle_lines(by_line, seed, "doctor")[:count])
    return tuple(_build_row(by_line[line], labels=labels, answer_path=answer_path) for line in lines)


def with_answer_format(rows: Sequence[Row], answer_format: str) -> tuple[Row, ...]:
    """Return the rows with another answer format where the prompt requests none."""
    return tuple(
        replace(row, answer_format=answer_format) if row.task.requested_format.format == "none" else row for row in rows
    )


def with_answer_path(rows: Sequence[Row], answer_path: str) -> tuple[Row, ...]:
    """Return the rows with the right answer read from another field. Rows without one there are left out."""
    reread_rows = (_build_row(row.record, labels=row.task.labels, answer_path=answer_path) for row in rows)
    return tuple(row for row in reread_rows if row.reference.kind != "none")


def _build_row(record: Record, *, labels: tuple[str, ...], answer_path: str | None) -> Row:
    reference = extract_reference_answer(record, answer_path=answer_path)
    requested_format = find_requested_format(prompt_text(record.messages))
    default_format = "sentence" if reference.kind == "number" else "bare"
    return Row(
        record=record,
        task=Task(reference=reference, requested_format=requested_format, labels=labels),
        answer_format=default_format if requested_format.format == "none" else requested_format.format,
    )
