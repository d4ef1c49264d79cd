"""What can be seen of a response without knowing the right answer: the features of the policy over recorded responses.

Each is 0.0 or 1.0, or a share or a logarithm of about that size, and says the same of every file: weights learned on
one mean the same on another. None goes by the right answer: a policy that cannot think better must not seem to.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from simulator.training.requested_format import FormatName, RequestedFormat

# A response may be as long as its server let it become: beyond this only its end is looked at.
_MAX_CHARACTERS: Final = 20_000
_FEW_WORDS: Final = 5
_USUAL_LENGTH: Final = 6.0  # of the logarithm of characters: about 400 of them
_LENGTH_UNIT: Final = 2.0
_MOST_PRAISE: Final = 8

_LAST: Final = {
    "hash": r"####[ \t]*\S[^\n]*\s*$",
    "boxed": r"\\boxed\{.*\}\W*$",
    "xml": r"<answer>.*</answer>\s*$",
    "json": r"[}\]]\s*(?:```)?\s*$",
}
_ANYWHERE: Final = {"hash": r"####", "boxed": r"\\boxed", "xml": r"<answer>", "json": r"[{\[]"}
_SPACED_HASH: Final = re.compile(r"(?m)^#### [^\s#]")
_SAID: Final = re.compile(r"\banswer(?: is\b|\s*:)")
_LAST_WORD: Final = re.compile(r"(?:^|\s)[-+]?\w+\s*$")
_MONEY: Final = re.compile(r"[$€£¥₹]")
_GROUPED: Final = re.compile(r"\d,\d{3}")
_DECIMAL: Final = re.compile(r"\d\.\d")
_UNIT: Final = re.compile(r"\d[%*]*\s+[A-Za-z]")
_REFUSAL: Final = re.compile(r"\b(?:i'?m|i am) (?:really |very )?(?:sorry|unable)|\b(?:can(?:no|')t|unable to) help\b")
_PRAISE: Final = re.compile(r"\b(?:correct|verified|therefore|because|step by step|perfect|justified|confiden\w+)\b")
_COMMAND: Final = re.compile(r"\bignore\b.{0,40}\binstructions?\b|\bscore\"?\s*[:=]\s*\d|\bgive (?:it|this) full\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ResponseView:
    """A response as the features look at it; `lower` is the text in small letters, `last_line` its last line."""

    text: str
    lower: str
    last_line: str
    requested_format: RequestedFormat
    truncated: bool


def _search_lowercase(pattern: re.Pattern[str]) -> Callable[[_ResponseView], float]:
    return lambda seen: float(bool(pattern.search(seen.lower)))


def _search_last_line(pattern: re.Pattern[str]) -> Callable[[_ResponseView], float]:
    return lambda seen: float(bool(pattern.search(seen.last_line)))


def _is_short(text: str) -> bool:
    return bool(text) and "\n" not in text and len(text.split()) <= _FEW_WORDS


def _count_requested_format(seen: _ResponseView) -> int:
    if seen.requested_format.format == "colon":
        return seen.lower.count(seen.requested_format.marker.lower())
    pattern = _ANYWHERE.get(seen.requested_format.format)
    return len(re.findall(pattern, seen.text)) if pattern else 0


def _ends_with_requested_format(seen: _ResponseView) -> float:
    form: FormatName = seen.requested_format.format
    if form == "colon":
        return float(seen.last_line.lower().startswith(seen.requested_format.marker.lower()))
    if form == "bare":
        return float(_is_short(seen.text))
    pattern = _LAST.get(form)
    return float(bool(pattern and re.search(pattern, seen.text[-2000:], re.DOTALL)))


def _length(seen: _ResponseView) -> float:
    return (math.log(1 + len(seen.text)) - _USUAL_LENGTH) / _LENGTH_UNIT


def _non_latin_share(seen: _ResponseView) -> float:
    if seen.text.isascii():
        return 0.0
    letters = [letter for letter in seen.text[-2000:] if letter.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith(("LATIN", "FULLWIDTH LATIN")) for letter in letters)
    return 1.0 - latin / len(letters) if letters else 0.0


def _repeated_line_share(seen: _ResponseView) -> float:
    lines = Counter(line.strip() for line in seen.text.splitlines() if line.strip())
    return 1.0 - len(lines) / lines.total() if lines else 0.0


_FEATURES: Final[Mapping[str, Callable[[_ResponseView], float]]] = {
    "asked_last": _ends_with_requested_format,
    "asked_once": lambda seen: float(_count_requested_format(seen) == 1),
    "asked_often": lambda seen: float(_count_requested_format(seen) > 1),
    "hash_spaced": lambda seen: float(bool(_SPACED_HASH.search(seen.text))),
    "hash": lambda seen: float("####" in seen.text),
    "boxed": lambda seen: float("\\boxed" in seen.text),
    "bold": lambda seen: float("**" in seen.text),
    "fenced": lambda seen: float("```" in seen.text),
    "tagged": lambda seen: float("<answer>" in seen.text),
    "braced": lambda seen: float(seen.text[:1] in ("{", "[")),
    "said": _search_lowercase(_SAID),
    "bare": lambda seen: float(_is_short(seen.text)),
    "short_last": lambda seen: float(_is_short(seen.last_line)),
    "plain_last": _search_last_line(_LAST_WORD),
    "stop_last": lambda seen: float(seen.last_line.endswith(".")),
    "money_last": _search_last_line(_MONEY),
    "grouped_last": _search_last_line(_GROUPED),
    "decimal_last": _search_last_line(_DECIMAL),
    "unit_last": _search_last_line(_UNIT),
    "quoted": lambda seen: float(seen.last_line.rstrip(".").endswith(('"', "'"))),
    "length": _length,
    "empty": lambda seen: float(not seen.text),
    "refusal": _search_lowercase(_REFUSAL),
    "foreign": _non_latin_share,
    "repeated": _repeated_line_share,
    "praise": lambda seen: min(_MOST_PRAISE, len(_PRAISE.findall(seen.lower))) / _MOST_PRAISE,
    "command": _search_lowercase(_COMMAND),
    "cut": lambda seen: float(seen.truncated),
}

RESPONSE_FEATURE_NAMES: Final = tuple(_FEATURES)
"""The features' names, in the order of their numbers."""

RESPONSE_FEATURE_COUNT: Final = len(RESPONSE_FEATURE_NAMES)


@lru_cache(maxsize=32_768)
def extract_response_features(text: str, *, requested_format: RequestedFormat, truncated: bool) -> tuple[float, ...]:
    """Return a response's features, in the order of `NAMES`; `truncated` says whether its token budget ended it."""
    looked_at = text.strip()[-_MAX_CHARACTERS:]
    seen = _ResponseView(
        text=looked_at,
        lower=looked_at.lower(),
        last_line=looked_at.rsplit("\n", 1)[-1].strip(),
        requested_format=requested_format,
        truncated=truncated,
    )
    return tuple([feature(seen) for feature in _FEATURES.values()])
