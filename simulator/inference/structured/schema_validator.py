"""Whether a schema is one that can be worked with, and whether an instance is valid by it. `jsonschema` judges both."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from simulator.inference.structured.bounded_validator import bounded_validator, check_name_pattern, use_budget
from simulator.inference.structured.budget import Budget
from simulator.inference.structured.schema_error import SchemaError
from simulator.inference.structured.schema_normalizer import resolve_reference
from simulator.inference.structured.text_cache import cache_by_text

_SHOWN: Final = 300  # characters of what `jsonschema` says, which may quote a whole schema
_DEEPEST: Final = 40  # levels of a schema; OpenAI allows ten
_UNSUPPORTED_REFERENCES: Final = ("$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef")
# How one of the documents that describe a draft refers to another.
_OTHER_DOCUMENT: Final = re.compile(r'"\$(?:dynamicRef": "#meta|recursiveRef": "#|ref": "meta/[a-z-]+#)')
_TOO_OLD: Final = ("http://json-schema.org/draft-03/schema", "http://json-schema.org/draft-04/schema")


def validate_schema(schema_text: str, budget: Budget) -> None:
    """Check a schema, given as JSON text.

    Raises:
        SchemaError: it is malformed, or holds what is not supported.
        SpentError: of the budget.
    """
    schema = json.loads(schema_text)
    for part in _parts(schema, depth=0):
        _check_references(part, schema)
        for name in ("$id", "$schema"):
            if part is not schema and isinstance(part.get(name), str):
                raise SchemaError(f"a {name} within the schema is not supported; write '$ref': '#/$defs/...'")
    _check_metaschema(schema, budget)


def find_violation(schema_text: str, instance: Any, budget: Budget) -> str:
    """Return what is wrong with an instance of a checked schema; nothing, when it is valid.

    Raises:
        PatternError: an expression in the schema is too involved to be tried.
        SpentError: of the budget.
    """
    with use_budget(budget):
        return next((error.message[:_SHOWN] for error in _instance_validator(schema_text).iter_errors(instance)), "")


@cache_by_text
def _instance_validator(written: str) -> Any:
    from referencing import Registry  # noqa: PLC0415  see `_draft`

    schema = json.loads(written)
    draft = _draft(schema)
    if isinstance(schema, dict):
        schema.pop("$schema", None)  # `jsonschema` would take its own class by it, which knows no budget
    # With a registry of its own it fetches nothing from the network.
    return bounded_validator(draft)(schema, registry=Registry())


def _draft(schema: Any) -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  a tenth of a second that most callers never need
    from jsonschema.validators import validator_for  # noqa: PLC0415

    name = schema.get("$schema", "") if isinstance(schema, dict) else ""
    if not isinstance(name, str):
        raise SchemaError("$schema must be a string")
    if name.rstrip("#") in _TOO_OLD:
        raise SchemaError(f"$schema {name!r} is too old; draft-06 is the first that is supported, 2020-12 the best")
    return validator_for(schema, default=Draft202012Validator)


def _check_metaschema(schema: Any, budget: Budget) -> None:
    from jsonschema.exceptions import best_match  # noqa: PLC0415  see `_draft`

    with use_budget(budget):
        fault = best_match(_metaschema_validator(_draft(schema)).iter_errors(schema))
    if fault is not None:
        place = "/".join(str(step) for step in fault.absolute_path)
        raise SchemaError(f"not a valid JSON Schema{f' at {place}' if place else ''}: {fault.message[:_SHOWN]}")


@cache
def _metaschema_validator(draft: Any) -> Any:
    """Return what judges schemas of a draft.

    The newer drafts spread their rules over vocabularies, which are gone through one by one at every part of a schema.
    In one document they say the same, ten times sooner.
    """
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # noqa: PLC0415  see `_draft`; it has no types
    from referencing import Registry  # noqa: PLC0415

    own = draft.META_SCHEMA
    resolver = REGISTRY.resolver(base_uri=own["$id"]).lookup(own["$id"]).resolver
    rules: dict[str, Any] = {**own, "properties": {}, "$defs": {}}
    for part in [*(resolver.lookup(one["$ref"]).contents for one in own.get("allOf", ())), own]:
        rules["properties"] |= part.get("properties", {})
        rules["$defs"] |= part.get("$defs", {})
    for name in ("$schema", "$id", "allOf", *_UNSUPPORTED_REFERENCES, "$recursiveAnchor"):
        rules.pop(name, None)
    written = _OTHER_DOCUMENT.sub('"$ref": "#', json.dumps(rules))
    return bounded_validator(draft)(json.loads(written), registry=Registry(), format_checker=draft.FORMAT_CHECKER)


def _parts(value: Any, *, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > _DEEPEST:
        raise SchemaError(f"the schema is nested more than {_DEEPEST} levels deep")
    if isinstance(value, Mapping):
        yield value
        for part in value.values():
            yield from _parts(part, depth=depth + 1)
    elif isinstance(value, list):
        for part in value:
            yield from _parts(part, depth=depth + 1)


def _check_references(part: Mapping[str, Any], root: Any) -> None:
    reference = part.get("$ref")
    if isinstance(reference, str):
        resolve_reference(reference, root)
    for name in _UNSUPPORTED_REFERENCES:
        if isinstance(part.get(name), str):
            raise SchemaError(f"{name} is not supported; write '$ref': '#/$defs/...'")
    patterns = part.get("patternProperties")
    for pattern in patterns if isinstance(patterns, Mapping) else ():
        check_name_pattern(pattern)
