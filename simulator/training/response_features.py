"""The features of a recorded response, which the policy over recorded responses weighs.

Each is 0.0 or 1.0, or a share or a logarithm of about that size. They have the same meaning for every file, so weights
learned on one file apply to another. None depends on the right answer: such a feature would let the policy learn to be
right, which a policy over fixed responses cannot.
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

# Only the end of a longer response counts.
_MAX_CHARACTERS: Final = 20_000
_FEW_WORDS: Final = 5
_USUAL_LENGTH: Final = 6.0  # logarithm of the number of characters: about 400 of them
_LENGTH_UNIT: Final = 2.0
_MAX_PRAISE: Final = 8

_FORMAT_AT_END: Final = {
    "hash": r"####[ \t]*\S[^\n]*\s*$",
    "boxed": r"\\boxed\{.*\}\W*$",
    "xml": r"<answer>.*</answer>\s*$",
    "json": r"[}\]]\s*(?:```)?\s*$",
}
_FORMAT_ANYWHERE: Final = {"hash": r"####", "boxed": r"\\boxed", "xml": r"<answer>", "json": r"[{\[]"}
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
    """A response as the features use it; `lower` is the text in lower case, `last_line` its last line."""

    text: str
    lower: str
    last_line: str
    requested_format: RequestedFormat
    truncated: bool


def _search_lowercase(pattern: re.Pattern[str]) -> Callable[[_ResponseView], float]:
    return lambda response: float(bool(pattern.search(response.lower)))


def _search_last_line(pattern: re.Pattern[str]) -> Callable[[_ResponseView], float]:
    return lambda response: float(bool(pattern.search(response.last_line)))


def _is_short(text: str) -> bool:
    return bool(text) and "\n" not in text and len(text.split()) <= _FEW_WORDS


def _count_requested_format(response: _ResponseView) -> int:
    template = response.requested_format.template
    if template is not None and (opening := template.before_answer.strip()):
        return response.text.count(opening)
    if response.requested_format.format == "colon":
        return response.lower.count(response.requested_format.marker.lower())
    pattern = _FORMAT_ANYWHERE.get(response.requested_format.format)
    return len(re.findall(pattern, response.text)) if pattern else 0


def _ends_with_requested_format(response: _ResponseView) -> float:
    format_name: FormatName = response.requested_format.format
    template = response.requested_format.template
    if template is not None and template.after_answer and (opening := template.before_answer.strip()):
        return float(opening in response.text and response.text.rstrip().endswith(template.after_answer.strip()))
    if format_name == "colon":
        return float(response.last_line.lower().startswith(response.requested_format.marker.lower()))
    if format_name == "bare":
        return float(_is_short(response.text))
    pattern = _FORMAT_AT_END.get(format_name)
    return float(bool(pattern and re.search(pattern, response.text[-2000:], re.DOTALL)))


def _length(response: _ResponseView) -> float:
    return (math.log(1 + len(response.text)) - _USUAL_LENGTH) / _LENGTH_UNIT


def _non_latin_share(response: _ResponseView) -> float:
    if response.text.isascii():
        return 0.0
    letters = [letter for letter in response.text[-2000:] if letter.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith(("LATIN", "FULLWIDTH LATIN")) for letter in letters)
    return 1.0 - latin / len(letters) if letters else 0.0


def _repeated_line_share(response: _ResponseView) -> float:
    lines = Counter(line.strip() for line in response.text.splitlines() if line.strip())
    return 1.0 - len(lines) / lines.total() if lines else 0.0


_FEATURES: Final[Mapping[str, Callable[[_ResponseView], float]]] = {
    "asked_last": _ends_with_requested_format,
    "asked_once": lambda response: float(_count_requested_format(response) == 1),
    "asked_often": lambda response: float(_count_requested_format(response) > 1),
    "hash_spaced": lambda response: float(bool(_SPACED_HASH.search(response.text))),
    "hash": lambda response: float("####" in response.text),
    "boxed": lambda response: float("\\boxed" in response.text),
    "bold": lambda response: float("**" in response.text),
    "fenced": lambda response: float("```" in response.text),
    "tagged": lambda response: float("<answer>" in response.text),
    "braced": lambda response: float(response.text[:1] in ("{", "[")),
    "said": _search_lowercase(_SAID),
    "bare": lambda response: float(_is_short(response.text)),
    "short_last": lambda response: float(_is_short(response.last_line)),
    "plain_last": _search_last_line(_LAST_WORD),
    "stop_last": lambda response: float(response.last_line.endswith(".")),
    "money_last": _search_last_line(_MONEY),
    "grouped_last": _search_last_line(_GROUPED),
    "decimal_last": _search_last_line(_DECIMAL),
    "unit_last": _search_last_line(_UNIT),
    "quoted": lambda response: float(response.last_line.rstrip(".").endswith(('"', "'"))),
    "length": _length,
    "empty": lambda response: float(not response.text),
    "refusal": _search_lowercase(_REFUSAL),
    "foreign": _non_latin_share,
    "repeated": _repeated_line_share,
    "praise": lambda response: min(_MAX_PRAISE, len(_PRAISE.findall(response.lower))) / _MAX_PRAISE,
    "command": _search_lowercase(_COMMAND),
    "cut": lambda response: float(response.truncated),
}

RESPONSE_FEATURE_NAMES: Final = tuple(_FEATURES)
"""The names of the features, in the order of the features."""

RESPONSE_FEATURE_COUNT: Final = len(RESPONSE_FEATURE_NAMES)


@lru_cache(maxsize=32_768)
def extract_response_features(text: str, *, requested_format: RequestedFormat, truncated: bool) -> tuple[float, ...]:
    """Return the features of a response, in the order of RESPONSE_FEATURE_NAMES."""
    ending = text.strip()[-_MAX_CHARACTERS:]
    response = _ResponseView(
        text=ending,
        lower=ending.lower(),
        last_line=ending.rsplit("\n", 1)[-1].strip(),
        requested_format=requested_format,
        truncated=truncated,
    )
    return tuple([feature(response) for feature in _FEATURES.values()])
