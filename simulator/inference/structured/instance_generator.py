"""Walks through a schema and generates one instance of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from simulator.inference.structured.budget import Budget
from simulator.inference.structured.scalar_generator import NO_VALUE, choose_option, generate_scalar, json_equal
from simulator.inference.structured.schema_error import SchemaError
from simulator.inference.structured.schema_normalizer import NormalizedSchema, normalize_schema

_FULL_DEPTH: Final = 4  # levels with optional parts
_MAX_ITEMS: Final = 1_000
_MAX_OPTIONAL_PARTS: Final = 2_000  # generated parts; after these only required ones

# Names of the field for the answer, the most reliable first, and names of fields for the work before it.
_ANSWERS: Final = ("answer", "final_answer", "result", "value", "label", "output", "solution", "response", "query")
_WORK: Final = re.compile(r"(?i)reason|explanation|explain|thought|thinking|steps|work|rationale|analysis")
_NATIVE: Final[Mapping[type, tuple[str, ...]]] = {
    bool: ("boolean",), int: ("integer", "number"), float: ("number",), str: ("string",),
    list: ("array",), dict: ("object",),
}  # fmt: skip
_ABSENT_TYPE: Final = (
    ("object", ("properties", "required", "additionalProperties", "minProperties", "propertyNames")),
    ("array", ("items", "prefixItems", "minItems", "contains", "uniqueItems")),
    ("string", ("pattern", "minLength", "maxLength", "format")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)


class InstanceGenerator:
    """Generates one instance. `attempt` rotates the order of alternatives; `budget` limits the work."""

    def __init__(self, *, root: Any, key: str, attempt: int, budget: Budget) -> None:
        self._root = root
        self._names = (key, *_ANSWERS)
        self._attempt = attempt
        self._count = 0
        self._budget = budget

    def generate(
        self, schema: Any, value: Any, followed_refs: frozenset[str], *, depth: int, name: str, variation: int = 0
    ) -> tuple[Any, bool]:
        """Return (instance, whether it has the value).

        Raises:
            SchemaError: there is no instance.
            BudgetExceededError: it takes too many steps.
        """
        self._count += 1
        schema, followed_refs = normalize_schema(schema, self._root, followed_refs, self._budget)
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                return self._one_of(choice, schema, value, followed_refs, depth=depth, name=name, variation=variation)
        if "const" in schema:
            return schema["const"], json_equal(schema["const"], value)
        if "enum" in schema:
            self._budget.spend(len(schema["enum"]))
            return choose_option(self._allowed_options(schema), value, variation)
        fallback: tuple[Any, bool] | None = None
        last_error = SchemaError("a part of the schema allows no type")
        for kind in self._kinds(schema, value):
            try:
                result = self._of_kind(kind, schema, value, followed_refs, depth=depth, name=name, variation=variation)
            except SchemaError as error:
                last_error = error
                continue
            if result[1] or value is NO_VALUE:
                return result
            fallback = fallback or result
        if fallback is None:
            raise last_error
        return fallback

    @property
    def _required_only(self) -> bool:
        return self._count > _MAX_OPTIONAL_PARTS

    def _one_of(
        self,
        choice: str,
        schema: NormalizedSchema,
        value: Any,
        followed_refs: frozenset[str],
        *,
        depth: int,
        name: str,
        variation: int,
    ) -> tuple[Any, bool]:
        base_schema = {key: part for key, part in schema.items() if key != choice}
        options = list(schema[choice])
        shift = self._attempt % max(1, len(options))
        options = options[shift:] + options[:shift]
        if self._required_only:
            options.sort(key=lambda option: isinstance(option, Mapping) and "$ref" in option)
        fallback: tuple[Any, bool] | None = None
        last_error = SchemaError(f"an {choice} is empty")
        for option in options:
            combined_schema = {"allOf": [base_schema, option]}
            try:
                result = self.generate(
                    combined_schema, value, followed_refs, depth=depth, name=name, variation=variation
                )
            except SchemaError as error:
                last_error = error
                continue
            if result[1] or value is NO_VALUE or self._required_only:
                return result
            fallback = fallback or result
        if fallback is None:
            raise last_error
        return fallback

    @staticmethod
    def _allowed_options(schema: NormalizedSchema) -> list[Any]:
        types = schema.get("type")
        if types is None:
            return list(schema["enum"])
        kinds = {types} if isinstance(types, str) else set(types)
        return [option for option in schema["enum"] if kinds & _kinds_of(option)]

    @staticmethod
    def _kinds(schema: NormalizedSchema, value: Any) -> list[str]:
        types = schema.get("type")
        if types is not None:
            kinds = [types] if isinstance(types, str) else list(types)
            value_kinds = () if value is NO_VALUE else _NATIVE.get(type(value), ("null",))
            return sorted(kinds, key=lambda kind: (kind not in value_kinds, kind == "null"))
        for kind, names in _ABSENT_TYPE:
            if any(name in schema for name in names):
                return [kind]
        return ["any"]

    def _of_kind(
        self,
        kind: str,
        schema: NormalizedSchema,
        value: Any,
        followed_refs: frozenset[str],
        *,
        depth: int,
        name: str,
        variation: int,
    ) -> tuple[Any, bool]:
        match kind:
            case "object":
                return self._object(schema, value, followed_refs, depth=depth, variation=variation)
            case "array":
                return self._array(schema, value, followed_refs, depth=depth, name=name)
            case "any":
                return (name, False) if value is NO_VALUE else (value, True)
            case _:
                return generate_scalar(kind, schema, value, name=name, variation=variation)

    def _object(
        self, schema: NormalizedSchema, value: Any, followed_refs: frozenset[str], *, depth: int, variation: int
    ) -> tuple[Any, bool]:
        declared_properties: Mapping[str, Any] = schema.get("properties", {})
        required = dict.fromkeys(schema.get("required", ()))
        additional = schema.get("additionalProperties", True)
        if "properties" not in schema and additional is not False and not required and value is not NO_VALUE:
            properties = value if isinstance(value, dict) else {self._names[0]: value}
            if additional is True and "minProperties" not in schema:
                return properties, True
        names = [*declared_properties, *[key for key in required if key not in declared_properties]]
        if depth >= _FULL_DEPTH or self._required_only:
            names = [key for key in names if key in required]
        by_name = isinstance(value, Mapping) and any(key in value for key in names)
        order = names if by_name or value is NO_VALUE else self._rank_properties(names, declared_properties, value)
        instance: dict[str, Any] = {}
        is_placed = False
        for key in order:
            part = value.get(key, NO_VALUE) if by_name else NO_VALUE if is_placed else value
            try:
                instance[key], has_value = self.generate(
                    declared_properties.get(key, additional),
                    part,
                    followed_refs,
                    depth=depth + 1,
                    name=key,
                    variation=variation,
                )
            except SchemaError:
                if key in required:
                    raise
                continue
            is_placed = is_placed or has_value
        instance = {key: instance[key] for key in names if key in instance}
        self._add_properties(instance, schema, followed_refs, depth=depth)
        return instance, is_placed

    def _add_properties(
        self, instance: dict[str, Any], schema: NormalizedSchema, followed_refs: frozenset[str], *, depth: int
    ) -> None:
        """Add or remove properties until their number is within the bounds."""
        least, most = schema.get("minProperties", 0), schema.get("maxProperties")
        if least > _MAX_ITEMS:
            raise SchemaError(f"an object needs {least} properties; at most {_MAX_ITEMS} are supported")
        required = frozenset(schema.get("required", ()))
        optional = [key for key in instance if key not in required]
        while most is not None and len(instance) > most and optional:
            del instance[optional.pop()]
        number = 0
        while len(instance) < least:
            number += 1
            key = f"property{number}"
            if key not in instance:
                instance[key], _ = self.generate(
                    schema.get("additionalProperties", True), NO_VALUE, followed_refs, depth=depth + 1, name=key
                )

    def _rank_properties(self, names: list[str], declared: Mapping[str, Any], value: Any) -> list[str]:
        native = _NATIVE.get(type(value), ())

        def rank(name: str) -> tuple[bool, int, bool]:
            declaration = declared.get(name)
            types = declaration.get("type", ()) if isinstance(declaration, Mapping) else ()
            kinds = (types,) if isinstance(types, str) else tuple(types)
            position = self._names.index(name) if name in self._names else len(self._names)
            return _WORK.search(name) is not None, position, not set(kinds) & set(native)

        return sorted(names, key=rank)

    def _array(
        self, schema: NormalizedSchema, value: Any, followed_refs: frozenset[str], *, depth: int, name: str
    ) -> tuple[list[Any], bool]:
        prefix_schemas, item_schema = list(schema.get("prefixItems", ())), schema.get("items", True)
        if "contains" in schema:
            item_schema = {"allOf": [item_schema, schema["contains"]]}
        least = max(schema.get("minItems", 0), schema.get("minContains", 1) if "contains" in schema else 0)
        if least > _MAX_ITEMS:
            raise SchemaError(f"a list needs {least} items; at most {_MAX_ITEMS} are supported")
        most = min(schema.get("maxItems", _MAX_ITEMS), _MAX_ITEMS)
        values: list[Any] = list(value) if isinstance(value, list) else [value]
        count = len(values) if isinstance(value, list) else len(prefix_schemas) or 1
        if (depth >= _FULL_DEPTH or self._required_only) and not isinstance(value, list):
            count = 0
        instance: list[Any] = []
        is_placed = isinstance(value, list) and not value
        for position in range(min(max(least, count), most)):
            if position >= len(prefix_schemas) and item_schema is False:
                break
            try:
                item, has_value = self.generate(
                    prefix_schemas[position] if position < len(prefix_schemas) else item_schema,
                    values[position] if position < len(values) else NO_VALUE,
                    followed_refs,
                    depth=depth + 1,
                    name=name,
                    variation=position if schema.get("uniqueItems") else 0,
                )
            except SchemaError:
                if position < least:
                    raise
                break
            instance.append(item)
            is_placed = is_placed or has_value
        return instance, is_placed


def _kinds_of(value: Any) -> set[str]:
    if isinstance(value, float) and value.is_integer():
        return {"integer", "number"}
    return set(_NATIVE.get(type(value), ("null",)))
