r"""Checks a response against a formula, such as `\frac{1}{2}` or `(2,11]`: by its text, after the usual cleaning."""

import re
from typing import Final

from simulator.training.marked_answers import find_marked_answers, last_line

# A word of three letters makes a text prose, unless LaTeX commands or powers make it a formula.
_MATHEMATICS: Final = re.compile(r"\\[A-Za-z]{2,}|\^|_\{")
_OPERATOR: Final = re.compile(r"[=+*/()\[\]{}<>|-]")
_PROSE_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_SPACES: Final = re.compile(r"\\(?:left|right|[!,;: ]|q?quad\b)|\\text\s*\{\s*\}|[\s$]|\\[()\[\]]")
_DISPLAY_FRACTION: Final = re.compile(r"\\[dt]frac(?![A-Za-z])")
_SHORT_FRACTION: Final = re.compile(r"\\frac([0-9])([0-9])")
_LEFT_SIDE: Final = re.compile(r"^[A-Za-z]\w?(?:=|\\in(?![A-Za-z]))")


def is_expression(text: str) -> bool:
    """Return whether a text is a formula, whose signs and brackets matter."""
    return bool(
        _MATHEMATICS.search(text)
        or (_OPERATOR.search(text) and not _PROSE_WORD.search(text) and any(map(str.isalnum, text)))
    )


def is_expression_correct(text: str, expected: str) -> bool:
    """Return whether the answer that the response marks, or else its last line, is the expected formula."""
    right = _clean(expected)
    answers = find_marked_answers(text)[-1:] or [last_line(text)]
    return bool(right) and any(_clean(answer) == right for answer in (*answers, text))


def _clean(text: str) -> str:
    plain = _SPACES.sub("", _DISPLAY_FRACTION.sub(r"\\frac", text.strip().rstrip(".")))
    plain = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", plain).strip("*")
    return _LEFT_SIDE.sub("", plain) if "," not in plain else plain
