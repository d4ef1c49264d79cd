"""Checks a response against a program or free text."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from simulator.training.label_check import normalize_words
from simulator.training.marked_answers import FENCE, find_marked_answers
from simulator.training.program_comparison import extract_python, is_same_program
from simulator.training.reference_answer import ReferenceAnswer

# INFERRED: how much of the words must agree, by F1, for free text to say the same.
_SAME_WORDS: Final = 0.7


def is_code_correct(text: str, gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    """Return whether a code block, or the Python in the text, is the reference program."""
    return any(is_same_program(block, gold.text) for block in (*FENCE.findall(text), extract_python(text)))


def is_text_correct(text: str, gold: ReferenceAnswer, _labels: Sequence[str]) -> bool:
    """Return whether the response holds the reference, or shares most of its words (F1 of the bags of words)."""
    wanted, said = normalize_words(gold.text), normalize_words(text)
    if f" {wanted} " in f" {said} ":
        return True
    return any(
        _overlap(normalize_words(answer).split(), wanted.split()) >= _SAME_WORDS
        for answer in (*find_marked_answers(text)[-1:], text)
    )


def _overlap(given: Sequence[str], wanted: Sequence[str]) -> float:
    """Return the F1 of two bags of words."""
    shared = (Counter(given) & Counter(wanted)).total()
    return 2 * shared / (len(given) + len(wanted)) if shared else 0.0
