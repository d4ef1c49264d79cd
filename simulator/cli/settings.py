"""What each setting is and which values it takes, read from the annotations that define it."""

from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le

from simulator.settings import Settings

_PLAIN: Final = {bool: "true | false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingHelp:
    """A setting by its dotted name: which values it takes, and what it means, with the evidence for its default."""

    name: str
    accepts: str
    meaning: str


@cache
def settings_help() -> dict[str, SettingHelp]:
    """Return every setting by its name, in the order of `Settings`."""
    return {setting.name: setting for setting in _describe_fields(Settings)}


def meaning_of(name: str) -> str:
    """Return what a setting means."""
    return settings_help()[name].meaning


def _describe_fields(kind: type, *, prefix: str = "", group: str = "") -> Iterator[SettingHelp]:
    for name, annotation in get_type_hints(kind, include_extras=True).items():
        inner, *metadata = get_args(annotation)
        words = " ".join([*(word for word in metadata if isinstance(word, str)), group]).strip()
        if is_dataclass(inner) and isinstance(inner, type):
            yield from _describe_fields(inner, prefix=f"{prefix}{name}.", group=words)
        else:
            yield SettingHelp(name=f"{prefix}{name}", accepts=_describe_type(inner, metadata), meaning=words)


def _describe_type(kind: Any, metadata: list[Any]) -> str:
    """Say which values there are of a type, within the bounds that its annotation gives."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _describe_type(arguments[0], [*arguments[1:], *metadata])
    if origin is Literal:
        return " | ".join(arguments)
    if origin is tuple:
        return "names with commas between them, or nothing"
    if NoneType in arguments:
        (something,) = (argument for argument in arguments if argument is not NoneType)
        return f"{_describe_type(something, metadata)}, or nothing"
    if issubclass(kind, StrEnum):
        return " | ".join(kind)
    return " ".join([_PLAIN[kind], *_describe_bounds(metadata)])


def _describe_bounds(metadata: list[Any]) -> Iterator[str]:
    lowest = next((str(bound.ge) for bound in metadata if isinstance(bound, Ge)), None)
    highest = next((str(bound.le) for bound in metadata if isinstance(bound, Le)), None)
    if lowest and highest:
        yield f"from {lowest} to {highest}"
    elif lowest:
        yield f"from {lowest}"
    yield from (f"above {bound.gt}" for bound in metadata if isinstance(bound, Gt))
