"""Texts that a function or a data file brought, made plain and short to look at."""

from typing import Final

from simulator.http.sanitize import sanitize

ELLIPSIS: Final = "…"


def one_line(text: str) -> str:
    """Return words on one line, each gap one blank, and nothing in them that could not be seen."""
    return sanitize(" ".join(text.split()))


def shorten(text: str, max_length: int, *, head_share: float = 1 / 3) -> str:
    """Return a text of at most `max_length` characters: of a longer one the beginning, and the end, where an answer stands.

    `head_share` is the beginning's share.
    """
    if len(text) <= max_length:
        return text
    first = int((max_length - 1) * head_share)
    last = max_length - 1 - first
    return f"{text[:first]}{ELLIPSIS}{text[len(text) - last :]}"


def format_score(score: float | None) -> str:
    """Return a score as people write it: 0, 1, 0.4375; `no score` for none."""
    return "no score" if score is None else f"{score:.6g}"
