"""A kind of wrong answer, and how its scores are judged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from simulator.doctor.rows import Row
from simulator.training.wrong_answers import make_wrong_answer

WrongAnswerWriter: TypeAlias = Callable[[Row, Sequence[Row], float], str | None]
"""Returns a wrong response to a row from all rows and a uniform draw, or None where it would not be wrong."""

ROWS_PER_KIND: Final = 16
"""A kind of wrong answer is tried on this many rows."""

FEWER_ROWS: Final = 8
"""A kind that a function accepts on all rows or on none is tried on this many rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongAnswer:
    """A kind of wrong answer.

    Attributes:
        name: its name in findings.
        write: returns the response to a row.
        holds_right_one: whether the response also contains the right answer. A function that reads the response as that
            answer need not give it exactly the score of a right one, which is shorter.
        may_count: whether a lenient function may read the response as the right answer. It is then a warning at most.
        rows: on how many rows it is tried.
    """

    name: str
    write: WrongAnswerWriter
    holds_right_one: bool = False
    may_count: bool = False
    rows: int = ROWS_PER_KIND


def corrupted_answer(content: str, fixed_draw: float | None = None) -> WrongAnswerWriter:
    """Return a writer of wrong answers as the simulated policy makes them: `near`, `intermediate` or `wrong`."""

    def write(row: Row, _rows: Sequence[Row], draw: float) -> str:
        value = make_wrong_answer(
            row.reference, content, labels=row.task.labels, u=draw if fixed_draw is None else fixed_draw
        )
        return row.write_response(value, wrong=True)

    return write


def answer_of_another_row(row: Row, rows: Sequence[Row], u: float) -> str | None:
    """Return the answer of another row of the same kind."""
    others = [
        other
        for other in rows
        if other.reference.kind == row.reference.kind and other.reference.value != row.reference.value
    ]
    return row.write_response(others[int(u * len(others))].reference.value, wrong=True) if others else None


def evasive_answer(row: Row, _rows: Sequence[Row], _u: float) -> str:
    """Return a sentence that gives no answer."""
    return row.write_response("It depends on several things.", wrong=True)


def retracted_answer(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return the right answer in a sentence that takes it back, and then a wrong one."""
    if row.task.requested_format.format == "json":
        return None  # text before an object is not JSON, so it would score nothing for another reason
    sentence = f"At first it looks like {row.reference.text}, but that does not hold.\n"
    return sentence + row.write_response(row.wrong_value, wrong=True)


def right_in_thoughts(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return the right answer between thinking tags, and a wrong one as the answer."""
    if row.task.requested_format.format == "json":
        return None  # as above
    return f"<think>\nThis gives {row.reference.text}\n</think>\n{row.write_answer(row.wrong_value)}"


def denied_in_answer(row: Row, _rows: Sequence[Row], _u: float) -> str:
    """Return the right answer with a `not` before it, where the answer belongs."""
    return row.write_answer(f"not {row.reference.text}")


def denied_in_sentence(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return a sentence that denies the right answer."""
    return None if row.task.requested_format.format == "json" else f"It is definitely not {row.reference.text}."


DENIALS: Final = (
    WrongAnswer(
        name="denied in the answer", write=denied_in_answer, holds_right_one=True, may_count=True, rows=FEWER_ROWS
    ),
    WrongAnswer(
        name="denied in a sentence", write=denied_in_sentence, holds_right_one=True, may_count=True, rows=FEWER_ROWS
    ),
)
"""The right answer, denied. A function that reads the last number or the only label of a text counts it."""
