"""Checks a response against a label or a boolean."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from simulator.training.expression_check import is_expression, is_expression_correct
from simulator.training.marked_answers import find_marked_answers, last_line
from simulator.training.reference_answer import ReferenceAnswer

_WORD: Final = re.compile(r"\w+")
_TRUE, _FALSE = frozenset({"yes", "true"}), frozenset({"no", "false"})
_BOOLEAN: Final = re.compile(r"\b(?:yes|no|true|false)\b")


def is_label_correct(text: str, reference: ReferenceAnswer, labels: Sequence[str]) -> bool:
    """Return whether the response names the right label and no other label of the file."""
    if is_expression(reference.text):
        return is_expression_correct(text, reference.text)
    right_label = normalize_words(reference.text)
    other_labels = [words for label in labels if (words := normalize_words(label)) != right_label]
    for segment in _segments(text):
        segment_words = normalize_words(segment)
        # The longest label comes first and is removed from the segment: "not urgent" contains "urgent".
        named_labels = set()
        for words in sorted([right_label, *other_labels], key=len, reverse=True):
            if f" {words} " in f" {segment_words} ":
                named_labels.add(words)
                segment_words = f" {segment_words} ".replace(f" {words} ", " | ").strip()
        if named_labels:
            return named_labels == {right_label} and f" not {right_label} " not in f" {normalize_words(segment)} "
    return False


def is_boolean_correct(text: str, reference: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    """Return whether the response says yes or true, no or false, as the reference does."""
    expected = reference.text.casefold() in _TRUE
    for segment in _segments(text):
        booleans = _BOOLEAN.findall(segment.casefold())
        if booleans:
            # "Yes, there is no doubt" begins with the answer; "there is no doubt that it is true" ends with it.
            first_word = normalize_words(segment).partition(" ")[0]
            answer = first_word if first_word in _TRUE | _FALSE else booleans[-1]
            return (answer in _TRUE) == expected
    return False


def _segments(text: str) -> Iterator[str]:
    """Yield the parts of a response that may have a short answer, the most reliable first."""
    yield from reversed(find_marked_answers(text)[-1:])
    yield last_line(text)
    yield text.split("\n", 1)[0]


def normalize_words(text: str) -> str:
    """Return the words of a text in lower case, joined by single spaces."""
    return " ".join(_WORD.findall(text.casefold().replace("_", " ")))
