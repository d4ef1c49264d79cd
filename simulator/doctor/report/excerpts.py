"""Texts that a function or a data file brought, made plain and short to look at."""

from typing import Final

from simulator.http.sanitize import visible

ELLIPSIS: Final = "…"


def one_line(text: str) -> str:
    """Return words on one line, each gap one blank, and nothing in them that could not be seen."""
    return visible(" ".join(text.split()))


def clipped(text: str, most: int, *, head: float = 1 / 3) -> str:
    """Return a text of at most `most` characters: of a longer one the beginning, and the end, where an answer stands.

    `head` is the beginning's share.
    """
    if len(text) <= most:
        return text
    first = int((most - 1) * head)
    last = most - 1 - first
    return f"{text[:first]}{ELLIPSIS}{text[len(text) - last :]}"


def score_text(score: float | None) -> str:
    """Return a score as people write it: 0, 1, 0.4375; `no score` for none."""
    return "no score" if score is None else f"{score:.6g}"
