"""Parses one line of a JSON Lines file into an object, or raises an error that says what is wrong and what to do."""

import json
from math import isfinite
from typing import Any, Final, NoReturn

from simulator.training.strict_json import DuplicateKeyError, TooManyDigitsError, parse_json

MAX_DEPTH: Final = 128
"""Levels of lists and objects. INFERRED: Python's parser fails somewhere below 1,000, and an event adds three."""

_TOO_DEEP: Final = f"nested too deeply: lists and objects may lie in each other {MAX_DEPTH} deep"
_MAX_QUOTED: Final = 60  # characters of a quoted value

# The first bytes of files in another format or encoding.
_WRONG_BEGINNINGS: Final = {
    b"\xef\xbb\xbf": "the file starts with a byte order mark; save it as UTF-8 without one",
    b"\xff\xfe": "the file is UTF-16 (byte order mark 0xff 0xfe); save it as UTF-8",
    b"\xfe\xff": "the file is UTF-16 (byte order mark 0xfe 0xff); save it as UTF-8",
    b"\x1f\x8b": "the file is compressed by gzip; unpack it",
    b"PK\x03\x04": "the file is a zip archive; unpack it",
    b"[": "the file is a JSON array; write each record on a line of its own, without brackets and commas around it",
}


def parse_object(raw: bytes, *, is_first: bool, max_bytes: int) -> tuple[dict[str, Any], int]:
    r"""Return the JSON object of a line, and the number of JSON values in it.

    A line ends in `\n` or `\r\n` (JSON Lines), and not at U+2028 and the other line ends of Unicode. The first line of
    a file, `is_first`, also shows the format of the file. `max_bytes` is the limit for the length of the line.

    Raises:
        ValueError: the line is too long, not UTF-8, not JSON (RFC 8259), nested deeper than `MAX_DEPTH`, not an object,
            or has an object with a duplicate key, which parsers resolve in different ways.
    """
    if is_first:
        for beginning, reason in _WRONG_BEGINNINGS.items():
            if raw.startswith(beginning):
                raise ValueError(reason)
    if len(raw) > max_bytes:
        raise ValueError(
            f"the line is longer than {max_bytes:,} bytes, and Lambda takes no larger event; shorten the record, "
            "or end each record with a new line"
        )
    value, count = parse_value(_decode(raw).rstrip(" \t\r\n"))
    if not isinstance(value, dict):
        raise ValueError(f"expected one JSON object, found {describe_type(value)}")  # noqa: TRY004  the caller's one kind
    return value, count


def parse_value(text: str) -> tuple[Any, int]:
    """Return the JSON value of a text, and the number of values in it, including itself.

    Raises:
        ValueError: as for `parse_object`.
    """
    value = _parse(text)
    return value, _count_values(value)


def quote(value: object) -> str:
    """Return the beginning of a value for a message: short, and in ASCII without control characters."""
    text = json.dumps(value[: _MAX_QUOTED + 1] if isinstance(value, str) else value)
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}..."


def describe_type(value: object) -> str:
    """Return the JSON type of a value, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}[type(value)]


def _decode(raw: bytes) -> str:
    if (position := raw.find(b"\0")) >= 0:
        raise ValueError(
            f"a NUL byte at position {position + 1}, which JSON never holds and UTF-16 is full of; "
            "save the file as UTF-8"
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{raw[error.start]:02x} at position {error.start + 1}"
        raise ValueError(f"{byte} is not UTF-8; save the file as UTF-8") from error
    if text.startswith("\ufeff"):
        raise ValueError("the line starts with a byte order mark, which files leave that are joined; remove it")
    return text


def _parse(text: str) -> Any:
    try:
        value = parse_json(text, parse_constant=_refuse_constant, parse_number=_parse_finite)
        if "\\u" in text:
            # An unpaired surrogate is legal in JSON, but UTF-8 cannot encode it, and so no request to a Lambda can.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {_describe_json_error(error)}") from error
    except UnicodeEncodeError as error:
        raise ValueError(
            "not valid JSON: a \\u escape is half of a surrogate pair; write the whole character"
        ) from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    except DuplicateKeyError as error:
        raise ValueError(f"not valid JSON: the key {quote(error.key)} appears twice in one object") from error
    except TooManyDigitsError as error:
        raise ValueError("not valid JSON: a number has too many digits") from error
    except ValueError as error:
        raise ValueError(f"not valid JSON: {error}") from error
    return value


def _describe_json_error(error: json.JSONDecodeError) -> str:
    column = error.pos + 1
    if error.msg == "Extra data":
        return (
            f"something follows the JSON value at column {column}; each record is a line of its own, "
            r"and lines end in \n or \r\n"
        )
    cut_off = error.pos >= len(error.doc) or error.msg.startswith("Unterminated string")
    advice = "; is the line cut off? A record must stand on one line" if cut_off else ""
    return f"{error.msg.removesuffix(' at')} at column {column}{advice}"


def _count_values(value: Any) -> int:
    count = 1
    containers = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH + 1):
        if not containers:
            return count
        inner = [
            item
            for container in containers
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        count += len(inner)
        containers = [item for item in inner if isinstance(item, dict | list)]
    raise ValueError(_TOO_DEEP)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _parse_finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"the number {text[:_MAX_QUOTED]} is too large")
    return value
