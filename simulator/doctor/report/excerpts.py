"""Shortens texts of functions, models and data files for display, and makes every character visible."""

from typing import Final

from simulator.http.sanitize import sanitize

ELLIPSIS: Final = "…"


def one_line(text: str) -> str:
    """Return the text on one line, with single blanks and visible characters."""
    return sanitize(" ".join(text.split()))


def shorten(text: str, max_length: int, *, head_share: float = 1 / 3) -> str:
    """Return at most `max_length` characters: the start and the end of a longer text, because answers come last.

    `head_share` is the share of the start.
    """
    if len(text) <= max_length:
        return text
    head = int((max_length - 1) * head_share)
    tail = max_length - 1 - head
    return f"{text[:head]}{ELLIPSIS}{text[len(text) - tail :]}"


def format_score(score: float | None) -> str:
    """Return a score with at most six digits, such as 0, 1 or 0.4375, or "no score"."""
    return "no score" if score is None else f"{score:.6g}"
