"""Writes texts as Markdown: only code in backquotes is markup, and code fences hold any text."""

import re
from typing import Final

CODE_SPAN: Final = re.compile(r"(`+[^`]+`+)")
"""Matches code in backquotes in the texts of a probe."""

_SPECIAL: Final = re.compile(r"([\\*_\[\]#~$])")
_BACKQUOTES: Final = re.compile(r"`+")
_MIN_FENCE: Final = 3


def to_markdown(text: str) -> str:
    """Return a text as Markdown. Only code in backquotes is markup."""
    parts = CODE_SPAN.split(text)
    return "".join(part if index % 2 else _escape(part) for index, part in enumerate(parts))


def to_cell(text: str) -> str:
    """Return a text as the cell of a table, where a bar ends the cell also within code."""
    return to_markdown(text).replace("|", "\\|")


def code_span(text: str) -> str:
    """Return a line of text as code."""
    quotes = "`" * (max((len(run) for run in _BACKQUOTES.findall(text)), default=0) + 1)
    padding = " " if "`" in text else ""
    return f"{quotes}{padding}{text}{padding}{quotes}"


def code_block(text: str) -> str:
    """Return a text in a fence that is longer than every run of backquotes in it."""
    longest = max((len(run) for run in _BACKQUOTES.findall(text)), default=0)
    fence = "`" * max(_MIN_FENCE, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))
