"""What each setting means and which values it accepts, read from the annotations that define the settings."""

from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le

from simulator.parity.evidence import Evidence
from simulator.settings import Settings

_TYPE_NAMES: Final = {bool: "true | false", int: "a whole number", float: "a number", str: "text", Path: "a path"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingHelp:
    """What is known about one setting.

    Attributes:
        name: the dotted name.
        accepts: the values it accepts.
        meaning: what it does.
        evidence: what Bedrock does and how this is known; empty for a setting that only the simulator has.
    """

    name: str
    accepts: str
    meaning: str
    evidence: str

    @property
    def explanation(self) -> str:
        """The meaning and the evidence."""
        return f"{self.meaning} {self.evidence}".strip()


@cache
def settings_help() -> dict[str, SettingHelp]:
    """Return the help of every setting by its name, in the order of `Settings`."""
    return {setting.name: setting for setting in _describe_fields(Settings)}


def meaning_of(name: str) -> str:
    """Return the explanation of a setting, for the help of its option."""
    return settings_help()[name].explanation


def _describe_fields(kind: type, *, prefix: str = "", group_texts: tuple[str, ...] = ()) -> Iterator[SettingHelp]:
    for name, annotation in get_type_hints(kind, include_extras=True).items():
        inner, *metadata = get_args(annotation)
        texts = (*(text for text in metadata if isinstance(text, str)), *group_texts)
        if is_dataclass(inner) and isinstance(inner, type):
            yield from _describe_fields(inner, prefix=f"{prefix}{name}.", group_texts=texts)
        else:
            yield SettingHelp(
                name=f"{prefix}{name}",
                accepts=_describe_type(inner, metadata),
                meaning=" ".join(text for text in texts if not _is_evidence(text)),
                evidence=" ".join(text for text in texts if _is_evidence(text)),
            )


def _is_evidence(text: str) -> bool:
    """Return whether a text starts with a kind of evidence, such as `INFERRED`."""
    return text.startswith(tuple(Evidence.__members__))


def _describe_type(kind: Any, metadata: list[Any]) -> str:
    """Describe the values of a type within the bounds of its annotation."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _describe_type(arguments[0], [*arguments[1:], *metadata])
    if origin is Literal:
        return " | ".join(arguments)
    if origin is tuple:
        return "names separated by commas, or nothing"
    if NoneType in arguments:
        (value_type,) = (argument for argument in arguments if argument is not NoneType)
        return f"{_describe_type(value_type, metadata)}, or nothing"
    if issubclass(kind, StrEnum):
        return " | ".join(kind)
    return " ".join([_TYPE_NAMES[kind], *_describe_bounds(metadata)])


def _describe_bounds(metadata: list[Any]) -> Iterator[str]:
    lowest = next((str(bound.ge) for bound in metadata if isinstance(bound, Ge)), None)
    highest = next((str(bound.le) for bound in metadata if isinstance(bound, Le)), None)
    if lowest and highest:
        yield f"from {lowest} to {highest}"
    elif lowest:
        yield f"from {lowest}"
    yield from (f"above {bound.gt}" for bound in metadata if isinstance(bound, Gt))
