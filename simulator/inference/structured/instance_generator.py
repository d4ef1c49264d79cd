"""The walk through a schema that makes one instance of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from simulator.inference.structured.budget import Budget
from simulator.inference.structured.scalar_generator import NOTHING, chosen, leaf, same
from simulator.inference.structured.schema_error import SchemaError
from simulator.inference.structured.schema_normalizer import Flat, flattened

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


class Maker:
    """Makes one instance. `turn` shifts the order in which alternatives are tried; `budget` ends what goes too far."""

    def __init__(self, *, root: Any, key: str, turn: int, budget: Budget) -> None:
        self._root = root
        self._names = (key, *_ANSWERS)
        self._turn = turn
        self._count = 0
        self._budget = budget

    def made(
        self, schema: Any, wanted: Any, refs: frozenset[str], *, depth: int, name: str, variation: int = 0
    ) -> tuple[Any, bool]:
        """Return (instance, whether it holds what is wanted).

        Raises:
            SchemaError: there is none.
            SpentError: of the budget.
        """
        self._count += 1
        flat, refs = flattened(schema, self._root, refs, self._budget)
        for choice in ("anyOf", "oneOf"):
            if choice in flat:
                return self._one_of(choice, flat, wanted, refs, depth=depth, name=name, variation=variation)
        if "const" in flat:
            return flat["const"], same(flat["const"], wanted)
        if "enum" in flat:
            self._budget.spend(len(flat["enum"]))
            return chosen(self._allowed(flat), wanted, variation)
        found: tuple[Any, bool] | None = None
        fault = SchemaError("a part of the schema allows no type")
        for kind in self._kinds(flat, wanted):
            try:
                made = self._of_kind(kind, flat, wanted, refs, depth=depth, name=name, variation=variation)
            except SchemaError as error:
                fault = error
                continue
            if made[1] or wanted is NOTHING:
                return made
            found = found or made
        if found is None:
            raise fault
        return found

    @property
    def _frugal(self) -> bool:
        return self._count > _FRUGAL_AFTER

    def _one_of(
        self, choice: str, flat: Flat, wanted: Any, refs: frozenset[str], *, depth: int, name: str, variation: int
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
                made = self.made(both, wanted, refs, depth=depth, name=name, variation=variation)
            except SchemaError as error:
                fault = error
                continue
            if made[1] or wanted is NOTHING or self._frugal:
                return made
            found = found or made
        if found is None:
            raise fault
        return found

    @staticmethod
    def _allowed(flat: Flat) -> list[Any]:
        types = flat.get("type")
        if types is None:
            return list(flat["enum"])
        kinds = {types} if isinstance(types, str) else set(types)
        return [option for option in flat["enum"] if kinds & _kinds_of(option)]

    @staticmethod
    def _kinds(flat: Flat, wanted: Any) -> list[str]:
        types = flat.get("type")
        if types is not None:
            kinds = [types] if isinstance(types, str) else list(types)
            own = () if wanted is NOTHING else _NATIVE.get(type(wanted), ("null",))
            return sorted(kinds, key=lambda kind: (kind not in own, kind == "null"))
        for kind, names in _ABSENT_TYPE:
            if any(name in flat for name in names):
                return [kind]
        return ["any"]

    def _of_kind(
        self, kind: str, flat: Flat, wanted: Any, refs: frozenset[str], *, depth: int, name: str, variation: int
    ) -> tuple[Any, bool]:
        match kind:
            case "object":
                return self._object(flat, wanted, refs, depth=depth, variation=variation)
            case "array":
                return self._array(flat, wanted, refs, depth=depth, name=name)
            case "any":
                return (name, False) if wanted is NOTHING else (wanted, True)
            case _:
                return leaf(kind, flat, wanted, name=name, variation=variation)

    def _object(self, flat: Flat, wanted: Any, refs: frozenset[str], *, depth: int, variation: int) -> tuple[Any, bool]:
        declared: Mapping[str, Any] = flat.get("properties", {})
        required = dict.fromkeys(flat.get("required", ()))
        others = flat.get("additionalProperties", True)
        if "properties" not in flat and others is not False and not required and wanted is not NOTHING:
            free = wanted if isinstance(wanted, dict) else {self._names[0]: wanted}
            if others is True and "minProperties" not in flat:
                return free, True
        names = [*declared, *[key for key in required if key not in declared]]
        if depth >= _FULL_DEPTH or self._frugal:
            names = [key for key in names if key in required]
        by_name = isinstance(wanted, Mapping) and any(key in wanted for key in names)
        order = names if by_name or wanted is NOTHING else self._preferred(names, declared, wanted)
        made: dict[str, Any] = {}
        placed = False
        for key in order:
            part = wanted.get(key, NOTHING) if by_name else NOTHING if placed else wanted
            try:
                made[key], held = self.made(
                    declared.get(key, others), part, refs, depth=depth + 1, name=key, variation=variation
                )
            except SchemaError:
                if key in required:
                    raise
                continue
            placed = placed or held
        made = {key: made[key] for key in names if key in made}
        self._fill(made, flat, refs, depth=depth)
        return made, placed

    def _fill(self, made: dict[str, Any], flat: Flat, refs: frozenset[str], *, depth: int) -> None:
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
                made[key], _ = self.made(
                    flat.get("additionalProperties", True), NOTHING, refs, depth=depth + 1, name=key
                )

    def _preferred(self, names: list[str], declared: Mapping[str, Any], wanted: Any) -> list[str]:
        native = _NATIVE.get(type(wanted), ())

        def rank(name: str) -> tuple[bool, int, bool]:
            schema = declared.get(name)
            types = schema.get("type", ()) if isinstance(schema, Mapping) else ()
            kinds = (types,) if isinstance(types, str) else tuple(types)
            known = self._names.index(name) if name in self._names else len(self._names)
            return _WORK.search(name) is not None, known, not set(kinds) & set(native)

        return sorted(names, key=rank)

    def _array(self, flat: Flat, wanted: Any, refs: frozenset[str], *, depth: int, name: str) -> tuple[list[Any], bool]:
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
                item, held = self.made(
                    first[position] if position < len(first) else rest,
                    values[position] if position < len(values) else NOTHING,
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
