"""Numbers, strings and the like: an instance of a schema without parts, with the wanted value where it fits."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, isfinite
from typing import Any, Final

from simulator.inference.structured.pattern_generator import PatternError
from simulator.inference.structured.pattern_search import generate_matching_text, matches_pattern
from simulator.inference.structured.schema_error import SchemaError

NO_VALUE: Final = object()  # no value is wanted; None is JSON's null

_LONGEST: Final = 10_000
_LARGEST: Final = 10**18  # a float still says whether it is whole
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


def choose_option(options: list[Any], wanted: Any, variation: int) -> tuple[Any, bool]:
    """Return the option that is `wanted`, else one by its number, and whether it was wanted."""
    if not options:
        raise SchemaError("an enum has no values in common with the rest of its schema")
    for option in options:
        if json_equal(option, wanted) or (
            isinstance(wanted, str) and str(option).casefold() == wanted.strip().casefold()
        ):
            return option, True
    return options[variation % len(options)], False


def json_equal(one: Any, other: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def generate_scalar(
    kind: str, schema: Mapping[str, Any], wanted: Any, *, name: str, variation: int
) -> tuple[Any, bool]:
    """Return an instance of a type without parts and whether it is what was wanted.

    Raises:
        SchemaError: the schema leaves no room for one.
    """
    if kind == "null":
        return None, wanted is None
    if kind == "boolean":
        held = _boolean(wanted)
        return (variation % 2 == 1, False) if held is None else (held, True)
    if kind in ("integer", "number"):
        return _number(kind, schema, wanted, variation)
    return _string(schema, wanted, name, variation)


def _boolean(wanted: Any) -> bool | None:
    if isinstance(wanted, bool):
        return wanted
    if isinstance(wanted, str) and wanted.strip().casefold() in _YES | _NO:
        return wanted.strip().casefold() in _YES
    return None


def _number(kind: str, flat: Mapping[str, Any], wanted: Any, variation: int) -> tuple[int | float, bool]:
    whole = kind == "integer"
    value = _as_number(wanted)
    if value is not None and _fits(value, flat) and (not whole or float(value).is_integer()):
        return (int(value) if whole else value), True
    for given in (flat.get("default"), *flat.get("examples", ())):
        ready = _as_number(given) if isinstance(given, int | float) and not variation else None
        if ready is not None and _fits(ready, flat) and (not whole or float(ready).is_integer()):
            return ready, False
    low, high = _bound(flat, "minimum", "exclusiveMinimum"), _bound(flat, "maximum", "exclusiveMaximum")
    for step in _steps(flat, whole=whole):
        made = _between(low, high, step) + (step or 1) * variation
        number = int(made) if whole or made.denominator == 1 else float(made)
        if _fits(number, flat):
            return number, False
    raise SchemaError("a number has no room between its bounds")


def _steps(flat: Mapping[str, Any], *, whole: bool) -> list[Fraction | None]:
    """Return what a number may be a multiple of, whole numbers first: 0.3 / 0.1 is not 3 in floating point."""
    if "multipleOf" not in flat:
        return [Fraction(1) if whole else None]
    step = Fraction(Decimal(str(flat["multipleOf"])))
    even = Fraction(step.numerator)
    return [even] if whole else [even, step]


def _as_number(wanted: Any) -> int | float | None:
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return wanted if abs(wanted) <= _LARGEST else None
    if isinstance(wanted, str):
        plain = wanted.strip().replace(",", "").lstrip("$")
        if _NUMBER.fullmatch(plain):
            return float(plain) if "." in plain else int(plain)
    return None


def _bound(flat: Mapping[str, Any], inclusive: str, exclusive: str) -> tuple[Fraction, bool] | None:
    """Return a bound and whether it may be reached."""
    bounds = [
        (Fraction(Decimal(str(flat[name]))), name == inclusive) for name in (inclusive, exclusive) if name in flat
    ]
    if not bounds:
        return None
    tightest = max if inclusive == "minimum" else min
    value = tightest(bound for bound, _ in bounds)
    return value, all(reached for bound, reached in bounds if bound == value)


def _between(low: tuple[Fraction, bool] | None, high: tuple[Fraction, bool] | None, step: Fraction | None) -> Fraction:
    """Return 0 if it lies between the bounds, else what is nearest to it."""
    if step:
        times = 0
        if low:
            bound, reached = low
            times = max(times, ceil(bound / step) if reached else floor(bound / step) + 1)
        if high:
            bound, reached = high
            times = min(times, floor(bound / step) if reached else ceil(bound / step) - 1)
        return step * times
    if low and high and not (low[1] and high[1]):
        within = low[0] < 0 < high[0]
        return Fraction(0) if within else (low[0] + high[0]) / 2
    if low and (low[0] > 0 or (low[0] == 0 and not low[1])):
        return low[0] if low[1] else low[0] + 1
    if high and (high[0] < 0 or (high[0] == 0 and not high[1])):
        return high[0] if high[1] else high[0] - 1
    return Fraction(0)


def _fits(value: float, flat: Mapping[str, Any]) -> bool:
    checks: Mapping[str, Callable[[Any], bool]] = {
        "minimum": lambda bound: value >= bound,
        "maximum": lambda bound: value <= bound,
        "exclusiveMinimum": lambda bound: value > bound,
        "exclusiveMaximum": lambda bound: value < bound,
        "multipleOf": lambda bound: Fraction(Decimal(str(value))) % Fraction(Decimal(str(bound))) == 0,
    }
    return isfinite(value) and all(holds(flat[name]) for name, holds in checks.items() if name in flat)


def _string(flat: Mapping[str, Any], wanted: Any, name: str, variation: int) -> tuple[str, bool]:
    low, high = flat.get("minLength", 0), flat.get("maxLength")
    if low > _LONGEST:
        raise SchemaError(f"a string of {low} characters is asked for; {_LONGEST} are the most here")
    pattern, form = flat.get("pattern"), _FORMATS.get(flat.get("format", ""))

    def fits(text: str) -> bool:
        return len(text) >= low and (high is None or len(text) <= high)

    text = _as_text(wanted)
    if text is not None and fits(text) and form is None and _matches(pattern, text):
        return text, True
    for given in (flat.get("default"), *flat.get("examples", ())):
        if isinstance(given, str) and not variation and fits(given) and _matches(pattern, given):
            return given, False
    if form is not None and fits(form) and _matches(pattern, form):
        return form, False
    if pattern is not None:
        return generate_matching_text(pattern, min_length=low, max_length=high), False
    made = f"{name}{variation or ''}" or "text"
    made = made.ljust(low, "x")
    if high is not None and len(made) > high:
        made = (f"{variation}" if variation else "x" * low).rjust(low, "x")[:high]
    if not fits(made):
        raise SchemaError("a string has no room between minLength and maxLength")
    return made, False


def _as_text(wanted: Any) -> str | None:
    if isinstance(wanted, str):
        return wanted
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return str(wanted)
    return None


def _matches(pattern: str | None, text: str) -> bool:
    """Whether a text is known to match: an expression that could take for ever on it is not tried."""
    try:
        return pattern is None or matches_pattern(pattern, text)
    except PatternError:
        return False
