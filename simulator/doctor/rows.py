"""The rows that a visit looks at, each with a right answer and a wrong one, written as a model would write them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulator.training.dataset import Json, Record, prompt_text
from simulator.training.policy import labels_of
from simulator.training.random_draws import shuffled
from simulator.training.reference_answer import Gold, asked_format, extract_gold
from simulator.training.response_text import Task, attempted, final_answer
from simulator.training.wrong_answers import corrupted

SAMPLE_ROWS: Final = 32
"""How many rows are looked at (INFERRED). The benchmark's figures are for this many."""

_LOOK: Final = 32  # characters
_HALF: Final = 0.5  # the middle of what a draw could be, where nothing is drawn


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
    def gold(self) -> Gold:
        """Its right answer."""
        return self.task.gold

    @property
    def wrong_value(self) -> Json:
        """A wrong answer that is close to the right one: off by one, the other label, a field left out."""
        return corrupted(self.gold, "near", labels=self.task.labels, u=0.0)

    @property
    def perfect(self) -> str:
        """Worked steps and the right answer, in the row's format."""
        return self.written(self.gold.value)

    @property
    def wrong(self) -> str:
        """The same words with a wrong answer."""
        return self.written(self.wrong_value, wrong=True)

    @property
    def stands_alone(self) -> bool:
        """Whether the answer is the whole response: nothing else was asked for, or the answer is itself the work."""
        return self.task.asked.format in ("bare", "json") or self.gold.kind in ("json", "code", "text")

    @property
    def has_room(self) -> bool:
        """Whether other words may stand around the answer, because its format or its kind tells it from them."""
        return not self.stands_alone and (self.task.asked.format != "none" or self.gold.kind == "number")

    def written(self, value: Json, *, style: str = "plain", answer_format: str = "", wrong: bool = False) -> str:
        """Return an attempt that comes to a value: work, where there is any, and answer, in a format and a style."""
        return attempted(
            self.task,
            value,
            verbosity="terse" if self.stands_alone else "normal",
            answer_format=answer_format or self.answer_format,
            style=style,
            wrong=wrong,
            u=_HALF,
        )

    def bare(self, value: Json, *, style: str = "plain", answer_format: str = "") -> str:
        """Return the final answer alone, with no work before it."""
        return final_answer(self.task, value, answer_format=answer_format or self.answer_format, style=style)

    def look(self, answer_format: str) -> str:
        """Return how the right answer alone looks in a format, shortened: it says more than the format's name."""
        text = self.bare(self.gold.value, answer_format=answer_format)
        return text if len(text) <= _LOOK else f"{text[:_LOOK]}…"


def sampled_rows(
    records: Sequence[Record], *, seed: int, count: int = SAMPLE_ROWS, answer_path: str | None = None
) -> tuple[Row, ...]:
    """Draw the rows that a visit looks at, in the file's order; all of a file that has no more."""
    by_line = {record.line: record for record in records}
    labels = labels_of(records, answer_path=answer_path)
    chosen = sorted(shuffled(by_line, seed, "doctor")[:count])
    return tuple(_row(by_line[line], labels=labels, answer_path=answer_path) for line in chosen)


def in_format(rows: Sequence[Row], answer_format: str) -> tuple[Row, ...]:
    """Return the rows with another format where the prompt asks for none; an asked one stays."""
    return tuple(replace(row, answer_format=answer_format) if row.task.asked.format == "none" else row for row in rows)


def read_at(rows: Sequence[Row], path: str) -> tuple[Row, ...]:
    """Return the rows with the right answer that stands at another place; those that have none there are left out."""
    moved = (_row(row.record, labels=row.task.labels, answer_path=path) for row in rows)
    return tuple(row for row in moved if row.gold.kind != "none")


def _row(record: Record, *, labels: tuple[str, ...], answer_path: str | None) -> Row:
    gold, asked = extract_gold(record, answer_path=answer_path), asked_format(prompt_text(record.messages))
    plainest = "sentence" if gold.kind == "number" else "bare"
    return Row(
        record=record,
        task=Task(gold=gold, asked=asked, labels=labels),
        answer_format=plainest if asked.format == "none" else asked.format,
    )
