"""The sampled rows, each with a right and a wrong response as a model would write them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulator.training.dataset import Json, Record
from simulator.training.random_draws import shuffle_lines
from simulator.training.reference_answer import AnswerReader, ReferenceAnswer, answer_reader, collect_labels
from simulator.training.response_text import render_attempt, render_final_answer
from simulator.training.task import Task, build_task
from simulator.training.wrong_answers import make_wrong_answer

DEFAULT_ROW_COUNT: Final = 32
"""How many rows are sampled (INFERRED). The benchmark also uses this number."""

_PREVIEW_CHARACTERS: Final = 32
_FIXED_DRAW: Final = 0.5  # in place of a random draw, so that the text is always the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A record with its right answer, and the format of its responses.

    Attributes:
        task: the right answer, the format that the prompt requests, and the labels of the file.
        answer_format: the requested format. Without one: a sentence for a number, and otherwise the answer alone.
    """

    record: Record
    task: Task
    answer_format: str

    @property
    def reference(self) -> ReferenceAnswer:
        """The right answer."""
        return self.task.reference

    @property
    def wrong_value(self) -> Json:
        """A wrong answer close to the right one: off by one, another label, or one field missing."""
        return make_wrong_answer(self.reference, "near", labels=self.task.labels, u=0.0)

    @property
    def right_response(self) -> str:
        """The steps of a solution and the right answer, in the row's format."""
        return self.write_response(self.reference.value)

    @property
    def right_responses_on_fewer_lines(self) -> tuple[str, ...]:
        """The right response with the work on one line, and as a whole on one line, where the prompt shows tags."""
        requested = self.task.requested_format
        template = requested.template
        if (
            template is None
            or "<" not in template.before_answer + template.before_work
            or self.reference.kind == "code"
        ):
            return ()
        shown = self.right_response
        task = replace(self.task, requested_format=replace(requested, template=template.on_one_line()))
        texts = [replace(self, task=task).right_response.replace("\n", " ")]
        if template.has_work_slot and template.after_work in shown:
            work, end_of_work, answer = shown.removeprefix(template.before_work).partition(template.after_work)
            flat_work = work.replace("\n", " ")
            texts.insert(0, f"{template.before_work}{flat_work}{end_of_work}{answer}")
        return tuple(text for text in dict.fromkeys(texts) if text != shown)

    @property
    def wrong_response(self) -> str:
        """The same steps with a wrong answer."""
        return self.write_response(self.wrong_value, wrong=True)

    @property
    def solution_steps(self) -> str:
        """The steps of the wrong response without its answer. Empty if the response has no steps."""
        steps = self.wrong_response.removesuffix(self.write_answer(self.wrong_value))
        template = self.task.requested_format.template
        if template is not None and template.has_work_slot:
            steps = steps.removeprefix(template.before_work).removesuffix(template.after_work)
        return steps.rstrip("\n")

    @property
    def is_answer_only(self) -> bool:
        """Whether the answer is the whole response: the prompt requests only an answer, or it is JSON, code or text.

        An answer that the prompt wants in tags, in a box or after a marker is not.
        """
        requested = self.task.requested_format.format
        return requested in ("bare", "json") or (
            requested == "none" and self.reference.kind in ("json", "code", "text")
        )

    @property
    def allows_surrounding_text(self) -> bool:
        """Whether other text may surround the answer: a requested format marks the answer, or it is a number."""
        return not self.is_answer_only and (
            self.task.requested_format.format != "none" or self.reference.kind == "number"
        )

    @property
    def has_fixed_layout(self) -> bool:
        """Whether the prompt shows the layout of the whole response, so that it leaves no room for other text."""
        template = self.task.requested_format.template
        return template is not None and (template.has_work_slot or not template.allows_work)

    def insert_before_work(self, words: str, response: str) -> str:
        """Return a response with words before its work: at its start, or in the place of the work."""
        template = self.task.requested_format.template
        opening = template.before_work if template is not None else ""
        if opening and response.startswith(opening):
            return f"{opening}{words}\n{response.removeprefix(opening)}"
        return f"{words}\n{response}"

    def write_response(self, value: Json, *, style: str = "plain", answer_format: str = "", wrong: bool = False) -> str:
        """Return a response whose answer is `value`: the steps, if the row has any, and the answer.

        In the format `bare` the answer is the whole response, as functions want it that compare the whole text.
        """
        name = answer_format or self.answer_format
        return render_attempt(
            self.task,
            value,
            verbosity="terse" if self.is_answer_only or name == "bare" else "normal",
            answer_format=name,
            style=style,
            wrong=wrong,
            u=_FIXED_DRAW,
        )

    def write_answer(self, value: Json, *, style: str = "plain", answer_format: str = "") -> str:
        """Return the final answer alone."""
        return render_final_answer(self.task, value, answer_format=answer_format or self.answer_format, style=style)

    def preview_answer(self, answer_format: str) -> str:
        """Return the right answer alone in a format, shortened. Messages print it instead of the format's name."""
        text = self.write_answer(self.reference.value, answer_format=answer_format)
        return text if len(text) <= _PREVIEW_CHARACTERS else f"{text[:_PREVIEW_CHARACTERS]}…"


def sample_rows(
    records: Sequence[Record],
    *,
    seed: int,
    count: int = DEFAULT_ROW_COUNT,
    answer_path: str | None = None,
    preferred_lines: frozenset[int] = frozenset(),
) -> tuple[Row, ...]:
    """Draw `count` rows, in the file's order. If the file has fewer records, return all of them.

    The records in `preferred_lines` come first: the user gave right answers to them.
    """
    by_line = {record.line: record for record in records}
    read_answer = answer_reader(answer_path)
    labels = collect_labels(records, read_answer=read_answer)
    drawn = sorted(draw_order(by_line, seed=seed), key=lambda line: line not in preferred_lines)
    lines = sorted(drawn[:count])
    return tuple(build_row(by_line[line], read_answer(by_line[line]), labels=labels) for line in lines)


def draw_order(lines: Iterable[int], *, seed: int) -> Sequence[int]:
    """Return lines in the order in which rows are drawn. A smaller sample is the beginning of a larger one."""
    return shuffle_lines(lines, seed, "doctor")


def with_answer_format(rows: Sequence[Row], answer_format: str) -> tuple[Row, ...]:
    """Return the rows with another answer format where the prompt requests none."""
    return tuple(
        replace(row, answer_format=answer_format) if row.task.requested_format.format == "none" else row for row in rows
    )


def with_answer_path(rows: Sequence[Row], answer_path: str) -> tuple[Row, ...]:
    """Return the rows with the right answer read from another field, without the rows that lack this field."""
    rows_with_new_answers = with_answers(rows, answer_reader(answer_path))
    return tuple(row for row in rows_with_new_answers if row.reference.kind != "none")


def with_answers(
    rows: Sequence[Row], read_answer: AnswerReader, *, labels: tuple[str, ...] | None = None
) -> tuple[Row, ...]:
    """Return the rows with right answers that are read in another way, and perhaps with other labels of the file."""
    return tuple(
        build_row(row.record, read_answer(row.record), labels=row.task.labels if labels is None else labels)
        for row in rows
    )


def build_row(record: Record, reference: ReferenceAnswer, *, labels: tuple[str, ...]) -> Row:
    """Return a record with its right answer as a row. `labels` are all labels of the file."""
    task = build_task(record, reference, labels=labels)
    default_format = "sentence" if reference.kind == "number" else "bare"
    return Row(
        record=record,
        task=task,
        answer_format=default_format if task.requested_format.format == "none" else task.requested_format.format,
    )
