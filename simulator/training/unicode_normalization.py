"""Unicode's compatibility form of a text (NFKC), in which texts are compared and read."""

import re
from unicodedata import combining, normalize

# Marks that stand on a letter begin at U+0300.
_RUN = re.compile(r"[^\x00-\u02ff]{31,}")
_MOST_MARKS = 30
_JOINER = "\u034f"


def normalize_unicode(text: str) -> str:
    """Return the text in the form NFKC, in time with its length.

    Python orders the marks on one letter in time with the square of their number. No writing puts more than a few on
    one; after every 30 a joiner parts them, as Unicode's Stream-Safe Text Format does (UAX #15).
    """
    return normalize("NFKC", text if text.isascii() else _RUN.sub(_parted, text))


def _parted(run: re.Match[str]) -> str:
    parted: list[str] = []
    marks = 0
    for character in run.group():
        marks = marks + 1 if combining(character) else 0
        if marks > _MOST_MARKS:
            parted.append(_JOINER)
            marks = 1
        parted.append(character)
    return "".join(parted)
