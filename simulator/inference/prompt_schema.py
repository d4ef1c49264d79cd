"""Finds the JSON object that a prompt asks for: by a JSON Schema, a template or the names of its keys.

Client libraries describe the object in the prompt if they do not use `json_schema`:

- instructor, pydantic-ai, the Vercel AI SDK and LangChain's parsers write a JSON Schema into the system or user message
- dspy writes a template, an object whose values describe the fields, and repeats the names of the fields
- people name the keys, as in LangChain's examples for its `json_mode`

INFERRED: how well a real model follows such a prompt depends on the model. The simulated one always does.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from simulator.inference.prompt_keys import PRIMITIVE_TYPES, find_named_keys, object_schema
from simulator.inference.structured.instances import check_schema
from simulator.inference.structured.schema_error import SchemaError

_DECODER: Final = json.JSONDecoder()
_MAX_BRACKETS: Final = 200
_MAX_INTRODUCTION: Final = 300  # characters before an object that can say what it is
_VERBS: Final = r"respond|reply|answer|return|output|produce|provide|give|generate|write|format|extract|must|be"
# In one sentence: a verb that asks for output, then the word JSON.
_REQUEST: Final = re.compile(rf"(?i)\b(?:{_VERBS})(?:s|ted|ting|ing|ed)?\b(?:(?![.?!]\s)[^{{}}]){{0,150}}?\bjson\b")
_SCHEMA_INTRODUCTION: Final = re.compile(r"(?i)schema")
_TEMPLATE_INTRODUCTION: Final = re.compile(_REQUEST.pattern + r"(?:(?!\n\s*\n\s*\w)[^{}]){0,100}$")
# The notes of dspy's JSONAdapter on the type of a field.
_NOTE: Final = re.compile(
    r"note: the value you produce (?:must be (?P<boolean>True or False)|must be a single (?P<number>int|float) value"
    r"|must (?:be|exactly match \(no extra characters\)) one of: (?P<options>.*)"
    r"|must adhere to the JSON schema: (?P<schema>\{.*))",
    re.DOTALL,
)


def asks_for_json(text: str) -> bool:
    """Return whether a text asks for output in JSON."""
    return _REQUEST.search(text) is not None


def find_prompt_schema(texts: Sequence[str], value: Any) -> Mapping[str, Any] | None:
    """Return a JSON Schema of the object that a prompt asks for, or None if it describes none.

    `texts` are the messages of the prompt, the most important first. A key without a type becomes a string, which
    clients can convert to other types; but with a `value` that is an object or a list it can have any type.
    """
    default_schema = {} if isinstance(value, dict | list) else {"type": "string"}
    texts = [text for text in texts if "json" in text.lower()]
    for find in (_find_schema, _find_template, find_named_keys):
        for text in texts:
            schema = find(text, default_schema)
            if schema is not None and _is_usable(schema):
                return schema
    return None


def _is_usable(schema: Mapping[str, Any]) -> bool:
    try:
        check_schema(schema, is_object=True)
    except SchemaError:
        return False
    return True


def _find_objects(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (text before it, object) of the outermost JSON objects in a text."""
    position = 0
    for _ in range(_MAX_BRACKETS):
        start = text.find("{", position)
        if start < 0:
            return
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            position = start + 1
            continue
        if isinstance(value, dict):
            yield text[max(0, start - _MAX_INTRODUCTION) : start], value
        position = end


def _find_schema(text: str, _default_schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    # LangChain's instructions begin with an example: the last schema is the requested one.
    schemas = [
        value for before, value in _find_objects(text) if _is_schema(value) and _SCHEMA_INTRODUCTION.search(before)
    ]
    return schemas[-1] if schemas else None


def _is_schema(value: Mapping[str, Any]) -> bool:
    properties = value.get("properties")
    if isinstance(properties, dict) and properties:
        return all(isinstance(part, dict | bool) for part in properties.values())
    return isinstance(value.get("$ref"), str) or (
        value.get("type") in ("object", "array")
        and any(isinstance(value.get(name), dict) for name in ("additionalProperties", "items"))
    )


def _find_template(text: str, default_schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    templates = [
        value
        for before, value in _find_objects(text)
        if value and not _is_schema(value) and _TEMPLATE_INTRODUCTION.search(before)
    ]
    if not templates:
        return None
    definitions: dict[str, Any] = {}
    fields = {key: _schema_of_field(example, default_schema, definitions) for key, example in templates[-1].items()}
    return {**object_schema(fields), "$defs": definitions}


def _schema_of_field(example: Any, default_schema: Mapping[str, Any], definitions: dict[str, Any]) -> Mapping[str, Any]:
    match example:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case list():
            return (
                {"type": "array", "items": _schema_of_field(example[0], default_schema, definitions)} if example else {}
            )
        case dict():
            return object_schema(
                {key: _schema_of_field(part, default_schema, definitions) for key, part in example.items()}
            )
        case str() if note := _NOTE.search(example):
            return _schema_of_note(note, definitions)
        case _:
            return default_schema


def _schema_of_note(note: re.Match[str], definitions: dict[str, Any]) -> Mapping[str, Any]:
    if note["boolean"]:
        return {"type": "boolean"}
    if note["number"]:
        return PRIMITIVE_TYPES[note["number"]]
    if note["options"]:
        return {"enum": [option.strip() for option in note["options"].split(";")]}
    try:
        schema, _ = _DECODER.raw_decode(note["schema"])
    except (ValueError, RecursionError):
        return {}
    definitions.update(schema.pop("$defs", {}))  # references start at the root of the document
    return dict(schema)
