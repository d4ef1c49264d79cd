"""Checks a response against a program or free text."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from simulator.training.expression_check import is_expression, is_expression_correct
from simulator.training.label_check import normalize_words
from simulator.training.marked_answers import FENCE, find_marked_answers
from simulator.training.program_comparison import extract_python, is_same_program
from simulator.training.reference_answer import ReferenceAnswer

# INFERRED: the F1 of the words from which two free texts have the same meaning.
_MIN_F1: Final = 0.7
_MAX_FORMULA: Final = 200  # characters; a longer text with LaTeX in it is a worked solution


def is_code_correct(text: str, reference: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    """Return whether a code block, or the Python in the text, is the reference program."""
    return any(is_same_program(block, reference.text) for block in (*FENCE.findall(text), extract_python(text)))


def is_text_correct(text: str, reference: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    """Return whether the response holds the reference, or shares most of its words (F1 of the bags of words)."""
    if len(reference.text) <= _MAX_FORMULA and "\\" in reference.text and is_expression(reference.text):
        return is_expression_correct(text, reference.text)
    expected, words = normalize_words(reference.text), normalize_words(text)
    if f" {expected} " in f" {words} ":
        return True
    return any(
        _word_f1(normalize_words(answer).split(), expected.split()) >= _MIN_F1
        for answer in (*find_marked_answers(text)[-1:], text)
    )


def _word_f1(candidate: Sequence[str], reference: Sequence[str]) -> float:
    """Return the F1 score of two bags of words."""
    shared = (Counter(candidate) & Counter(reference)).total()
    return 2 * shared / (len(candidate) + len(reference)) if shared else 0.0
