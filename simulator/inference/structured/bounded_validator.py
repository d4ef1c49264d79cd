"""What says whether an instance is valid: `jsonschema`, within a budget of steps and of tries of expressions."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, Final, TypeAlias

from simulator.inference.structured.budget import Budget
from simulator.inference.structured.pattern_generator import PatternError
from simulator.inference.structured.pattern_search import is_cheap_to_match, matches_pattern

_Keyword: TypeAlias = Callable[[Any, Any, Any, Any], Iterator[Any] | None]

_BUDGET: Final[ContextVar[Budget]] = ContextVar("budget")
_A_STEP: Final = 16  # comparisons
MAX_NAME_LENGTH: Final = 64  # of a property, where patterns of names are given
_BY_NAMES: Final = ("patternProperties", "additionalProperties", "unevaluatedProperties")


@contextmanager
def use_budget(budget: Budget) -> Iterator[None]:
    """Have what is judged meanwhile count its steps; `SpentError` ends it, and `PatternError` what is too involved."""
    token = _BUDGET.set(budget)
    try:
        yield
    finally:
        _BUDGET.reset(token)


@cache
def bounded_validator(validator: Any) -> Any:
    """Return a class of validators that judges as one of `jsonschema`'s does, within a budget: see `limited_by`."""
    from jsonschema.validators import extend  # noqa: PLC0415  a tenth of a second that most callers never need

    keywords = {**validator.VALIDATORS, "pattern": _pattern}
    counted = {name: _counted(name, keyword) for name, keyword in keywords.items()}
    return extend(validator, counted)  # type: ignore[no-untyped-call]  # its stub has no types


def _counted(name: str, keyword: _Keyword) -> _Keyword:
    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        budget = _BUDGET.get()
        budget.spend(1 + _comparisons(name, value, instance) // _A_STEP)
        if name in _BY_NAMES:
            _check_names(schema, instance)
        budget.enter_level()
        try:
            yield from keyword(validator, value, instance, schema) or ()
        finally:
            budget.leave_level()

    return counted


def _comparisons(name: str, value: Any, instance: Any) -> int:
    if name == "uniqueItems" and isinstance(instance, list):
        return len(instance) ** 2
    return _size(value) if name in ("enum", "const", "required") else 0


def _size(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + sum(map(_size, value.values()))
    return 1 + sum(map(_size, value)) if isinstance(value, list) else 1


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415

    if validator.is_type(instance, "string") and not matches_pattern(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _check_names(schema: Mapping[str, Any], instance: Any) -> None:
    patterns = schema.get("patternProperties")
    if not (patterns and isinstance(instance, Mapping)):
        return
    longest = max(map(len, instance), default=0)
    if longest > MAX_NAME_LENGTH:
        raise PatternError(f"patternProperties are tried on names of up to {MAX_NAME_LENGTH} characters, not {longest}")


def check_name_pattern(pattern: str) -> None:
    """Make sure that an expression can be tried on any name of a property.

    Raises:
        PatternError: it is too involved for that, or cannot be read.
    """
    if not is_cheap_to_match(pattern, MAX_NAME_LENGTH):
        raise PatternError(f"the pattern {pattern!r} of names is too involved; use a simpler one")
