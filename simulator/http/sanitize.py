"""Makes foreign text safe to print: escapes control characters and invisible characters."""

from typing import Final
from unicodedata import category

_SHORT_ESCAPES: Final = {"\n": "↵", "\r": "\\r", "\t": "\\t"}
_ONE_BYTE, _TWO_BYTES = 0xFF, 0xFFFF

# Control, format, surrogate, private, unassigned and separator characters: invisible, or they reverse the text.
_INVISIBLE: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}


def sanitize(text: str, *, keep_newlines: bool = False) -> str:
    r"""Return a text with every invisible character escaped: `↵` for a newline, `\x1b` or `\u202e` for others.

    With `keep_newlines` newlines stay.
    """
    if text.isprintable():  # it uses the same categories
        return text
    return "".join(
        character if keep_newlines and character == "\n" else escape_character(character) for character in text
    )


def escape_character(character: str) -> str:
    """Return a visible character unchanged, and an invisible one escaped."""
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if character == " " or category(character) not in _INVISIBLE:
        return character
    code = ord(character)
    if code <= _ONE_BYTE:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= _TWO_BYTES else f"\\U{code:08x}"
