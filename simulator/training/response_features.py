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

from simulator.training.reference_answer import Asked, AskedFormat

# A response may be as long as its server let it become: beyond this only its end is looked at.
_LOOKED_AT: Final = 20_000
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
class _Seen:
    """A response as the features look at it; `lower` is the text in small letters, `last` its last line."""

    text: str
    lower: str
    last: str
    asked: Asked
    cut: bool


def _worded(pattern: re.Pattern[str]) -> Callable[[_Seen], float]:
    return lambda seen: float(bool(pattern.search(seen.lower)))


def _matched_last(pattern: re.Pattern[str]) -> Callable[[_Seen], float]:
    return lambda seen: float(bool(pattern.search(seen.last)))


def _is_short(text: str) -> bool:
    return bool(text) and "\n" not in text and len(text.split()) <= _FEW_WORDS


def _asked_times(seen: _Seen) -> int:
    if seen.asked.format == "colon":
        return seen.lower.count(seen.asked.marker.lower())
    pattern = _ANYWHERE.get(seen.asked.format)
    return len(re.findall(pattern, seen.text)) if pattern else 0


def _asked_last(seen: _Seen) -> float:
    form: AskedFormat = seen.asked.format
    if form == "colon":
        return float(seen.last.lower().startswith(seen.asked.marker.lower()))
    if form == "bare":
        return float(_is_short(seen.text))
    pattern = _LAST.get(form)
    return float(bool(pattern and re.search(pattern, seen.text[-2000:], re.DOTALL)))


def _length(seen: _Seen) -> float:
    return (math.log(1 + len(seen.text)) - _USUAL_LENGTH) / _LENGTH_UNIT


def _foreign(seen: _Seen) -> float:
    if seen.text.isascii():
        return 0.0
    letters = [letter for letter in seen.text[-2000:] if letter.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith(("LATIN", "FULLWIDTH LATIN")) for letter in letters)
    return 1.0 - latin / len(letters) if letters else 0.0


def _repeated(seen: _Seen) -> float:
    lines = Counter(line.strip() for line in seen.text.splitlines() if line.strip())
    return 1.0 - len(lines) / lines.total() if lines else 0.0


_FEATURES: Final[Mapping[str, Callable[[_Seen], float]]] = {
    "asked_last": _asked_last,
    "asked_once": lambda seen: float(_asked_times(seen) == 1),
    "asked_often": lambda seen: float(_asked_times(seen) > 1),
    "hash_spaced": lambda seen: float(bool(_SPACED_HASH.search(seen.text))),
    "hash": lambda seen: float("####" in seen.text),
    "boxed": lambda seen: float("\\boxed" in seen.text),
    "bold": lambda seen: float("**" in seen.text),
    "fenced": lambda seen: float("```" in seen.text),
    "tagged": lambda seen: float("<answer>" in seen.text),
    "braced": lambda seen: float(seen.text[:1] in ("{", "[")),
    "said": _worded(_SAID),
    "bare": lambda seen: float(_is_short(seen.text)),
    "short_last": lambda seen: float(_is_short(seen.last)),
    "plain_last": _matched_last(_LAST_WORD),
    "stop_last": lambda seen: float(seen.last.endswith(".")),
    "money_last": _matched_last(_MONEY),
    "grouped_last": _matched_last(_GROUPED),
    "decimal_last": _matched_last(_DECIMAL),
    "unit_last": _matched_last(_UNIT),
    "quoted": lambda seen: float(seen.last.rstrip(".").endswith(('"', "'"))),
    "length": _length,
    "empty": lambda seen: float(not seen.text),
    "refusal": _worded(_REFUSAL),
    "foreign": _foreign,
    "repeated": _repeated,
    "praise": lambda seen: min(_MOST_PRAISE, len(_PRAISE.findall(seen.lower))) / _MOST_PRAISE,
    "command": _worded(_COMMAND),
    "cut": lambda seen: float(seen.cut),
}

NAMES: Final = tuple(_FEATURES)
"""The features' names, in the order of their numbers."""

SURFACES: Final = len(NAMES)


@lru_cache(maxsize=32_768)
def surface(text: str, *, asked: Asked, cut: bool) -> tuple[float, ...]:
    """Return a response's features, in the order of `NAMES`; `cut` says whether its token budget ended it."""
    looked_at = text.strip()[-_LOOKED_AT:]
    seen = _Seen(
        text=looked_at, lower=looked_at.lower(), last=looked_at.rsplit("\n", 1)[-1].strip(), asked=asked, cut=cut
    )
    return tuple([feature(seen) for feature in _FEATURES.values()])
