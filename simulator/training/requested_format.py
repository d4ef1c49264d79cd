"""The answer format that a prompt asks for."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

FormatName = Literal["hash", "boxed", "xml", "json", "colon", "bare", "none"]
FORMAT_NAMES: tuple[FormatName, ...] = get_args(FormatName)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedFormat:
    """The answer format that a prompt asks for, with the marker or the JSON key that it names."""

    format: FormatName = "none"
    marker: str = "ANSWER:"
    key: str = "answer"


_PATTERNS: tuple[tuple[FormatName, re.Pattern[str]], ...] = (
    ("hash", re.compile(r"####")),
    ("boxed", re.compile(r"\\boxed")),
    ("xml", re.compile(r"<answer>")),
    ("json", re.compile(r"(?i)\bjson\b")),
    ("colon", re.compile(r"(?i)\banswer:")),
    (
        "bare",
        re.compile(
            r"(?i)\b(?:one word|(?:only|just)(?: with)? (?:the|a|one)(?: \w+)? "
            r"(?:label|answer|number|category|name|word|code))\b"
        ),
    ),
)
_MARKER = re.compile(r"(?i)\b(?:the )?(?:final )?answer:")
_JSON_KEY = re.compile(r"\{\s*\"(\w+)\"\s*:")


def find_requested_format(text: str) -> RequestedFormat:
    """Return the answer format that a prompt asks for; of several, the first in the order of `_PATTERNS`."""
    for name, pattern in _PATTERNS:
        if pattern.search(text):
            marker = _MARKER.search(text)
            json_key = _JSON_KEY.search(text)
            return RequestedFormat(
                format=name,
                marker=marker.group() if marker else RequestedFormat().marker,
                key=json_key.group(1) if json_key else RequestedFormat().key,
            )
    return RequestedFormat()
