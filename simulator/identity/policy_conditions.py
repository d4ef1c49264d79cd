"""The Condition block of an IAM policy statement.

Operators, their negations and sets: "IAM JSON policy elements: Condition operators" and "Single-valued vs.
multivalued context keys" in the IAM user guide (DOCUMENTED).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

ConditionContext = Mapping[str, str | Sequence[str]]
"""Condition keys, in upper or lower case, each with one value or several."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_ESCAPABLE = ("*", "?", "$")


class MalformedPolicy(ValueError):  # noqa: N818 - IAM names it MalformedPolicyDocument
    """A policy has an operator or a value that IAM does not accept."""


def evaluate_conditions(
    block: Mapping[str, Mapping[str, object]] | None, *, context: ConditionContext, expand_variables: bool
) -> bool:
    """Whether every condition of a statement holds. An absent block always holds.

    `expand_variables`: replace `${...}`, as in policies of version 2012-10-17.

    Raises:
        MalformedPolicy: IAM has no such operator, or a value has the wrong type for it.
    """
    if not block:
        return True
    lowercase_context = {key.lower(): value for key, value in context.items()}
    return all(
        _is_met(
            operator,
            expected=as_string_list(expected),
            actual=lowercase_context.get(key.lower()),
            context=lowercase_context,
            variables=expand_variables,
        )
        for operator, keys in block.items()
        for key, expected in keys.items()
    )


def compile_pattern(
    text: str, *, context: ConditionContext, expand_variables: bool, ignore_case: bool = False
) -> re.Pattern[str] | None:
    """Compile a pattern of `*`, `?` and, with `expand_variables`, `${key}` and `${key, 'default'}`.

    The value of a variable matches literally. Returns None when a variable has no value: the pattern matches nothing.
    """
    if not (expand_variables and "${" in text):
        return _compile_cached(text, ignore_case)
    lowercase_context = {key.lower(): value for key, value in context.items()}
    parts: list[str | None] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        value = _resolve_variable(match[1], lowercase_context)
        if value is None:
            return None
        parts += [*_regex_parts(text[end : match.start()]), re.escape(value)]
        end = match.end()
    return _join_parts([*parts, *_regex_parts(text[end:])], ignore_case=ignore_case)


def statement_context_keys(statement: Mapping[str, Any], *, expand_variables: bool) -> list[str]:
    """Return the condition keys that a statement names: in its conditions, and as variables without a default."""
    block: Mapping[str, Mapping[str, object]] = statement.get("Condition") or {}
    texts = [*as_string_list(statement.get("Resource", [])), *as_string_list(statement.get("NotResource", []))]
    keys: list[str] = []
    for conditions in block.values():
        keys += conditions
        texts += [text for expected in conditions.values() for text in as_string_list(expected)]
    names = (match[1] for text in texts for match in _VARIABLE.finditer(text)) if expand_variables else ()
    return keys + [name.strip() for name in names if name not in _ESCAPABLE and "," not in name]


def as_string_list(value: object) -> list[str]:
    """Return a policy element, which may be one value or a list, as a list of strings."""
    values = value if isinstance(value, list | tuple) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in values]


def _resolve_variable(name: str, context: ConditionContext) -> str | None:
    if name in _ESCAPABLE:
        return name
    key, _, default = name.partition(",")
    value = context.get(key.strip().lower())
    if isinstance(value, str):
        return value
    return default.strip().strip("'") if default else None


@lru_cache(4096)
def _compile_cached(text: str, ignore_case: bool) -> re.Pattern[str]:
    return _join_parts(_regex_parts(text), ignore_case=ignore_case)


def _regex_parts(text: str) -> list[str | None]:
    """Translate a pattern character by character; None stands for `*`."""
    return [None if letter == "*" else "." if letter == "?" else re.escape(letter) for letter in text]


