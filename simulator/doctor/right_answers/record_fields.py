"""The values of a record, with their positions."""

from collections.abc import Iterator, Mapping
from typing import Final

from simulator.training.dataset import Json, Record

REFERENCE_FIELD: Final = "reference_answer"
"""The field that a job sends to the function."""

MAX_DEPTH: Final = 5
"""Deeper values are not searched (INFERRED)."""


def fields_of(record: Record) -> Iterator[tuple[str, Json]]:
    """Yield the position and value of every field, those of the reference first, objects before their fields.

    Lists are values: their elements are not listed. A name with a dot is left out, because no position can name it.
    """
    fields = record.fields
    yield from _fields_below({name: fields[name] for name in sorted(fields, key=lambda name: name != REFERENCE_FIELD)})


def _fields_below(value: Mapping[str, Json], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Json]]:
    for name, field in value.items():
        if "." in name:
            continue
        yield f"{prefix}{name}", field
        if isinstance(field, Mapping) and depth < MAX_DEPTH:
            yield from _fields_below(field, f"{prefix}{name}.", depth + 1)


def name_of(path: str) -> str:
    """Return the last name of a position, in lower case."""
    return path.rpartition(".")[2].lower()


def named_fields(record: Record, names: frozenset[str]) -> Iterator[tuple[str, Json]]:
    """Yield the fields with one of these names, in lower case, at any depth."""
    return ((path, value) for path, value in fields_of(record) if name_of(path) in names)


def is_number(value: Json) -> bool:
    """Whether a value is a number. JSON's true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
