"""A script of faults: JSON in, faults out, read strictly. `SCRIPT.md` describes every field."""

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

# An entry's kind is told by the key that says what it is about: its shape, and what its fields take.
_KINDS: Final[dict[str, tuple[type[ScriptedFault | ScriptedJobFault], dict[str, str]]]] = {
    "request": (ScriptedFault, FIELD_DESCRIPTIONS),
    "job": (ScriptedJobFault, JOB_FIELD_DESCRIPTIONS),
}

_MAX_EXCERPT_LENGTH: Final = 60  # characters of a value that is quoted


def parse_faults(script: Any) -> tuple[Fault, ...]:
    """Return the faults of a script: one entry, or a list of them, as JSON values.

    Raises:
        ScriptError: something in it is not as it should be.
    """
    entries = script if isinstance(script, list | tuple) else [script]
    if not entries:
        raise ScriptError("a script is a fault or a list of faults, and this list is empty")
    return tuple(_fault(place, entry) for place, entry in enumerate(entries, 1))


def parse_script(text: bytes | str) -> tuple[Fault, ...]:
    """Return the faults of a script as JSON text.

    Raises:
        ScriptError: it is no JSON, or something in it is not as it should be.
    """
    try:
        script = json.loads(text, object_pairs_hook=_reject_duplicate_keys, parse_constant=_reject_constant)
    except json.JSONDecodeError as error:
        raise ScriptError(f"line {error.lineno}, column {error.colno}: no JSON: {error.msg}") from None
    except RecursionError:
        raise ScriptError("it is nested too deeply") from None
    except ValueError as error:
        raise ScriptError(f"no JSON: {error}") from None
    return parse_faults(script)


def load_script(path: Path) -> tuple[Fault, ...]:
    """Return the faults of a script in a file.

    Raises:
        ScriptError: the file cannot be read, or `faults_in` has something against it.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ScriptError(f"{path}: {error.strerror}") from None
    try:
        return parse_script(text)
    except ScriptError as error:
        raise ScriptError(f"{path}: {error}") from None


def _fault(place: int, entry: Any) -> Fault:
    if not isinstance(entry, dict):
        raise ScriptError(f"fault {place}: a fault is a JSON object, not {_excerpt(entry)}")
    kind = next((kind for about, kind in _KINDS.items() if about in entry), None)
    if kind is None:
        raise ScriptError(f"fault {place}: it is about nothing: give 'request', which requests ({{}} is all), or 'job'")
    shape, takes = kind
    try:
        return shape.model_validate(entry).to_fault(deepcopy(entry))
    except ValidationError as error:
        raise ScriptError(f"fault {place}: {_describe_error(error.errors(include_url=False)[0], takes)}") from None


def _describe_error(error: ErrorDetails, takes: Mapping[str, str]) -> str:
    """Say in a line which field is at fault, and what it takes."""
    path = [str(part) for part in error["loc"]]
    while path and ".".join(path) not in takes and error["type"] != "extra_forbidden":
        path.pop()  # a name of pydantic's for a form that it tried, or of what is inside `values`
    field = ".".join(path)
    match error["type"]:
        case "extra_forbidden":
            *above, _ = path
            start = "".join(f"{part}." for part in above)
            known = [name.removeprefix(start) for name in takes if name.startswith(start)]
            return (
                f"{field}: there is no such field; there are {join_quoted(name for name in known if '.' not in name)}"
            )
        case "value_error":
            words = error["msg"].removeprefix("Value error, ")
            return f"{field}: {words}" if field else words
        case "missing":
            return f"{field}: it is missing; it takes {takes[field]}"
        case _:
            return f"{field}: it takes {takes[field]}; not {_excerpt(error['input'])}"


def _excerpt(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _MAX_EXCERPT_LENGTH else f"{text[:_MAX_EXCERPT_LENGTH]}..."


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} stands twice in an object")
    return read


def _reject_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
