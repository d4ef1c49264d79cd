"""Texts that others wrote, made safe to look at: nothing is left that a terminal obeys or that cannot be seen."""

from typing import Final
from unicodedata import category

_SHORT: Final = {"\n": "↵", "\r": "\\r", "\t": "\\t"}
_ONE_BYTE, _TWO_BYTES = 0xFF, 0xFFFF

# Control, format, surrogate, private, unassigned, separators other than the blank: not seen, or they turn text around.
_UNSEEN: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}


def sanitize(text: str, *, keep_newlines: bool = False) -> str:
    r"""Return a text whose every character can be seen: `↵` for a newline, `\x1b`, `\u202e` and the like for others.

    With `keep_newlines` a newline stays one. No character is left over that a terminal could obey.
    """
    if text.isprintable():  # by the same categories
        return text
    return "".join(
        character if keep_newlines and character == "\n" else escape_character(character) for character in text
    )


def escape_character(character: str) -> str:
    """Return a character as itself if it can be seen, and otherwise what stands for it."""
    if character in _SHORT:
        return _SHORT[character]
    if character == " " or category(character) not in _UNSEEN:
        return character
    code = ord(character)
    if code <= _ONE_BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _TWO_BYTES else f"\\U{code:08x}"
