"""Parse a script of faults from JSON, strictly. `docs/faults.md` describes every field."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from simulator.faults.job_fault import JobFault
from simulator.faults.job_fault_schema import JOB_FIELD_DESCRIPTIONS, ScriptedJobFault
from simulator.faults.request_fault import RequestFault, ScriptError, join_quoted
from simulator.faults.request_fault_schema import FIELD_DESCRIPTIONS, ScriptedFault

Fault: TypeAlias = RequestFault | JobFault

# By the key that identifies a kind of fault: its schema, and the descriptions of its fields.
_KINDS: Final[dict[str, tuple[type[ScriptedFault | ScriptedJobFault], dict[str, str]]]] = {
    "request": (ScriptedFault, FIELD_DESCRIPTIONS),
    "job": (ScriptedJobFault, JOB_FIELD_DESCRIPTIONS),
}

_MAX_EXCERPT_LENGTH: Final = 60  # characters of a value in an error message


def parse_faults(script: Any) -> tuple[Fault, ...]:
    """Return the faults of a parsed script: one fault or a list of faults.

    Raises:
        ScriptError: the script is invalid.
    """
    entries = script if isinstance(script, list | tuple) else [script]
    if not entries:
        raise ScriptError("a script is a fault or a list of faults, and this list is empty")
    return tuple(_parse_fault(number, entry) for number, entry in enumerate(entries, 1))


def parse_script(text: bytes | str) -> tuple[Fault, ...]:
    """Return the faults of a script in JSON.

    Raises:
        ScriptError: the text is not valid JSON, or the script is invalid.
    """
    try:
        script = json.loads(text, object_pairs_hook=_reject_duplicate_keys, parse_constant=_reject_constant)
    except json.JSONDecodeError as error:
        raise ScriptError(f"line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}") from None
    except RecursionError:
        raise ScriptError("it is nested too deeply") from None
    except ValueError as error:
        raise ScriptError(f"not valid JSON: {error}") from None
    return parse_faults(script)


def load_script(path: Path) -> tuple[Fault, ...]:
    """Return the faults of a script in a file.

    Raises:
        ScriptError: the file cannot be read, or `parse_script` raises it.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ScriptError(f"{path}: {error.strerror}") from None
    try:
        return parse_script(text)
    except ScriptError as error:
        raise ScriptError(f"{path}: {error}") from None


def _parse_fault(number: int, entry: Any) -> Fault:
    if not isinstance(entry, dict):
        raise ScriptError(f"fault {number}: a fault is a JSON object, not {_excerpt(entry)}")
    kind = next((kind for key, kind in _KINDS.items() if key in entry), None)
    if kind is None:
        raise ScriptError(
            f"fault {number}: it matches nothing: give 'request', which requests ({{}} matches all), or 'job'"
        )
    schema, descriptions = kind
    try:
        return schema.model_validate(entry).to_fault(deepcopy(entry))
    except ValidationError as error:
        first_error = error.errors(include_url=False)[0]
        raise ScriptError(f"fault {number}: {_describe_error(first_error, descriptions)}") from None


def _describe_error(error: ErrorDetails, descriptions: Mapping[str, str]) -> str:
    """Return one line that names the invalid field and its valid values."""
    path = [str(part) for part in error["loc"]]
    while path and ".".join(path) not in descriptions and error["type"] != "extra_forbidden":
        path.pop()  # pydantic's name of a union member, or a key inside `values`
    field = ".".join(path)
    match error["type"]:
        case "extra_forbidden":
            *parents, _ = path
            prefix = "".join(f"{part}." for part in parents)
            fields = [name.removeprefix(prefix) for name in descriptions if name.startswith(prefix)]
            return (
                f"{field}: there is no such field; there are {join_quoted(name for name in fields if '.' not in name)}"
            )
        case "value_error":
            reason = error["msg"].removeprefix("Value error, ")
            return f"{field}: {reason}" if field else reason
        case "missing":
            return f"{field}: it is missing; it takes {descriptions[field]}"
        case _:
            return f"{field}: it takes {descriptions[field]}; got {_excerpt(error['input'])}"


def _excerpt(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _MAX_EXCERPT_LENGTH else f"{text[:_MAX_EXCERPT_LENGTH]}..."


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"an object has the key {next(key for key in keys if keys.count(key) > 1)!r} twice")
    return parsed


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
