"""Parse one line of a JSON Lines file as strictly as the simulator does."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any, Final, NoReturn

MAX_LINE_BYTES: Final = 6_291_456
"""Bytes. DOCUMENTED for Lambda: the largest event of a call, so a longer record could not be graded."""

MAX_DEPTH: Final = 128
"""Levels of lists and objects. INFERRED: every JSON parser has a limit; Python's is below 1,000."""

_TOO_DEEP = f"the JSON is nested too deeply: arrays and objects may be nested {MAX_DEPTH} levels deep"
_MAX_QUOTED_LENGTH = 60  # characters of a value that a message quotes

# The first bytes of files in other formats.
_OTHER_FORMATS = {
    b"\xef\xbb\xbf": "the file starts with a byte order mark (BOM), which is not JSON; save it as UTF-8 without one",
    b"\xff\xfe": "the file is UTF-16, not UTF-8; save it as UTF-8",
    b"\xfe\xff": "the file is UTF-16, not UTF-8; save it as UTF-8",
    b"\x1f\x8b": "the file is compressed by gzip; unpack it",
    b"PK\x03\x04": "the file is a zip archive; unpack it",
    b"[": "the file is a JSON array; write each record on a line of its own, without brackets and commas around it",
}


class InvalidLine(Exception):  # noqa: N818 - the name says what the line is
    """A line that the service would refuse; the message says why and what to change."""


class NotJsonLines(Exception):  # noqa: N818 - the name says what the file is
    """A file of another format; the message names it and says what to change."""


def require_json_lines(first_line: bytes) -> None:
    """Check by its first line that a file is not of another format.

    Raises:
        NotJsonLines: the file is of another format.
    """
    for prefix, reason in _OTHER_FORMATS.items():
        if first_line.startswith(prefix):
            raise NotJsonLines(reason)


def parse_object(line: bytes) -> tuple[dict[str, Any], int]:
    r"""Return the JSON object of a line, which may end in `\n` or `\r\n`, and the number of its JSON values.

    Raises:
        InvalidLine: it is not a JSON object in UTF-8, or parsers disagree on what it means.
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
    """Return the beginning of a value for a message: short, and in ASCII, which holds no terminal commands."""
    text = json.dumps(value[: _MAX_QUOTED_LENGTH + 1] if isinstance(value, str) else value)
    return text if len(text) <= _MAX_QUOTED_LENGTH else f"{text[:_MAX_QUOTED_LENGTH]}..."


def json_type(value: object) -> str:
    """Return JSON's name for the type of a value."""
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
            f"byte {position + 1} is NUL, which JSON never contains and UTF-16 often does; save the file as UTF-8"
        )
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise InvalidLine(f"byte {error.start + 1} is not UTF-8; save the file as UTF-8") from error
    if text.startswith("\ufeff"):
        raise InvalidLine("the line starts with a byte order mark (BOM), as after joining files; remove it")
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
            "a \\u escape is half of a surrogate pair, which UTF-8 cannot encode; write the whole character"
        ) from error
    except RecursionError as error:
        raise InvalidLine(_TOO_DEEP) from error
    except ValueError as error:  # Python parses integers of up to 4,300 digits
        raise InvalidLine("a number has too many digits") from error
    return record


def _describe_syntax_error(error: json.JSONDecodeError) -> str:
    column = error.pos + 1
    if error.msg == "Extra data":
        return (
            f"at column {column}: there is text after the JSON value; each record is a line of its own, "
            r"and lines end in \n or \r\n"
        )
    is_cut_off = error.pos >= len(error.doc) or error.msg.startswith("Unterminated string")
    advice = "; the line may be cut off: a record must be on one line" if is_cut_off else ""
    return f"at column {column}: {error.msg.removesuffix(' at').removesuffix(' starting')}{advice}"


def _count_values(record: dict[str, Any]) -> int:
    count = 1
    level: list[Any] = [record]
    for _ in range(MAX_DEPTH):
        children = [item for parent in level for item in (parent.values() if isinstance(parent, dict) else parent)]
        count += len(children)
        level = [item for item in children if isinstance(item, dict | list)]
        if not level:
            return count
    raise InvalidLine(_TOO_DEEP)


def _require_unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        duplicate = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise InvalidLine(
            f"the key {quote_value(duplicate)} is twice in one JSON object; parsers disagree on which one counts"
        )
    return record


def _reject_constant(name: str) -> NoReturn:
    raise InvalidLine(f"{name} is not JSON; use null or leave the field out")


def _parse_finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidLine(f"the number {text[:_MAX_QUOTED_LENGTH]} is too large for a float")
    return number
