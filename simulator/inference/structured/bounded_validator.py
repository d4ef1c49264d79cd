"""Validators of `jsonschema` with a budget of steps and a limit for the cost of patterns."""

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
_COMPARISONS_PER_STEP: Final = 16
MAX_NAME_LENGTH: Final = 64  # limit for property names if the schema has `patternProperties`
_NAME_KEYWORDS: Final = ("patternProperties", "additionalProperties", "unevaluatedProperties")


@contextmanager
def use_budget(budget: Budget) -> Iterator[None]:
    """Count the steps of validators in this context.

    A validator raises BudgetExceededError if it takes too many steps, and PatternError if a pattern is too complex.
    """
    token = _BUDGET.set(budget)
    try:
        yield
    finally:
        _BUDGET.reset(token)


@cache
def bounded_validator(validator: Any) -> Any:
    """Return a variant of a `jsonschema` validator class that counts its steps: see `use_budget`."""
    from jsonschema.validators import extend  # noqa: PLC0415  the import takes a tenth of a second

    keywords = {**validator.VALIDATORS, "pattern": _pattern}
    counted_keywords = {name: _with_step_count(name, keyword) for name, keyword in keywords.items()}
    return extend(validator, counted_keywords)  # type: ignore[no-untyped-call]  # its stub has no types


def _with_step_count(name: str, keyword: _Keyword) -> _Keyword:
    def counted_keyword(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        budget = _BUDGET.get()
        budget.spend(1 + _count_comparisons(name, value, instance) // _COMPARISONS_PER_STEP)
        if name in _NAME_KEYWORDS:
            _check_names(schema, instance)
        budget.enter_level()
        try:
            yield from keyword(validator, value, instance, schema) or ()
        finally:
            budget.leave_level()

    return counted_keyword


def _count_comparisons(name: str, value: Any, instance: Any) -> int:
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
        raise PatternError(
            f"patternProperties are matched against names of up to {MAX_NAME_LENGTH} characters, not {longest}"
        )


def check_name_pattern(pattern: str) -> None:
    """Check that a pattern is cheap to match on all property names.

    Raises:
        PatternError: it is too complex or cannot be parsed.
    """
    if not is_cheap_to_match(pattern, MAX_NAME_LENGTH):
        raise PatternError(f"the pattern {pattern!r} of names is too complex; use a simpler one")
