"""One line of a JSON Lines file: bytes in, an object out, or a sentence that says what is wrong and what to do."""

import json
from math import isfinite
from typing import Any, Final, NoReturn

from simulator.training.strict_json import DuplicateKeyError, TooManyDigitsError, parse_json

MAX_DEPTH: Final = 128
"""Levels of lists and objects. INFERRED: Python's own reader stops somewhere below 1,000, and an event adds three."""

_TOO_DEEP: Final = f"nested too deeply: lists and objects may lie in each other {MAX_DEPTH} deep"
_QUOTED: Final = 60  # characters of what a message repeats

# How a file begins that holds something else, or holds it in another form.
_BEGINNINGS: Final = {
    b"\xef\xbb\xbf": "the file starts with a byte order mark; save it as UTF-8 without one",
    b"\xff\xfe": "the file is UTF-16 (byte order mark 0xff 0xfe); save it as UTF-8",
    b"\xfe\xff": "the file is UTF-16 (byte order mark 0xfe 0xff); save it as UTF-8",
    b"\x1f\x8b": "the file is compressed by gzip; unpack it",
    b"PK\x03\x04": "the file is a zip archive; unpack it",
    b"[": "the file is a JSON array; write each record on a line of its own, without brackets and commas around it",
}


def parse_object(raw: bytes, *, is_first: bool, max_bytes: int) -> tuple[dict[str, Any], int]:
    r"""Return the JSON object of a line, and how many JSON values it holds.

    A line may end in `\n` or `\r\n` (JSON Lines); U+2028 and the other line ends of Unicode end none. `is_first` says that
    it is the file's first line, which shows what sort of file it is; `max_bytes` is how many bytes it may have.

    Raises:
        ValueError: it is longer, not UTF-8, not JSON (RFC 8259), nested more deeply than `DEEPEST`, or no object; or
            a key stands twice in one of its objects, of which readers take one or the other.
    """
    if is_first:
        for beginning, reason in _BEGINNINGS.items():
            if raw.startswith(beginning):
                raise ValueError(reason)
    if len(raw) > max_bytes:
        raise ValueError(
            f"the line is longer than {max_bytes:,} bytes, and Lambda takes no larger event; shorten the record, "
            "or end each record with a new line"
        )
    value, count = parse_value(_decoded(raw).rstrip(" \t\r\n"))
    if not isinstance(value, dict):
        raise ValueError(f"expected one JSON object, found {describe_type(value)}")  # noqa: TRY004  the caller's one kind
    return value, count


def parse_value(text: str) -> tuple[Any, int]:
    """Return the JSON value that a text is, and how many values it holds, itself included.

    Raises:
        ValueError: as `read_object` does.
    """
    value = _parsed(text)
    return value, _counted(value)


def quote(value: object) -> str:
    """Return the beginning of a value as a message may repeat it: short, and in ASCII, which no terminal obeys."""
    text = json.dumps(value[: _QUOTED + 1] if isinstance(value, str) else value)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."


def describe_type(value: object) -> str:
    """Return what sort of JSON value it is, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}[type(value)]


def _decoded(raw: bytes) -> str:
    if (position := raw.find(b"\0")) >= 0:
        raise ValueError(
            f"a NUL byte at position {position + 1}, which JSON never holds and UTF-16 is full of; "
            "save the file as UTF-8"
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        byte = f"byte 0x{raw[fault.start]:02x} at position {fault.start + 1}"
        raise ValueError(f"{byte} is not UTF-8; save the file as UTF-8") from fault
    if text.startswith("\ufeff"):
        raise ValueError("the line starts with a byte order mark, which files leave that are joined; remove it")
    return text


def _parsed(text: str) -> Any:
    try:
        value = parse_json(text, parse_constant=_refuse_constant, parse_number=_finite)
        if "\\u" in text:
            # Half of a surrogate pair is legal in JSON, but no UTF-8 request to a Lambda could carry it.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as fault:
        raise ValueError(f"not valid JSON: {_words(fault)}") from fault
    except UnicodeEncodeError as fault:
        raise ValueError(
            "not valid JSON: a \\u escape is half of a surrogate pair; write the whole character"
        ) from fault
    except RecursionError as fault:
        raise ValueError(_TOO_DEEP) from fault
    except DuplicateKeyError as fault:
        raise ValueError(f"not valid JSON: the key {quote(fault.key)} appears twice in one object") from fault
    except TooManyDigitsError as fault:
        raise ValueError("not valid JSON: a number has too many digits") from fault
    except ValueError as fault:
        raise ValueError(f"not valid JSON: {fault}") from fault
    return value


def _words(fault: json.JSONDecodeError) -> str:
    column = fault.pos + 1
    if fault.msg == "Extra data":
        return (
            f"something follows the JSON value at column {column}; each record is a line of its own, "
            r"and lines end in \n or \r\n"
        )
    cut_off = fault.pos >= len(fault.doc) or fault.msg.startswith("Unterminated string")
    advice = "; is the line cut off? A record must stand on one line" if cut_off else ""
    return f"{fault.msg.removesuffix(' at')} at column {column}{advice}"


def _counted(value: Any) -> int:
    count = 1
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH + 1):
        if not level:
            return count
        inner = [item for holder in level for item in (holder.values() if isinstance(holder, dict) else holder)]
        count += len(inner)
        level = [item for item in inner if isinstance(item, dict | list)]
    raise ValueError(_TOO_DEEP)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"the number {text[:_QUOTED]} is too large")
    return value
