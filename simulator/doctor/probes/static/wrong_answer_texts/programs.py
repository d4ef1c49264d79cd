"""Wrong programs, queries and equations."""

from collections.abc import Callable, Sequence
from typing import Final

from simulator.doctor.probes.static.program_tasks import (
    is_equation,
    is_query,
    program_of,
    prompt_example,
    write_program,
)
from simulator.doctor.probes.static.wrong_answer_texts.wrong_answer import (
    FEWER_ROWS,
    WrongAnswer,
    WrongAnswerWriter,
    answer_of_another_row,
)
from simulator.doctor.right_answers.countdown import countdown_task, find_equation
from simulator.doctor.rows import Row


def _truncated(row: Row, _rows: Sequence[Row], _u: float) -> str:
    program = program_of(row)
    lines = program.splitlines()
    return write_program(row, "\n".join(lines[: len(lines) // 2]) or program[: len(program) // 2])


def _does_nothing(row: Row, _rows: Sequence[Row], _u: float) -> str:
    return write_program(row, "SELECT NULL WHERE 1 = 0" if is_query(row) else "pass")


def _only_example(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return a function that returns the result of the prompt's example, whatever its arguments are."""
    example = prompt_example(row)
    if example is None:
        return None
    return write_program(row, f"def {example.name}(*_arguments):\n    return {example.result}")


def _rows_without_values(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
    """Return a query that selects as many rows as the right one, and none of their values."""
    if not is_query(row):
        return None
    query = program_of(row).rstrip("; \n")
    return write_program(row, f"SELECT NULL FROM ({query})")  # noqa: S608  a response, not a call


def _equation(find: Callable[[Sequence[int], int], str | None]) -> WrongAnswerWriter:
    """Return a writer of the expression that `find` returns for the numbers and the target of a row."""

    def write(row: Row, _rows: Sequence[Row], _u: float) -> str | None:
        task = countdown_task(row.record) if is_equation(row) else None
        expression = find(*task) if task else None
        if task is None or not expression:
            return None
        return write_program(row, f"{expression} = {task[1]}" if "=" in program_of(row) else expression)

    return write


def _other_numbers(numbers: Sequence[int], target: int) -> str | None:
    return None if sorted(numbers) == sorted((target - 1, 1)) else f"{target - 1} + 1"


def _off_by_one(numbers: Sequence[int], target: int) -> str | None:
    """Return an expression of all numbers whose value differs from the target by one."""
    found = (find_equation(numbers, target + difference) for difference in (1, -1))
    return next((text for text in found if text and _count_numbers(text) == len(numbers)), None)


def _some_of_the_numbers(numbers: Sequence[int], target: int) -> str | None:
    """Return an expression with the target's value that leaves numbers out."""
    parts = ([*numbers[:index], *numbers[index + 1 :]] for index in range(len(numbers)))
    return next((text for part in parts if (text := find_equation(part, target))), None)


def _count_numbers(text: str) -> int:
    return len("".join(character if character.isdigit() else " " for character in text).split())


WRONG_PROGRAMS: Final = (
    WrongAnswer(name="cut short", write=_truncated),
    WrongAnswer(name="does nothing", write=_does_nothing),
    WrongAnswer(name="another row's", write=answer_of_another_row),
    WrongAnswer(name="only the prompt's example", write=_only_example, rows=FEWER_ROWS),
    WrongAnswer(name="as many rows without values", write=_rows_without_values, rows=FEWER_ROWS),
    WrongAnswer(name="the target alone", write=_equation(lambda _numbers, target: str(target)), rows=FEWER_ROWS),
    WrongAnswer(name="other numbers", write=_equation(_other_numbers), rows=FEWER_ROWS),
    WrongAnswer(name="a value off by one", write=_equation(_off_by_one), rows=FEWER_ROWS),
    WrongAnswer(name="some of the numbers", write=_equation(_some_of_the_numbers), rows=FEWER_ROWS),
)
"""Wrong programs, with an altered one, `Row.wrong_response`."""
