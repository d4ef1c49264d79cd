"""Unicode normalization to the form NFKC in linear time, to compare texts."""

import re
from unicodedata import combining, normalize

# Combining marks begin at U+0300.
_RUN = re.compile(r"[^\x00-\u02ff]{31,}")
_MAX_MARKS = 30
_JOINER = "\u034f"


def normalize_unicode(text: str) -> str:
    """Return the text in the form NFKC, in linear time.

    Python sorts the combining marks of one letter in quadratic time. Real text has few of them per letter. So a joiner
    is inserted after every 30 marks, as in Unicode's Stream-Safe Text Format (UAX #15).
    """
    return normalize("NFKC", text if text.isascii() else _RUN.sub(_insert_joiners, text))


def _insert_joiners(run: re.Match[str]) -> str:
    characters: list[str] = []
    marks = 0
    for character in run.group():
        marks = marks + 1 if combining(character) else 0
        if marks > _MAX_MARKS:
            characters.append(_JOINER)
            marks = 1
        characters.append(character)
    return "".join(characters)
