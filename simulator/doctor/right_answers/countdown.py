"""Countdown tasks: an equation of the given numbers, each used once, that gives the target."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from typing import Final, TypeAlias

from simulator.doctor.right_answers.answer_source import UNKNOWN, AnswerSource, code_answer
from simulator.doctor.right_answers.record_fields import fields_of, is_number, name_of
from simulator.training.dataset import Json, Record, prompt_text
from simulator.training.reference_answer import ReferenceAnswer

NUMBER_NAMES: Final = frozenset({"numbers", "nums", "num", "digits", "cards", "operands", "input", "inputs", "values"})
TARGET_NAMES: Final = frozenset({"target", "goal", "result", "value", "total", "answer", "output", "reference_answer"})
"""Names of the fields with the numbers and the target."""

MAX_NUMBERS: Final = 7
MAX_STATES: Final = 20_000
"""A longer search ends without an equation (INFERRED). Nearly all tasks with up to six numbers need fewer states."""

_MIN_NUMBERS: Final = 2
_LIST_IN_PROMPT: Final = re.compile(r"\[?\b(\d+(?:\s*(?:,\s*and|,|and)\s*\d+)+)\b\]?")
_TARGET_IN_PROMPT: Final = re.compile(
    r"(?i)\b(?:equals?(?: to)?|equal to|makes?|making|reach(?:es)?|gets?|obtain|results? in|totals?|"
    r"target(?: number| value)?(?: is| of)?)[\s:=`*]*(\d+)\b"
)

_Term: TypeAlias = tuple[int, int, str]  # numerator, denominator, text


def countdown_sources() -> Iterator[AnswerSource]:
    """Yield sources of an equation, alone and with the target behind it."""
    for suffix, words in ((False, ""), (True, ", with the target behind it")):
        yield AnswerSource(
            name=f"an equation of the record's numbers that gives its target{words}",
            read=partial(_read_equation, has_target=suffix),
            has_labels=False,
        )


def _read_equation(record: Record, *, has_target: bool) -> ReferenceAnswer:
    task = countdown_task(record)
    if task is None:
        return UNKNOWN
    numbers, target = task
    equation = find_equation(numbers, target)
    if not equation:
        return UNKNOWN
    return code_answer(f"{equation} = {target}" if has_target else equation, "the numbers and the target")


def countdown_task(record: Record) -> tuple[list[int], int] | None:
    """Return the numbers and the target of a record: from its fields, or from its prompt."""
    numbers, target = None, None
    for path, value in fields_of(record):
        if numbers is None and name_of(path) in NUMBER_NAMES:
            numbers = _whole_numbers(value)
        if target is None and name_of(path) in TARGET_NAMES:
            target = _whole_number(value)
    prompt = prompt_text(record.messages)
    if numbers is None and (match := _LIST_IN_PROMPT.search(prompt)):
        numbers = [int(number) for number in re.findall(r"\d+", match.group(1))]
    if target is None and (match := _TARGET_IN_PROMPT.search(prompt)):
        target = int(match.group(1))
    if numbers is None or target is None or not _MIN_NUMBERS <= len(numbers) <= MAX_NUMBERS:
        return None
    return numbers, target


def _whole_numbers(value: Json) -> list[int] | None:
    numbers = [_whole_number(item) for item in value] if isinstance(value, list) else []
    whole = [number for number in numbers if number is not None]
    return whole if len(whole) == len(numbers) >= _MIN_NUMBERS else None


def _whole_number(value: Json) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return int(value) if is_number(value) and isinstance(value, int | float) and value == int(value) else None


def find_equation(numbers: Sequence[int], target: int) -> str:
    """Return an equation's left side that uses every number once, or as many as possible. Empty if none is found."""
    for size in range(len(numbers), 1, -1):
        for chosen in combinations(range(len(numbers)), size):
            terms = [(numbers[index], 1, str(numbers[index])) for index in chosen]
            if equation := _Search(target).run(terms):
                return equation
    return ""


class _Search:
    """A search over all pairs of terms."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._seen: set[tuple[tuple[int, int], ...]] = set()

    def run(self, terms: list[_Term]) -> str:
        """Return the text of the target made of all terms, or an empty string."""
        if len(terms) == 1:
            numerator, denominator, text = terms[0]
            return _without_outer_brackets(text) if numerator == self._target * denominator else ""
        state = tuple(sorted((numerator, denominator) for numerator, denominator, _ in terms))
        if state in self._seen or len(self._seen) >= MAX_STATES:
            return ""
        self._seen.add(state)
        for left, right in combinations(range(len(terms)), 2):
            rest = [term for index, term in enumerate(terms) if index not in (left, right)]
            for combined in _combine(terms[left], terms[right]):
                if equation := self.run([*rest, combined]):
                    return equation
        return ""


def _combine(one: _Term, other: _Term) -> Iterator[_Term]:
    """Yield the sum, the differences, the product and the quotients of two terms."""
    (a, b, left), (c, d, right) = one, other
    yield a * d + c * b, b * d, f"({left} + {right})"
    yield a * c, b * d, f"({left} * {right})"
    yield a * d - c * b, b * d, f"({left} - {right})"
    yield c * b - a * d, b * d, f"({right} - {left})"
    for numerator, denominator, text in ((a * d, b * c, f"({left} / {right})"), (c * b, d * a, f"({right} / {left})")):
        if denominator:
            sign = -1 if denominator < 0 else 1
            yield sign * numerator, sign * denominator, text


def _without_outer_brackets(text: str) -> str:
    return text[1:-1] if text.startswith("(") else text
