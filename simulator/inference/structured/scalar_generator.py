"""Generates numbers, strings, booleans and null, with the given value if it fits."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, isfinite
from typing import Any, Final

from simulator.inference.structured.pattern_generator import PatternError
from simulator.inference.structured.pattern_search import generate_matching_text, matches_pattern
from simulator.inference.structured.schema_error import SchemaError

NO_VALUE: Final = object()  # there is no value to place; None is JSON null

_MAX_LENGTH: Final = 10_000
_MAX_NUMBER: Final = 10**18  # floats up to here show whether they are whole
_FORMATS: Final = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "idn-email": "someone@example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "iri": "https://example.com/",
    "iri-reference": "https://example.com/",
    "json-pointer": "/a",
    "regex": "a",
    "relative-json-pointer": "0",
    "time": "00:00:00Z",
    "uri": "https://example.com/",
    "uri-reference": "https://example.com/",
    "uri-template": "https://example.com/{a}",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_YES: Final = frozenset({"true", "yes"})
_NO: Final = frozenset({"false", "no"})
_NUMBER: Final = re.compile(r"[-+]?\d{1,18}(\.\d{1,18})?")


def choose_option(options: list[Any], value: Any, variation: int) -> tuple[Any, bool]:
    """Return the option that equals `value`, or else the one at `variation`, and whether it equals the value."""
    if not options:
        raise SchemaError("an enum has no values in common with the rest of its schema")
    for option in options:
        if json_equal(option, value) or (isinstance(value, str) and str(option).casefold() == value.strip().casefold()):
            return option, True
    return options[variation % len(options)], False


def json_equal(first: Any, second: Any) -> bool:
    """Return whether two JSON values are equal: true is not 1."""
    return isinstance(first, bool) == isinstance(second, bool) and bool(first == second)


def generate_scalar(kind: str, schema: Mapping[str, Any], value: Any, *, name: str, variation: int) -> tuple[Any, bool]:
    """Return an instance of a scalar type, and whether it is the value.

    Raises:
        SchemaError: no instance satisfies the schema.
    """
    if kind == "null":
        return None, value is None
    if kind == "boolean":
        boolean = _as_boolean(value)
        return (variation % 2 == 1, False) if boolean is None else (boolean, True)
    if kind in ("integer", "number"):
        return _number(kind, schema, value, variation)
    return _string(schema, value, name, variation)


def _as_boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().casefold() in _YES | _NO:
        return value.strip().casefold() in _YES
    return None


def _number(kind: str, schema: Mapping[str, Any], value: Any, variation: int) -> tuple[int | float, bool]:
    is_whole = kind == "integer"
    preferred = _as_number(value)
    if preferred is not None and _fits(preferred, schema) and (not is_whole or float(preferred).is_integer()):
        return (int(preferred) if is_whole else preferred), True
    for example in (schema.get("default"), *schema.get("examples", ())):
        number = _as_number(example) if isinstance(example, int | float) and not variation else None
        if number is not None and _fits(number, schema) and (not is_whole or float(number).is_integer()):
            return number, False
    low, high = _bound(schema, "minimum", "exclusiveMinimum"), _bound(schema, "maximum", "exclusiveMaximum")
    for step in _steps(schema, is_whole=is_whole):
        exact = _nearest_to_zero(low, high, step) + (step or 1) * variation
        number = int(exact) if is_whole or exact.denominator == 1 else float(exact)
        if _fits(number, schema):
            return number, False
    raise SchemaError("no number is within the bounds")


def _steps(schema: Mapping[str, Any], *, is_whole: bool) -> list[Fraction | None]:
    """Return possible steps between numbers, whole ones first, because 0.3 / 0.1 is not 3 in floating point."""
    if "multipleOf" not in schema:
        return [Fraction(1) if is_whole else None]
    step = Fraction(Decimal(str(schema["multipleOf"])))
    whole_step = Fraction(step.numerator)
    return [whole_step] if is_whole else [whole_step, step]


def _as_number(value: Any) -> int | float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if abs(value) <= _MAX_NUMBER else None
    if isinstance(value, str):
        plain = value.strip().replace(",", "").lstrip("$")
        if _NUMBER.fullmatch(plain):
            return float(plain) if "." in plain else int(plain)
    return None


def _bound(schema: Mapping[str, Any], inclusive: str, exclusive: str) -> tuple[Fraction, bool] | None:
    """Return a bound, and whether it is inclusive."""
    bounds = [
        (Fraction(Decimal(str(schema[name]))), name == inclusive) for name in (inclusive, exclusive) if name in schema
    ]
    if not bounds:
        return None
    tightest = max if inclusive == "minimum" else min
    value = tightest(bound for bound, _ in bounds)
    return value, all(is_inclusive for bound, is_inclusive in bounds if bound == value)


def _nearest_to_zero(
    low: tuple[Fraction, bool] | None, high: tuple[Fraction, bool] | None, step: Fraction | None
) -> Fraction:
    """Return 0 if it is between the bounds, or else the nearest number."""
    if step:
        times = 0
        if low:
            bound, is_inclusive = low
            times = max(times, ceil(bound / step) if is_inclusive else floor(bound / step) + 1)
        if high:
            bound, is_inclusive = high
            times = min(times, floor(bound / step) if is_inclusive else ceil(bound / step) - 1)
        return step * times
    if low and high and not (low[1] and high[1]):
        within = low[0] < 0 < high[0]
        return Fraction(0) if within else (low[0] + high[0]) / 2
    if low and (low[0] > 0 or (low[0] == 0 and not low[1])):
        return low[0] if low[1] else low[0] + 1
    if high and (high[0] < 0 or (high[0] == 0 and not high[1])):
        return high[0] if high[1] else high[0] - 1
    return Fraction(0)


def _fits(value: float, schema: Mapping[str, Any]) -> bool:
    checks: Mapping[str, Callable[[Any], bool]] = {
        "minimum": lambda bound: value >= bound,
        "maximum": lambda bound: value <= bound,
        "exclusiveMinimum": lambda bound: value > bound,
        "exclusiveMaximum": lambda bound: value < bound,
        "multipleOf": lambda bound: Fraction(Decimal(str(value))) % Fraction(Decimal(str(bound))) == 0,
    }
    return isfinite(value) and all(is_met(schema[name]) for name, is_met in checks.items() if name in schema)


def _string(schema: Mapping[str, Any], value: Any, name: str, variation: int) -> tuple[str, bool]:
    low, high = schema.get("minLength", 0), schema.get("maxLength")
    if low > _MAX_LENGTH:
        raise SchemaError(f"a string needs {low} characters; at most {_MAX_LENGTH} are supported")
    pattern, format_example = schema.get("pattern"), _FORMATS.get(schema.get("format", ""))

    def fits(text: str) -> bool:
        return len(text) >= low and (high is None or len(text) <= high)

    text = _as_text(value)
    if text is not None and fits(text) and format_example is None and _matches(pattern, text):
        return text, True
    for example in (schema.get("default"), *schema.get("examples", ())):
        if isinstance(example, str) and not variation and fits(example) and _matches(pattern, example):
            return example, False
    if format_example is not None and fits(format_example) and _matches(pattern, format_example):
        return format_example, False
    if pattern is not None:
        return generate_matching_text(pattern, min_length=low, max_length=high), False
    filler = f"{name}{variation or ''}" or "text"
    filler = filler.ljust(low, "x")
    if high is not None and len(filler) > high:
        filler = (f"{variation}" if variation else "x" * low).rjust(low, "x")[:high]
    if not fits(filler):
        raise SchemaError("no string is within minLength and maxLength")
    return filler, False


def _as_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def _matches(pattern: str | None, text: str) -> bool:
    """Return whether a text matches; False if the pattern is too complex to try."""
    try:
        return pattern is None or matches_pattern(pattern, text)
    except PatternError:
        return False
