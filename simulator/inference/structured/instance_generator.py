"""The walk through a schema that makes one instance of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from simulator.inference.structured.budget import Budget
from simulator.inference.structured.scalar_generator import NO_VALUE, choose_option, generate_scalar, json_equal
from simulator.inference.structured.schema_error import SchemaError
from simulator.inference.structured.schema_normalizer import NormalizedSchema, normalize_schema

_FULL_DEPTH: Final = 4  # down to here optional parts are made too
_MOST_ITEMS: Final = 1_000
_FRUGAL_AFTER: Final = 2_000  # parts made; then only what is required

# The surer a name is to hold the answer, the earlier it stands; and names that hold what leads to it.
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
    """Makes one instance. `turn` shifts the order in which alternatives are tried; `budget` ends what goes too far."""

    def __init__(self, *, root: Any, key: str, attempt: int, budget: Budget) -> None:
        self._root = root
        self._names = (key, *_ANSWERS)
        self._turn = attempt
        self._count = 0
        self._budget = budget

    def generate(
        self, schema: Any, wanted: Any, refs: frozenset[str], *, depth: int, name: str, variation: int = 0
    ) -> tuple[Any, bool]:
        """Return (instance, whether it holds what is wanted).

        Raises:
            SchemaError: there is none.
            SpentError: of the budget.
        """
        self._count += 1
        flat, refs = normalize_schema(schema, self._root, refs, self._budget)
        for choice in ("anyOf", "oneOf"):
            if choice in flat:
                return self._one_of(choice, flat, wanted, refs, depth=depth, name=name, variation=variation)
        if "const" in flat:
            return flat["const"], json_equal(flat["const"], wanted)
        if "enum" in flat:
            self._budget.spend(len(flat["enum"]))
            return choose_option(self._allowed(flat), wanted, variation)
        found: tuple[Any, bool] | None = None
        fault = SchemaError("a part of the schema allows no type")
        for kind in self._kinds(flat, wanted):
            try:
                made = self._of_kind(kind, flat, wanted, refs, depth=depth, name=name, variation=variation)
            except SchemaError as error:
                fault = error
                continue
            if made[1] or wanted is NO_VALUE:
                return made
            found = found or made
        if found is None:
            raise fault
        return found

    @property
    def _frugal(self) -> bool:
        return self._count > _FRUGAL_AFTER

    def _one_of(
        self,
        choice: str,
        flat: NormalizedSchema,
        wanted: Any,
        refs: frozenset[str],
        *,
        depth: int,
        name: str,
        variation: int,
    ) -> tuple[Any, bool]:
        base = {key: value for key, value in flat.items() if key != choice}
        options = list(flat[choice])
        shift = self._turn % max(1, len(options))
        options = options[shift:] + options[:shift]
        if self._frugal:
            options.sort(key=lambda option: isinstance(option, Mapping) and "$ref" in option)
        found: tuple[Any, bool] | None = None
        fault = SchemaError(f"an {choice} is empty")
        for option in options:
            both = {"allOf": [base, option]}
            try:
                made = self.generate(both, wanted, refs, depth=depth, name=name, variation=variation)
            except SchemaError as error:
                fault = error
                continue
            if made[1] or wanted is NO_VALUE or self._frugal:
                return made
            found = found or made
        if found is None:
            raise fault
        return found

    @staticmethod
    def _allowed(flat: NormalizedSchema) -> list[Any]:
        types = flat.get("type")
        if types is None:
            return list(flat["enum"])
        kinds = {types} if isinstance(types, str) else set(types)
        return [option for option in flat["enum"] if kinds & _kinds_of(option)]

    @staticmethod
    def _kinds(flat: NormalizedSchema, wanted: Any) -> list[str]:
        types = flat.get("type")
        if types is not None:
            kinds = [types] if isinstance(types, str) else list(types)
            own = () if wanted is NO_VALUE else _NATIVE.get(type(wanted), ("null",))
            return sorted(kinds, key=lambda kind: (kind not in own, kind == "null"))
        for kind, names in _ABSENT_TYPE:
            if any(name in flat for name in names):
                return [kind]
        return ["any"]

    def _of_kind(
        self,
        kind: str,
        flat: NormalizedSchema,
        wanted: Any,
        refs: frozenset[str],
        *,
        depth: int,
        name: str,
        variation: int,
    ) -> tuple[Any, bool]:
        match kind:
            case "object":
                return self._object(flat, wanted, refs, depth=depth, variation=variation)
            case "array":
                return self._array(flat, wanted, refs, depth=depth, name=name)
            case "any":
                return (name, False) if wanted is NO_VALUE else (wanted, True)
            case _:
                return generate_scalar(kind, flat, wanted, name=name, variation=variation)

    def _object(
        self, flat: NormalizedSchema, wanted: Any, refs: frozenset[str], *, depth: int, variation: int
    ) -> tuple[Any, bool]:
        declared: Mapping[str, Any] = flat.get("properties", {})
        required = dict.fromkeys(flat.get("required", ()))
        others = flat.get("additionalProperties", True)
        if "properties" not in flat and others is not False and not required and wanted is not NO_VALUE:
            free = wanted if isinstance(wanted, dict) else {self._names[0]: wanted}
            if others is True and "minProperties" not in flat:
                return free, True
        names = [*declared, *[key for key in required if key not in declared]]
        if depth >= _FULL_DEPTH or self._frugal:
            names = [key for key in names if key in required]
        by_name = isinstance(wanted, Mapping) and any(key in wanted for key in names)
        order = names if by_name or wanted is NO_VALUE else self._rank_properties(names, declared, wanted)
        made: dict[str, Any] = {}
        placed = False
        for key in order:
            part = wanted.get(key, NO_VALUE) if by_name else NO_VALUE if placed else wanted
            try:
                made[key], held = self.generate(
                    declared.get(key, others), part, refs, depth=depth + 1, name=key, variation=variation
                )
            except SchemaError:
                if key in required:
                    raise
                continue
            placed = placed or held
        made = {key: made[key] for key in names if key in made}
        self._add_properties(made, flat, refs, depth=depth)
        return made, placed

    def _add_properties(
        self, made: dict[str, Any], flat: NormalizedSchema, refs: frozenset[str], *, depth: int
    ) -> None:
        """Bring the number of properties within its bounds."""
        least, most = flat.get("minProperties", 0), flat.get("maxProperties")
        if least > _MOST_ITEMS:
            raise SchemaError(f"an object of {least} properties is asked for; {_MOST_ITEMS} are the most here")
        required = frozenset(flat.get("required", ()))
        optional = [key for key in made if key not in required]
        while most is not None and len(made) > most and optional:
            del made[optional.pop()]
        number = 0
        while len(made) < least:
            number += 1
            key = f"property{number}"
            if key not in made:
                made[key], _ = self.generate(
                    flat.get("additionalProperties", True), NO_VALUE, refs, depth=depth + 1, name=key
                )

    def _rank_properties(self, names: list[str], declared: Mapping[str, Any], wanted: Any) -> list[str]:
        native = _NATIVE.get(type(wanted), ())

        def rank(name: str) -> tuple[bool, int, bool]:
            schema = declared.get(name)
            types = schema.get("type", ()) if isinstance(schema, Mapping) else ()
            kinds = (types,) if isinstance(types, str) else tuple(types)
            known = self._names.index(name) if name in self._names else len(self._names)
            return _WORK.search(name) is not None, known, not set(kinds) & set(native)

        return sorted(names, key=rank)

    def _array(
        self, flat: NormalizedSchema, wanted: Any, refs: frozenset[str], *, depth: int, name: str
    ) -> tuple[list[Any], bool]:
        first, rest = list(flat.get("prefixItems", ())), flat.get("items", True)
        if "contains" in flat:
            rest = {"allOf": [rest, flat["contains"]]}
        least = max(flat.get("minItems", 0), flat.get("minContains", 1) if "contains" in flat else 0)
        if least > _MOST_ITEMS:
            raise SchemaError(f"a list of {least} items is asked for; {_MOST_ITEMS} are the most here")
        most = min(flat.get("maxItems", _MOST_ITEMS), _MOST_ITEMS)
        values: list[Any] = list(wanted) if isinstance(wanted, list) else [wanted]
        usual = len(values) if isinstance(wanted, list) else len(first) or 1
        if (depth >= _FULL_DEPTH or self._frugal) and not isinstance(wanted, list):
            usual = 0
        made: list[Any] = []
        placed = isinstance(wanted, list) and not wanted
        for position in range(min(max(least, usual), most)):
            if position >= len(first) and rest is False:
                break
            try:
                item, held = self.generate(
                    first[position] if position < len(first) else rest,
                    values[position] if position < len(values) else NO_VALUE,
                    refs,
                    depth=depth + 1,
                    name=name,
                    variation=position if flat.get("uniqueItems") else 0,
                )
            except SchemaError:
                if position < least:
                    raise
                break
            made.append(item)
            placed = placed or held
        return made, placed


def _kinds_of(value: Any) -> set[str]:
    if isinstance(value, float) and value.is_integer():
        return {"integer", "number"}
    return set(_NATIVE.get(type(value), ("null",)))
