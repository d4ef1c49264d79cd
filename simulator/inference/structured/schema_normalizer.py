"""Normalizes the top level of a schema: follows references and merges `allOf`."""

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
_MAX_ALTERNATIVES: Final = 64
_COMPARISONS_PER_STEP: Final = 16


def normalize_schema(
    schema: Any, root: Any, refs: frozenset[str], budget: Budget
) -> tuple[NormalizedSchema, frozenset[str]]:
    """Return a schema without `$ref` and `allOf` at its top level, and `refs` with the followed references added.

    Lengths and counts become integers, because JSON Schema allows 3.0 for 3.

    A reference in `refs` is not followed again: every schema with a finite instance has one that follows no reference
    twice on the same path.

    Raises:
        SchemaError: nothing satisfies the schema, or a reference is invalid or circular.
        BudgetExceededError: `budget` is used up.
    """
    budget.spend()
    if schema is True:
        return {}, refs
    if not isinstance(schema, Mapping):
        raise SchemaError("a part of the schema is false, which nothing satisfies")
    own_keywords = {
        name: int(value) if name in _COUNTS else value
        for name, value in schema.items()
        if name not in ("$ref", "allOf", "$defs", "definitions")
    }
    followed_refs = refs
    if "$ref" in schema:
        name = str(schema["$ref"])
        if name in refs:
            raise SchemaError(f"the schema refers to itself without end at {name!r}")
        part, inner = normalize_schema(resolve_reference(name, root), root, refs | {name}, budget)
        own_keywords, followed_refs = merge_schemas(part, own_keywords, budget), followed_refs | inner
    for item in schema.get("allOf", ()):
        part, inner = normalize_schema(item, root, refs, budget)
        own_keywords, followed_refs = merge_schemas(own_keywords, part, budget), followed_refs | inner
    return own_keywords, followed_refs


def resolve_reference(name: str, root: Any) -> Any:
    """Return the target of a reference within the document.

    Raises:
        SchemaError: the target does not exist, or is outside the document.
    """
    if name == "#":
        return root
    if not name.startswith("#/"):
        raise SchemaError(f"the reference {name!r} points outside the schema; write it as '#/$defs/...'")
    target = root
    for step in unquote(name[2:]).split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(target, Mapping) and key in target:
            target = target[key]
        elif isinstance(target, list) and key.isdecimal() and int(key) < len(target):
            target = target[int(key)]
        else:
            raise SchemaError(f"the reference {name!r} has no target")
    return target


def merge_schemas(one: NormalizedSchema, other: NormalizedSchema, budget: Budget) -> NormalizedSchema:
    """Return a schema with the constraints of both. If a keyword cannot be merged, the value of `one` is used.

    Raises:
        SchemaError: there are too many alternatives.
        BudgetExceededError: `budget` is used up.
    """
    for name in one:
        if name in other and isinstance(one[name], list | dict) and isinstance(other[name], list | dict):
            comparisons = len(one[name]) * len(other[name]) if isinstance(one[name], list) else len(one[name])
            budget.spend(comparisons // _COMPARISONS_PER_STEP)
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
            return _shared_types(_as_list(mine), _as_list(theirs))
        case "anyOf" | "oneOf":
            if len(mine) * len(theirs) > _MAX_ALTERNATIVES:
                raise SchemaError(f"an allOf combines more than {_MAX_ALTERNATIVES} alternatives")
            return [{"allOf": [left, right]} for left in mine for right in theirs]
    return mine


def _as_list(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types


def _shared_types(mine: list[str], theirs: list[str]) -> list[str]:
    shared = [kind for kind in mine if kind in theirs or (kind == "integer" and "number" in theirs)]
    if "number" in mine and "integer" in theirs and "integer" not in shared:
        shared.append("integer")
    return shared
