"""Checks a response against a label or a boolean."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from simulator.training.marked_answers import find_marked_answers, last_line
from simulator.training.reference_answer import ReferenceAnswer

_WORD: Final = re.compile(r"\w+")
_TRUE, _FALSE = frozenset({"yes", "true"}), frozenset({"no", "false"})
_BOOLEAN: Final = re.compile(r"\b(?:yes|no|true|false)\b")


def is_label_correct(text: str, gold: ReferenceAnswer, labels: Sequence[str]) -> bool:
    """Return whether the response names the right label and no other label of the file."""
    wanted = normalize_words(gold.text)
    others = [words for label in labels if (words := normalize_words(label)) != wanted]
    for segment in _segments(text):
        given = normalize_words(segment)
        # A label that holds another one ("not urgent", "urgent") is looked for first, and taken out.
        named = set()
        for words in sorted([wanted, *others], key=len, reverse=True):
            if f" {words} " in f" {given} ":
                named.add(words)
                given = f" {given} ".replace(f" {words} ", " | ").strip()
        if named:
            return named == {wanted} and f" not {wanted} " not in f" {normalize_words(segment)} "
    return False


def is_boolean_correct(text: str, gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    """Return whether the response says yes or true, no or false, as the reference does."""
    wanted = gold.text.casefold() in _TRUE
    for segment in _segments(text):
        found = _BOOLEAN.findall(segment.casefold())
        if found:
            # "Yes, there is no doubt" begins with the answer; "there is no doubt that it is true" ends with it.
            begins = normalize_words(segment).partition(" ")[0]
            answer = begins if begins in _TRUE | _FALSE else found[-1]
            return (answer in _TRUE) == wanted
    return False


def _segments(text: str) -> Iterator[str]:
    """Yield where a short answer may stand, the surest place first."""
    yield from reversed(find_marked_answers(text)[-1:])
    yield last_line(text)
    yield text.split("\n", 1)[0]


def normalize_words(text: str) -> str:
    """Return the words of a text in lower case, joined by single spaces."""
    return " ".join(_WORD.findall(text.casefold().replace("_", " ")))