def _join_parts(parts: Iterable[str | None], *, ignore_case: bool) -> re.Pattern[str]:
    """Compile a pattern, with the text between two `*` in an atomic group.

    The first match of such a piece is as good as any later one, so backtracking is useless. A caller often chooses
    the text (a User-Agent), and the time for plain `.*` would grow with a power of its length.
    """
    pieces: list[str] = [""]
    for part in parts:
        if part is None:
            pieces.append("")
        else:
            pieces[-1] += part
    first, *others = pieces
    tail = "".join(f"(?>.*?{piece})" for piece in others[:-1] if piece) + f".*{others[-1]}" if others else ""
    return re.compile(first + tail, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


ConditionTest = Callable[[str, re.Pattern[str] | None, str], bool]
"""Takes the request's value, the policy's value as a compiled pattern and the policy's value as text."""


def _matches_pattern(actual: str, pattern: re.Pattern[str] | None, _text: str) -> bool:
    return pattern is not None and pattern.fullmatch(actual) is not None


def _matches_arn(actual: str, _pattern: re.Pattern[str] | None, text: str) -> bool:
    # Each of the six parts is matched by itself: a wildcard does not span the first five colons.
    patterns, values = text.split(":", 5), actual.split(":", 5)
    return len(patterns) == len(values) and all(
        _compile_cached(part, ignore_case=False).fullmatch(value) is not None
        for part, value in zip(patterns, values, strict=True)
    )


def _make_numeric_test(compare: Callable[[float, float], bool]) -> ConditionTest:
    def test(actual: str, _pattern: re.Pattern[str] | None, text: str) -> bool:
        try:
            return compare(float(actual), float(text))
        except ValueError as error:
            raise MalformedPolicy(f"a numeric condition compares {actual!r} with {text!r}") from error

    return test


def _make_date_test(compare: Callable[[datetime, datetime], bool]) -> ConditionTest:
    def test(actual: str, _pattern: re.Pattern[str] | None, text: str) -> bool:
        return compare(_parse_date(actual), _parse_date(text))

    return test


def _parse_date(text: str) -> datetime:
    try:
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return datetime.fromtimestamp(float(text), tz=UTC)
        date = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as error:  # the last two: the seconds are beyond the calendar
        raise MalformedPolicy(f"{text!r} is not a date of a condition") from error
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _is_in_network(actual: str, _pattern: re.Pattern[str] | None, text: str) -> bool:
    try:
        return ip_address(actual) in ip_network(text, strict=False)
    except ValueError as error:
        raise MalformedPolicy(f"an address condition compares {actual!r} with {text!r}") from error


_TESTS: dict[str, ConditionTest] = {
    "StringEquals": lambda actual, _pattern, text: actual == text,
    "StringEqualsIgnoreCase": lambda actual, _pattern, text: actual.lower() == text.lower(),
    "StringLike": _matches_pattern,
    "ArnEquals": _matches_arn,
    "ArnLike": _matches_arn,
    "Bool": lambda actual, _pattern, text: actual.lower() == text.lower(),
    "BinaryEquals": lambda actual, _pattern, text: actual == text,
    "IpAddress": _is_in_network,
    "NumericEquals": _make_numeric_test(lambda actual, bound: actual == bound),
    "NumericLessThan": _make_numeric_test(lambda actual, bound: actual < bound),
    "NumericLessThanEquals": _make_numeric_test(lambda actual, bound: actual <= bound),
    "NumericGreaterThan": _make_numeric_test(lambda actual, bound: actual > bound),
    "NumericGreaterThanEquals": _make_numeric_test(lambda actual, bound: actual >= bound),
    "DateEquals": _make_date_test(lambda actual, bound: actual == bound),
    "DateLessThan": _make_date_test(lambda actual, bound: actual < bound),
    "DateLessThanEquals": _make_date_test(lambda actual, bound: actual <= bound),
    "DateGreaterThan": _make_date_test(lambda actual, bound: actual > bound),
    "DateGreaterThanEquals": _make_date_test(lambda actual, bound: actual >= bound),
}
_NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


def _is_met(
    operator: str,
    *,
    expected: list[str],
    actual: str | Sequence[str] | None,
    context: ConditionContext,
    variables: bool,
) -> bool:
    name = operator.removesuffix("IfExists")
    optional = name != operator
    set_operator, colon, name = name.rpartition(":")
    if colon and set_operator not in {"ForAllValues", "ForAnyValue"}:
        raise MalformedPolicy(f"{operator!r} is not a condition operator")
    if name == "Null":
        return (actual is None) == (expected == ["true"])
    negated = name in _NEGATIONS
    test = _TESTS.get(_NEGATIONS.get(name, name))
    if test is None:
        raise MalformedPolicy(f"{operator!r} is not a condition operator")
    if actual is None:
        return optional or set_operator == "ForAllValues" or (negated and set_operator != "ForAnyValue")

    def holds(value: str) -> bool:
        is_match = any(_matches(test, value, text, context=context, variables=variables) for text in expected)
        return is_match != negated

    values = [actual] if isinstance(actual, str) else list(actual)
    if set_operator == "ForAnyValue" or (not set_operator and not negated):
        return any(map(holds, values))
    return all(map(holds, values))


def _matches(test: ConditionTest, value: str, text: str, *, context: ConditionContext, variables: bool) -> bool:
    pattern = compile_pattern(text, context=context, expand_variables=variables)
    if variables and "${" in text:
        expanded_text = _VARIABLE.sub(lambda match: _resolve_variable(match[1], context) or "", text)
        return pattern is not None and test(value, pattern, expanded_text)
    return test(value, pattern, text)
