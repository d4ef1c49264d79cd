"""Texts that a function or a data file brought, made safe and plain to look at."""

from typing import Final
from unicodedata import category

ELLIPSIS: Final = "…"

_SHORT: Final = {"\n": "↵", "\r": "\\r", "\t": "\\t"}
_ONE_BYTE, _TWO_BYTES = 0xFF, 0xFFFF

# Control, format, surrogate, private, unassigned, separators other than the blank: not seen, or they turn text around.
_UNSEEN: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}


def visible(text: str, *, lines: bool = False) -> str:
    r"""Return a text whose every character can be seen: `↵` for a newline, `\x1b`, `\u202e` and the like for others.

    With `lines` a newline stays one. No character is left over that a terminal could obey.
    """
    return "".join(character if lines and character == "\n" else seen(character) for character in text)


def seen(character: str) -> str:
    """Return a character as itself if it can be seen, and otherwise what stands for it."""
    if character in _SHORT:
        return _SHORT[character]
    if character == " " or category(character) not in _UNSEEN:
        return character
    code = ord(character)
    if code <= _ONE_BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _TWO_BYTES else f"\\U{code:08x}"


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
