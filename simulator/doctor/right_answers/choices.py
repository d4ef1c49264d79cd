"""Choices with the index of the right one, in a field or in the reference."""

from collections.abc import Iterator, Mapping
from functools import partial
from string import ascii_uppercase
from typing import Final

from simulator.doctor.right_answers.answer_source import UNKNOWN, AnswerSource
from simulator.doctor.right_answers.record_fields import fields_of, name_of
from simulator.training.dataset import Json, Record
from simulator.training.reference_answer import ReferenceAnswer, classify_answer

CHOICE_NAMES: Final = frozenset({"choices", "options", "endings", "alternatives", "candidates", "answers_list"})
INDEX_NAMES: Final = (
    *("answer_idx", "answer_index", "correct_index", "correct_idx", "correct_option", "correct_choice", "answer_key"),
    *("answerkey", "index", "idx", "answer", "correct", "label", "gold", "target", "reference_answer"),
)
"""Names of the fields with the choices, and with the index or the letter of the right one, the likeliest first."""

_MIN_CHOICES: Final = 2
_WRITINGS: Final = ("letter", "text")


def choice_sources() -> Iterator[AnswerSource]:
    """Yield sources of the right choice: its letter and its text, counted from 0 and from 1."""
    for first in (0, 1):
        for writing in _WRITINGS:
            yield AnswerSource(
                name=f"the {writing} of the right choice, counted from {first}",
                read=partial(_read_choice, first=first, writing=writing),
            )


def _read_choice(record: Record, *, first: int, writing: str) -> ReferenceAnswer:
    choices = _choices_of(record)
    if len(choices) < _MIN_CHOICES:
        return UNKNOWN
    indexes = {name_of(path): (path, value) for path, value in reversed([*fields_of(record)])}
    for name in INDEX_NAMES:
        path, value = indexes.get(name, ("", None))
        index = _index_of(value, choices, first=first)
        if index is not None:
            letter, text = [*choices.items()][index]
            return classify_answer(letter if writing == "letter" else text, path)
    return UNKNOWN


def _choices_of(record: Record) -> dict[str, str]:
    """Return the choices by letter."""
    for path, value in fields_of(record):
        if name_of(path) not in CHOICE_NAMES:
            continue
        if isinstance(value, Mapping):
            return {letter: text for letter, text in value.items() if isinstance(text, str)}
        if isinstance(value, list) and len(value) <= len(ascii_uppercase):
            return {letter: text for letter, text in zip(ascii_uppercase, value, strict=False) if isinstance(text, str)}
    return {}


def _index_of(value: Json, choices: Mapping[str, str], *, first: int) -> int | None:
    """Return the position of the choice that a number or a letter names."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value - first < len(choices):
        return value - first
    letters = [*choices]
    if first == 0 and isinstance(value, str) and value.strip() in letters:
        return letters.index(value.strip())
    return None
