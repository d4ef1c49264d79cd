"""One level of a schema made plain: references followed, `allOf` merged."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from simulator.inference.structured.budget import Budget
from simulator.inference.structured.schema_error import SchemaError

NormalizedSchema = dict[str, Any]

_LARGER_WINS: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_SMALLER_WINS: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
_SCHEMAS: Final = ("items", "additionalProperties", "contains", "propertyNames")
_COUNTS: Final = frozenset(
    {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains"}
)
_MOST_CHOICES: Final = 64
_A_STEP: Final = 16  # comparisons


def normalize_schema(
    schema: Any, root: Any, refs: frozenset[str], budget: Budget
) -> tuple[NormalizedSchema, frozenset[str]]:
    """Return a schema without `$ref` and `allOf` at its top, and `refs` with those that were followed.

    Lengths and counts are whole numbers in it: JSON Schema takes 3.0 for 3.

    A reference that is being followed already leads nowhere new: of every schema that has finite instances, some are
    found without coming by the same reference twice on one path.

    Raises:
        SchemaError: nothing satisfies it, or a reference leads nowhere, or round in a circle.
        SpentError: of `budget`.
    """
    budget.spend()
    if schema is True:
        return {}, refs
    if not isinstance(schema, Mapping):
        raise SchemaError("a part of the schema is false, which nothing satisfies")
    own = {
        name: int(value) if name in _COUNTS else value
        for name, value in schema.items()
        if name not in ("$ref", "allOf", "$defs", "definitions")
    }
    followed = refs
    if "$ref" in schema:
        name = str(schema["$ref"])
        if name in refs:
            raise SchemaError(f"the schema refers to itself without end at {name!r}")
        part, inner = normalize_schema(resolve_reference(name, root), root, refs | {name}, budget)
        own, followed = merge_schemas(part, own, budget), followed | inner
    for item in schema.get("allOf", ()):
        part, inner = normalize_schema(item, root, refs, budget)
        own, followed = merge_schemas(own, part, budget), followed | inner
    return own, followed


def resolve_reference(name: str, root: Any) -> Any:
    """Return what a reference within the document points to.

    Raises:
        SchemaError: it points to nothing, or out of the document.
    """
    if name == "#":
        return root
    if not name.startswith("#/"):
        raise SchemaError(f"the reference {name!r} leads out of the schema; write it as '#/$defs/...'")
    place = root
    for step in unquote(name[2:]).split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, Mapping) and key in place:
            place = place[key]
        elif isinstance(place, list) and key.isdecimal() and int(key) < len(place):
            place = place[int(key)]
        else:
            raise SchemaError(f"the reference {name!r} leads nowhere")
    return place


def merge_schemas(one: NormalizedSchema, other: NormalizedSchema, budget: Budget) -> NormalizedSchema:
    """Return a schema that asks for what both ask for; what cannot be merged stands as `one` has it.

    Raises:
        SchemaError: there would be too many alternatives.
        SpentError: of `budget`.
    """
    for name in one:
        if name in other and isinstance(one[name], list | dict) and isinstance(other[name], list | dict):
            many = len(one[name]) * len(other[name]) if isinstance(one[name], list) else len(one[name])
            budget.spend(many // _A_STEP)
    shared = {name: _merge_keyword(name, one[name], other[name]) for name in one if name in other}
    return {**other, **one, **shared}


def _merge_keyword(name: str, mine: Any, theirs: Any) -> Any:
    if name in _LARGER_WINS:
        return max(mine, theirs)
    if name in _SMALLER_WINS:
        return min(mine, theirs)
    if name in _SCHEMAS:
        return {"allOf": [mine, theirs]}
    match name:
        case "required":
            return [*mine, *[item for item in theirs if item not in mine]]
        case "properties":
            return {**mine, **theirs, **{key: {"allOf": [mine[key], theirs[key]]} for key in mine if key in theirs}}
        case "enum":
            return [item for item in mine if item in theirs]
        case "type":
            return _shared_types(_listed(mine), _listed(theirs))
        case "anyOf" | "oneOf":
            if len(mine) * len(theirs) > _MOST_CHOICES:
                raise SchemaError(f"an allOf combines more than {_MOST_CHOICES} alternatives")
            return [{"allOf": [left, right]} for left in mine for right in theirs]
    return mine


def _listed(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types


def _shared_types(mine: list[str], theirs: list[str]) -> list[str]:
    shared = [kind for kind in mine if kind in theirs or (kind == "integer" and "number" in theirs)]
    if "number" in mine and "integer" in theirs and "integer" not in shared:
        shared.append("integer")
    return shared
