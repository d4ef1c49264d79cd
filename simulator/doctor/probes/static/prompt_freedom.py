"""What a prompt leaves open in how a right answer is written. INFERRED, from the words of common prompts.

A sound function may be as strict as its prompt: it may refuse what the prompt rules out, such as text after an answer
that the prompt asks for on the last line.
"""

import re
from collections.abc import Sequence
from typing import Final

from simulator.doctor.rows import Row
from simulator.training.dataset import prompt_text
from simulator.training.expression_check import is_expression

_ANSWER_IS_LAST: Final = re.compile(
    r"(?i)\b(?:last|final|closing) line\b|\b(?:end|finish|close|conclude)s?\b[^.\n]{0,40}\b(?:with|by|in|on)\b"
    r"|\bat the (?:very )?end\b"
)
_EXACT: Final = re.compile(
    r"(?i)\b(?:following|this|exact|given) (?:exact )?(?:format|form|template|structure)\b"
    r"|\b(?:of|in) the (?:format|form)\b|\bformat(?:ted)? (?:exactly|as)\b|\bexactly (?:as|in|like|this)\b"
    r"|\bnothing (?:else|more)\b|\bno other (?:text|words?)\b"
)
_ONLY_THE_VALUE: Final = re.compile(r"(?i)\b(?:only|just|nothing but) (?:the|a|one|its) (?:bare |final |plain )?\w+\b")
_OPEN_MARKERS: Final = frozenset({"hash", "colon"})  # they have no end, so that the answer runs to the end of the text
_CLOSED_MARKERS: Final = frozenset({"xml", "boxed"})


def text_may_follow(row: Row) -> bool:
    """Return whether the prompt allows text after the answer."""
    prompt = prompt_text(row.record.messages)
    return (
        row.allows_surrounding_text
        and not row.has_fixed_layout
        and row.task.requested_format.format not in _OPEN_MARKERS
        and not _ANSWER_IS_LAST.search(prompt)
        and not _EXACT.search(prompt)
    )


def line_ends_may_change(row: Row, _rows: Sequence[Row] = ()) -> bool:
    """Return whether lines may end otherwise: not in a layout that the prompt shows, nor in code or in a fence."""
    return not row.has_fixed_layout and row.reference.kind != "code" and "```" not in row.right_response


def marks_may_surround(row: Row, _rows: Sequence[Row] = ()) -> bool:
    """Return whether the prompt allows marks around the value, such as a full stop.

    They are out of place between two tags or in a box, behind a marker that only the value may follow, and around the
    letter of a choice.
    """
    prompt = prompt_text(row.record.messages)
    requested = row.task.requested_format.format
    template = row.task.requested_format.template
    is_closed = requested in _CLOSED_MARKERS or (template is not None and bool(template.after_answer))
    if is_closed or _EXACT.search(prompt):
        return False
    return not (requested in _OPEN_MARKERS and _ONLY_THE_VALUE.search(prompt))


def bold_may_surround(row: Row, rows: Sequence[Row] = ()) -> bool:
    """Return whether the prompt allows bold type. An answer alone, or behind a marker, needs none."""
    return row.task.requested_format.format not in (*_OPEN_MARKERS, "bare") and marks_may_surround(row, rows)


def quotes_may_surround(row: Row, rows: Sequence[Row] = ()) -> bool:
    """Return whether the prompt allows quotes around the value. The letter of a choice has none."""
    return row.task.requested_format.format != "bare" and case_may_change(row) and marks_may_surround(row, rows)


def case_may_change(row: Row, _rows: Sequence[Row] = ()) -> bool:
    """Return whether capitals do not matter: not in a formula, nor in the letter of a choice that the prompt prints."""
    text = row.reference.text
    return len(text) > 1 and not is_expression(text) and not _EXACT.search(prompt_text(row.record.messages))


def fence_may_surround(row: Row, _rows: Sequence[Row] = ()) -> bool:
    """Return whether the prompt allows a fence around the answer. "Nothing else" rules it out."""
    return not _EXACT.search(prompt_text(row.record.messages))


def blanks_may_change(row: Row, _rows: Sequence[Row] = ()) -> bool:
    """Return whether JSON may have other white space. In a box it is an interval or a point."""
    return row.task.requested_format.format != "boxed"


def decimals_may_follow(row: Row, rows: Sequence[Row]) -> bool:
    """Return whether a number may have more decimals: the prompt gives no template, and some right answer has them."""
    return not _EXACT.search(prompt_text(row.record.messages)) and any(
        isinstance(other.reference.value, float) and not other.reference.value.is_integer() for other in rows
    )
