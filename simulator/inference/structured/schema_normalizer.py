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


def merge_schemas(first: NormalizedSchema, second: NormalizedSchema, budget: Budget) -> NormalizedSchema:
    """Return a schema with the constraints of both. If a keyword cannot be merged, the value of `first` is used.

    Raises:
        SchemaError: there are too many alternatives.
        BudgetExceededError: `budget` is used up.
    """
    for name in first:
        if name in second and isinstance(first[name], list | dict) and isinstance(second[name], list | dict):
            comparisons = len(first[name]) * len(second[name]) if isinstance(first[name], list) else len(first[name])
            budget.spend(comparisons // _COMPARISONS_PER_STEP)
    shared = {name: _merge_keyword(name, first[name], second[name]) for name in first if name in second}
    return {**second, **first, **shared}


def _merge_keyword(name: str, first: Any, second: Any) -> Any:
    if name in _LARGER_WINS:
        return max(first, second)
    if name in _SMALLER_WINS:
        return min(first, second)
    if name in _SCHEMAS:
        return {"allOf": [first, second]}
    match name:
        case "required":
            return [*first, *[item for item in second if item not in first]]
        case "properties":
            return {**first, **second, **{key: {"allOf": [first[key], second[key]]} for key in first if key in second}}
        case "enum":
            return [item for item in first if item in second]
        case "type":
            return _shared_types(_as_list(first), _as_list(second))
        case "anyOf" | "oneOf":
            if len(first) * len(second) > _MAX_ALTERNATIVES:
                raise SchemaError(f"an allOf combines more than {_MAX_ALTERNATIVES} alternatives")
            return [{"allOf": [first_option, second_option]} for first_option in first for second_option in second]
    return first


def _as_list(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types


def _shared_types(first: list[str], second: list[str]) -> list[str]:
    shared = [kind for kind in first if kind in second or (kind == "integer" and "number" in second)]
    if "number" in first and "integer" in second and "integer" not in shared:
        shared.append("integer")
    return shared
