"""Instances of JSON Schemas, validated by `jsonschema`."""

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from simulator.inference.structured.instances import check_schema, generate_instance
from simulator.inference.structured.schema_error import SchemaError

Schema = dict[str, Any]

ANSWER: Schema = {
    "type": "object",
    "properties": {"reasoning": {"type": "string"}, "answer": {"type": "integer"}},
    "required": ["reasoning", "answer"],
    "additionalProperties": False,
}
TREE: Schema = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name", "next", "children"],
            "additionalProperties": False,
        }
    },
}


def object_schema(**properties: Any) -> Schema:
    """Return the schema of an object with these properties, all required."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "null"},
        {"type": "boolean"},
        {"type": "integer", "minimum": 3},
        {"type": "integer", "exclusiveMinimum": 3, "maximum": 4},
        {"type": "integer", "maximum": -7},
        {"type": "integer", "minimum": 10, "multipleOf": 7},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        {"type": "number", "minimum": 0.3, "multipleOf": 0.1},
        {"type": "number", "exclusiveMaximum": 0},
        {"type": "string", "minLength": 40},
        {"type": "string", "maxLength": 2},
        {"type": "string", "minLength": 3, "maxLength": 3},
        {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
        {"type": "string", "pattern": "^a+$", "minLength": 12},
        {"type": "string", "enum": ["red", "green"]},
        {"enum": [{"a": 1}, None]},
        {"const": [1, 2]},
        {"type": ["null", "string"]},
        {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "items": {"type": "string"}, "maxItems": 0},
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
        {"type": "array", "contains": {"const": 7}, "minContains": 2},
        {"type": "object", "minProperties": 3, "additionalProperties": {"type": "integer"}},
        {"type": "object", "required": ["a", "b"]},
        {"type": "object", "properties": {"a": True, "b": True}, "maxProperties": 1},
        {
            "allOf": [
                object_schema(a={"type": "number", "minimum": 2})["properties"]["a"],
                {"maximum": 5, "type": "integer"},
            ]
        },
        {
            "allOf": [
                {"properties": {"a": {"minimum": 2}}},
                {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
            ]
        },
        {"anyOf": [False, {"type": "string"}]},
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        {"oneOf": [object_schema(kind={"const": "a"}), object_schema(kind={"const": "b"}, more={"type": "string"})]},
        TREE,
        ANSWER,
        {"$ref": "#/definitions/a%25~1b", "definitions": {"a%/b": {"type": "integer"}}},
        {"type": "string", "minLength": 3.0, "maxLength": 3.0},
        {"type": "array", "items": {"type": "integer"}, "minItems": 2.0, "maxItems": 2.0},
        {"type": "object", "minProperties": 1.0, "maxProperties": 1.0},
        {"type": "string", "format": "email", "pattern": "^\\S+@example[.]com$"},
        {"type": "array", "items": {"type": "integer"}, "minItems": 200},
    ],
    ids=json.dumps,
)
def test_instances_are_valid(schema: Schema) -> None:
    """Without a value, and with values of all types."""
    validator = Draft202012Validator(schema)
    validator.validate(generate_instance(schema))
    for value in (72, "billing", None, True, [1, "b"], {"a": 1, "name": "x"}, -0.5, ""):
        validator.validate(generate_instance(schema, value))


@pytest.mark.parametrize(
    ("schema", "value", "instance"),
    [
        (ANSWER, 72, {"reasoning": "reasoning", "answer": 72}),
        (ANSWER, "1,080", {"reasoning": "reasoning", "answer": 1080}),
        (object_schema(name={"type": "string"}, count={"type": "integer"}), 72, {"name": "name", "count": 72}),
        (object_schema(label={"enum": ["Billing", "returns"]}), "billing", {"label": "Billing"}),
        (object_schema(ok={"type": "boolean"}), "no", {"ok": False}),
        (object_schema(ok={"type": "boolean"}), "yes", {"ok": True}),
        (object_schema(given={"anyOf": [{"type": "null"}, {"type": "string"}]}), "x", {"given": "x"}),
        (object_schema(inner=object_schema(result={"type": "number"})), 7, {"inner": {"result": 7}}),
        (object_schema(x={"type": "integer"}, y={"type": "string"}), {"y": "b", "x": 1}, {"x": 1, "y": "b"}),
        (object_schema(found=object_schema(x={"type": "integer"})), {"x": 4}, {"found": {"x": 4}}),
        (object_schema(all={"type": "array", "items": {"type": "integer"}}), [3, 4], {"all": [3, 4]}),
        (object_schema(short={"type": "string", "maxLength": 3}), "far too long", {"short": ""}),
        ({"type": "object"}, "x", {"answer": "x"}),
        ({"type": "object", "properties": {}}, "x", {}),
        ({"type": "string"}, 72, "72"),
        ({"enum": [0, True]}, 1, 0),
        ({"enum": [False, 1]}, True, False),
    ],
    ids=json.dumps,
)
def test_the_value_goes_into_the_field_that_fits_best(schema: Schema, value: Any, instance: Any) -> None:
    """By name, then by type; it is left out if it fits nowhere."""
    assert generate_instance(schema, value) == instance


def test_the_key_of_the_prompt_has_priority() -> None:
    """Before all other names."""
    schema = object_schema(answer={"type": "integer"}, total={"type": "integer"})
    assert generate_instance(schema, 7, key="total") == {"answer": 0, "total": 7}


def test_a_recursive_schema_gets_a_finite_instance() -> None:
    """It ends as early as possible."""
    assert generate_instance(TREE, "root") == {"name": "root", "next": None, "children": []}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "objct"}, "not a valid JSON Schema at type"),
        ({"properties": []}, "not a valid JSON Schema at properties"),
        ({"type": "string", "pattern": "("}, "is not a 'regex'"),
        ({"type": "string", "pattern": "(?=a)b"}, "is not supported here"),
        ({"type": "string", "minLength": 10**9}, "at most 10000 are supported"),
        ({"type": "string", "minLength": 5, "maxLength": 2}, "no string is within"),
        ({"type": "integer", "minimum": 5, "maximum": 2}, "no number is within"),
        ({"type": "array", "minItems": 10**9}, "at most 1000 are supported"),
        ({"enum": ["a"], "type": "integer"}, "no values in common"),
        ({"$ref": "#"}, "without end"),
        (object_schema(a={"$ref": "#"}), "without end"),
        ({"not": {"$ref": "#"}}, "without end"),
        ({"$ref": "https://example.com/schema.json"}, "points outside the schema"),
        ({"not": {"$ref": "https://example.com/schema.json"}}, "points outside the schema"),
        ({"$ref": "#/$defs/none"}, "has no target"),
        ({"not": {}}, "no instance of the schema could be made"),
        ({"const": float("inf")}, "a number that is too large"),
        ({"patternProperties": {"^(a+)+$": True}}, "too complex"),
        ({"$schema": 7}, "must be a string"),
        ({"properties": {"a": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}}, "a $schema within"),
        ({"$schema": "http://json-schema.org/draft-03/schema#", "type": "object", "required": True}, "too old"),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": True}, "too old"),
        (
            {"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$", "minLength": 40},
            "too complex for a text of 40",
        ),
        ({"type": "object", "required": ["x" * 65], "patternProperties": {"^x": True}}, "names of up to 64"),
        ({"description": "x" * 250_000}, "at most 250000 are supported"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_schema_without_an_instance_is_refused_with_the_reason(schema: Schema, reason: str) -> None:
    """Before the model answers."""
    with pytest.raises(SchemaError, match=re.escape(reason)):
        check_schema(schema)


def test_tool_arguments_must_be_an_object() -> None:
    """Other schemas are refused."""
    with pytest.raises(SchemaError, match="must be of type 'object'"):
        check_schema({"type": "string"}, is_object=True)


def test_a_deeply_nested_schema_is_refused() -> None:
    """The limit is on the levels."""
    schema: Schema = {"type": "string"}
    for _ in range(200):
        schema = {"type": "array", "items": schema}
    with pytest.raises(SchemaError, match="levels deep"):
        check_schema(schema)


def test_a_complex_pattern_is_not_matched_against_a_long_value() -> None:
    """It would backtrack for ever; the value is left out."""
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "not": {"properties": {"name": {"pattern": "^(a|a)*$"}}},
    }
    assert generate_instance(schema, "a" * 60 + "b") == {"name": "name"}


def test_patterns_are_not_matched_against_long_property_names() -> None:
    """The value with that name is left out."""
    schema = {"type": "object", "patternProperties": {"^(a*)$": {"type": "integer"}}}
    assert generate_instance(schema, {"a" * 65: 1}) == {}


def combined(keyword: str, levels: int) -> Schema:
    """Return a schema whose parts refer to the next one eight times: short, but with 8 ** `levels` parts."""
    parts: Schema = {f"d{level}": {keyword: [{"$ref": f"#/$defs/d{level + 1}"}] * 8} for level in range(levels)}
    return {"$ref": "#/$defs/d0", "$defs": parts | {f"d{levels}": {"type": "integer", "minimum": 1, "maximum": 0}}}


@pytest.mark.shows("large-schemas")
@pytest.mark.parametrize(
    "schema",
    [
        combined("allOf", 12),
        combined("anyOf", 12),
        {"not": {"$ref": "#/$defs/d0"}, "$defs": combined("anyOf", 12)["$defs"]},
        {"type": "array", "minItems": 900, "items": {"anyOf": [{"$ref": "#"}] * 8 + [{"type": "string"}]}},
        {"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000}},
        {"type": "array", "minItems": 1000, "uniqueItems": True, "items": {"required": ["a"]}},
        {"type": "array", "minItems": 900, "items": {"enum": [{"a": number} for number in range(100)]}},
    ],
    ids=["allOf", "anyOf", "not", "items of alternatives", "items of items", "unique", "enums"],
)
def test_a_schema_that_takes_too_many_steps_is_refused(schema: Schema) -> None:
    """The count of steps is the same on all machines."""
    with pytest.raises(SchemaError, match="generating an instance takes more than"):
        check_schema(schema)


@pytest.mark.shows("large-schemas")
@pytest.mark.parametrize(
    "draft", ["draft-06/schema#", "draft-07/schema#", "draft/2019-09/schema", "draft/2020-12/schema"]
)
def test_every_supported_draft_has_its_own_rules(draft: str) -> None:
    """At every depth of the schema."""
    name = f"http{'s' if '/20' in draft else ''}://json-schema.org/{draft}"
    nested = {"properties": {"a": {"items": {"allOf": [{"minimum": "1"}]}}}}
    assert generate_instance({"$schema": name, **ANSWER}, 7) == {"reasoning": "reasoning", "answer": 7}
    with pytest.raises(SchemaError, match="at properties/a/items/allOf/0/minimum: '1' is not of type 'number'"):
        check_schema({"$schema": name, **nested})


def test_definitions_that_all_refer_to_each_other_take_few_steps() -> None:
    """Ten of them have millions of paths through each other."""
    names = [f"n{number}" for number in range(10)]
    node = object_schema(**{name: {"anyOf": [{"$ref": f"#/$defs/{name}"}, {"type": "null"}]} for name in names})
    schema = {"$ref": "#/$defs/n0", "$defs": dict.fromkeys(names, node)}
    Draft202012Validator(schema).validate(generate_instance(schema, "x"))


keys = st.sampled_from(["answer", "name", "steps", "b", ""])
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=5
)
leaves = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "boolean", "null", ["string", "null"]]),
        "minimum": st.integers(-9, 9),
        "maximum": st.integers(-9, 9),
        "exclusiveMinimum": st.floats(-9, 9),
        "exclusiveMaximum": st.floats(-9, 9),
        "multipleOf": st.sampled_from([1, 2, 0.5, 0.1, 3]),
        "minLength": st.integers(0, 9),
        "maxLength": st.integers(0, 9),
        "pattern": st.sampled_from(["^a+$", "[0-9]{2}", "^(a|b)*c?$", "x"]),
        "format": st.sampled_from(["date", "email", "made-up"]),
        "enum": st.lists(values, min_size=1, max_size=3),
        "const": values,
        "default": values,
    },
)
branches = st.recursive(
    leaves | st.booleans() | st.sampled_from([{"$ref": "#"}, {"$ref": "#/$defs/d"}, {"$ref": "#/$defs/gone"}]),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "string", ["object", "array"]]),
            "properties": st.dictionaries(keys, inner, max_size=3),
            "required": st.lists(keys, unique=True, max_size=3),
            "additionalProperties": inner,
            "minProperties": st.integers(0, 4),
            "maxProperties": st.integers(0, 4),
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "minItems": st.integers(0, 4),
            "maxItems": st.integers(0, 4),
            "uniqueItems": st.booleans(),
            "contains": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "oneOf": st.lists(inner, min_size=1, max_size=3),
            "allOf": st.lists(inner, min_size=1, max_size=3),
            "not": inner,
            "if": inner,
            "then": inner,
            "$defs": st.fixed_dictionaries({"d": inner}),
        },
    ),
    max_leaves=8,
)


@settings(max_examples=15)
@given(branches, values)
def test_any_schema_gives_a_valid_instance_or_an_error(schema: Any, value: Any) -> None:
    """Never another exception, and never an invalid instance."""
    check_valid_or_refused(schema, value)


@pytest.mark.parametrize("keyword", ["not", "if"])
@pytest.mark.parametrize("depth", range(10))
def test_a_schema_that_contains_itself_is_refused_at_every_stack_depth(keyword: str, depth: int) -> None:
    """In jsonschema, or in the compiled library below it."""

    def deeper(levels: int) -> str:
        return deeper(levels - 1) if levels else generate_instance({keyword: {"$ref": "#"}})

    with pytest.raises(SchemaError, match="it refers to itself without end"):
        deeper(depth)


@pytest.mark.slow
@settings(max_examples=1000)
@given(branches, values)
def test_very_many_schemas_give_a_valid_instance_or_an_error(schema: Any, value: Any) -> None:
    """With enough examples for rare cases."""
    check_valid_or_refused(schema, value)


def check_valid_or_refused(schema: Any, value: Any) -> None:
    """Generate instances with and without a value; they are valid, or the schema is refused."""
    try:
        instances = [generate_instance(schema), generate_instance(schema, value)]
    except SchemaError:
        return
    for instance in instances:
        Draft202012Validator(schema).validate(instance)


MISUSED = st.sampled_from(
    [
        "type",
        "properties",
        "items",
        "enum",
        "$ref",
        "allOf",
        "pattern",
        "minimum",
        "required",
        "$schema",
        "$id",
        "format",
    ]
)


@settings(max_examples=25)
@given(st.dictionaries(MISUSED, values, max_size=4))
def test_malformed_schemas_raise_no_other_error(schema: Schema) -> None:
    """They are accepted or refused."""
    with suppress(SchemaError):
        check_schema(schema)
