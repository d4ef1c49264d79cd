"""One line of a JSON Lines file, read as strictly as the service's side has to read it."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, Final, NoReturn

MAX_LINE_BYTES: Final = 6_291_456
"""Bytes. DOCUMENTED of Lambda: the largest event of a call; a longer record could be graded by no function."""

MAX_DEPTH: Final = 128
"""Levels of lists and objects. INFERRED: a JSON reader stops somewhere, Python's own below 1,000."""

_TOO_DEEP = f"the JSON is nested too deeply: arrays and objects may lie in each other {MAX_DEPTH} deep"
_QUOTED = 60  # characters of what a message repeats

# How a file begins that holds something else, or holds it in another form.
_BEGINNINGS = {
    b"\xef\xbb\xbf": "the file starts with a byte order mark (BOM), which is not JSON; save it as UTF-8 without one",
    b"\xff\xfe": "the file is UTF-16, not UTF-8; save it as UTF-8",
    b"\xfe\xff": "the file is UTF-16, not UTF-8; save it as UTF-8",
    b"\x1f\x8b": "the file is compressed by gzip; unpack it",
    b"PK\x03\x04": "the file is a zip archive; unpack it",
    b"[": "the file is a JSON array; write each record on a line of its own, without brackets and commas around it",
}


class InvalidLine(Exception):  # noqa: N818 - it is what the line is
    """A line that the service would refuse; the message says why, and what to do."""


class NotJsonLines(Exception):  # noqa: N818 - it is what the file is
    """A file that is no JSON Lines file at all; the message says what it is, and what to do."""


def require_json_lines(first_line: bytes) -> None:
    """See from a file's first line that it is not some other sort of file.

    Raises:
        NotLines: it is.
    """
    for beginning, reason in _BEGINNINGS.items():
        if first_line.startswith(beginning):
            raise NotJsonLines(reason)


def parse_object(line: bytes) -> tuple[dict[str, Any], int]:
    r"""Give the JSON object of a line, which may end in `\n` or `\r\n`, and how many JSON values it holds.

    Raises:
        Unfit: it is no JSON object in UTF-8, or nobody can tell what it means.
    """
    if len(line) > MAX_LINE_BYTES:
        raise InvalidLine(
            f"the line is longer than {MAX_LINE_BYTES:,} bytes, and Lambda takes no larger event; shorten the record, "
            "or end each record with a new line"
        )
    record = _parse(_decode(line).rstrip(" \t\r\n"))
    if not isinstance(record, dict):
        raise InvalidLine(f"a JSON {json_type(record)}, not an object with `messages`")
    return record, _count_values(record)


def quote_value(value: object) -> str:
    """The beginning of a value as a message may repeat it: short, and in ASCII, which no terminal obeys."""
    text = json.dumps(value[: _QUOTED + 1] if isinstance(value, str) else value)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."


def json_type(value: object) -> str:
    """What JSON calls a value's type."""
    names = {
        type(None): "null",
        bool: "boolean",
        int: "number",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
    }
    return names[type(value)]


def _decode(line: bytes) -> str:
    if (position := line.find(b"\0")) >= 0:
        raise InvalidLine(
            f"byte {position + 1} is NUL, which JSON never holds and UTF-16 is full of; save the file as UTF-8"
        )
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise InvalidLine(f"byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error
    if text.startswith("\ufeff"):
        raise InvalidLine("the line starts with a byte order mark (BOM), which files leave that are joined; remove it")
    return text


def _parse(text: str) -> object:
    try:
        record: object = json.loads(
            text, object_pairs_hook=_require_unique_keys, parse_constant=_reject_constant, parse_float=_parse_finite
        )
        if "\\u" in text:
            json.dumps(record, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise InvalidLine(f"not valid JSON {_describe_syntax_error(error)}") from error
    except UnicodeEncodeError as error:
        raise InvalidLine(
            "a \\u escape is half of a surrogate pair, which UTF-8 cannot hold; write the whole character"
        ) from error
    except RecursionError as error:
        raise InvalidLine(_TOO_DEEP) from error
    except ValueError as error:  # Python reads integers of up to 4,300 digits
        raise InvalidLine("a number has too many digits") from error
    return record


def _describe_syntax_error(error: json.JSONDecodeError) -> str:
    column = error.pos + 1
    if error.msg == "Extra data":
        return (
            f"at column {column}: something follows the JSON value; each record is a line of its own, "
            r"and lines end in \n or \r\n"
        )
    cut_off = error.pos >= len(error.doc) or error.msg.startswith("Unterminated string")
    advice = "; is the line cut off? A record must stand on one line" if cut_off else ""
    return f"at column {column}: {error.msg.removesuffix(' at')}{advice}"


def _count_values(record: dict[str, Any]) -> int:
    count = 1
    level: list[Any] = [record]
    for _ in range(MAX_DEPTH):
        inner = [item for holder in level for item in (holder.values() if isinstance(holder, dict) else holder)]
        count += len(inner)
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return count
    raise InvalidLine(_TOO_DEEP)


def _require_unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise InvalidLine(
            f"the key {quote_value(twice)} stands twice in one JSON object; readers disagree on which one counts"
        )
    return record


def _reject_constant(name: str) -> NoReturn:
    raise InvalidLine(f"{name} is not JSON; use null or leave the field out")


def _parse_finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidLine(f"the number {text[:_QUOTED]} is too large for any float")
    return number
