"""Validates schemas, and instances by their schema, with `jsonschema`."""

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

_MAX_MESSAGE: Final = 300  # characters; messages of `jsonschema` may quote a whole schema
_MAX_DEPTH: Final = 40  # levels of a schema; OpenAI allows ten
_UNSUPPORTED_REFERENCES: Final = ("$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef")
# A reference from one vocabulary of a metaschema to another.
_OTHER_DOCUMENT: Final = re.compile(r'"\$(?:dynamicRef": "#meta|recursiveRef": "#|ref": "meta/[a-z-]+#)')
_TOO_OLD: Final = ("http://json-schema.org/draft-03/schema", "http://json-schema.org/draft-04/schema")


def validate_schema(schema_text: str, budget: Budget) -> None:
    """Validate a schema, given as JSON text.

    Raises:
        SchemaError: it is malformed or not supported.
        BudgetExceededError: `budget` is used up.
    """
    schema = json.loads(schema_text)
    for part in _parts(schema, depth=0):
        _check_references(part, schema)
        for name in ("$id", "$schema"):
            if part is not schema and isinstance(part.get(name), str):
                raise SchemaError(f"a {name} within the schema is not supported; write '$ref': '#/$defs/...'")
    _check_metaschema(schema, budget)


def find_violation(schema_text: str, instance: Any, budget: Budget) -> str:
    """Return what is wrong with an instance of a valid schema; an empty text if it is valid.

    Raises:
        PatternError: a pattern in the schema is too complex to match.
        BudgetExceededError: `budget` is used up.
    """
    with use_budget(budget):
        return next(
            (error.message[:_MAX_MESSAGE] for error in _instance_validator(schema_text).iter_errors(instance)), ""
        )


@cache_by_text
def _instance_validator(schema_text: str) -> Any:
    from referencing import Registry  # noqa: PLC0415  see `_draft`

    schema = json.loads(schema_text)
    draft = _draft(schema)
    if isinstance(schema, dict):
        schema.pop("$schema", None)  # else `jsonschema` would choose its own class, which has no budget
    # With an empty registry it fetches nothing from the network.
    return bounded_validator(draft)(schema, registry=Registry())


def _draft(schema: Any) -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  the import takes a tenth of a second
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
        error = best_match(_metaschema_validator(_draft(schema)).iter_errors(schema))
    if error is not None:
        path = "/".join(str(step) for step in error.absolute_path)
        raise SchemaError(f"not a valid JSON Schema{f' at {path}' if path else ''}: {error.message[:_MAX_MESSAGE]}")


@cache
def _metaschema_validator(draft: Any) -> Any:
    """Return the validator of the schemas of a draft.

    Newer drafts divide their metaschema into vocabularies, which are all applied to every part of a schema. Merged into
    one document they are ten times faster.
    """
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # noqa: PLC0415  see `_draft`; it has no types
    from referencing import Registry  # noqa: PLC0415

    metaschema = draft.META_SCHEMA
    resolver = REGISTRY.resolver(base_uri=metaschema["$id"]).lookup(metaschema["$id"]).resolver
    rules: dict[str, Any] = {**metaschema, "properties": {}, "$defs": {}}
    for part in [
        *(resolver.lookup(reference["$ref"]).contents for reference in metaschema.get("allOf", ())),
        metaschema,
    ]:
        rules["properties"] |= part.get("properties", {})
        rules["$defs"] |= part.get("$defs", {})
    for name in ("$schema", "$id", "allOf", *_UNSUPPORTED_REFERENCES, "$recursiveAnchor"):
        rules.pop(name, None)
    text = _OTHER_DOCUMENT.sub('"$ref": "#', json.dumps(rules))
    return bounded_validator(draft)(json.loads(text), registry=Registry(), format_checker=draft.FORMAT_CHECKER)


def _parts(value: Any, *, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > _MAX_DEPTH:
        raise SchemaError(f"the schema is nested more than {_MAX_DEPTH} levels deep")
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
