"""Matches a pattern against a text, if that takes few steps.

Python's engine backtracks through all ways to divide the text among the parts of the pattern, and cannot be
interrupted. So this module counts the ways beforehand, from the pattern and the length of the text. It assumes that
every character matches everywhere, so the count is an upper bound. Counts by length are coefficients of generating
functions: a sequence multiplies them, alternatives add them, and a repeat is a geometric series.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate
from math import prod
from typing import Any, Final, TypeAlias

from simulator.inference.structured.pattern_generator import PatternError, generate_candidates, parse_pattern

_MAX_STEPS: Final = 300_000  # some hundredths of a second
_MAX_EXACT_LENGTH: Final = 32  # characters; up to here the count is exact

CountsByLength: TypeAlias = list[int]  # counts, by the number of matched characters

_NONE: Final[CountsByLength] = [0] * (_MAX_EXACT_LENGTH + 1)
_START: Final[CountsByLength] = [1, *[0] * _MAX_EXACT_LENGTH]
_CHARACTER: Final[CountsByLength] = [0, 1, *[0] * (_MAX_EXACT_LENGTH - 1)]
_REPEATS: Final = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_LOOKAROUNDS: Final = ("ASSERT", "ASSERT_NOT")


def matches_pattern(pattern: str, text: str) -> bool:
    """Return whether `pattern` is found anywhere in `text`, as in JSON Schema.

    Raises:
        PatternError: the pattern is invalid, or too complex for a text of this length.
    """
    if not is_cheap_to_match(pattern, len(text)):
        raise PatternError(f"the pattern {pattern!r} is too complex for a text of {len(text)} characters")
    return re.search(pattern, text) is not None


@lru_cache(maxsize=256)
def generate_matching_text(pattern: str, *, min_length: int = 0, max_length: int | None = None) -> str:
    """Return a text within the length limits that `pattern` matches.

    Raises:
        PatternError: the pattern is invalid, or no text was found.
    """
    for text in generate_candidates(pattern, min_length=min_length, max_length=max_length):
        if matches_pattern(pattern, text):
            return text
    raise PatternError(f"no text was found that matches {pattern!r} within its lengths; use a simpler pattern")


def is_cheap_to_match(pattern: str, length: int) -> bool:
    """Return whether matching `pattern` takes few steps for all texts of `length` characters.

    Raises:
        PatternError: the pattern is invalid.
    """
    if length <= _MAX_EXACT_LENGTH:
        return _steps_by_length(pattern)[length] <= _MAX_STEPS
    sequence = parse_pattern(pattern)
    if _has_repeated_choice(sequence, repeated=False):
        return False
    return _count_ways(sequence, length) * (1 if _is_anchored(sequence) else length) <= _MAX_STEPS


@lru_cache(maxsize=256)
def _steps_by_length(pattern: str) -> tuple[int, ...]:
    """Return the largest number of steps of a pattern, by the length of the text up to `_MAX_EXACT_LENGTH`."""
    sequence = parse_pattern(pattern)
    _, steps = _count_sequence(sequence)
    by_length = accumulate(steps)
    return tuple(by_length if _is_anchored(sequence) else accumulate(by_length))


def _is_anchored(sequence: Any) -> bool:
    return any(str(op) == "AT" and str(position) == "AT_BEGINNING" for op, position in sequence[:1])


def _count_sequence(sequence: Any) -> tuple[CountsByLength, CountsByLength]:
    """Return (ways to match the sequence, steps to find them)."""
    ways, steps = _START, _START
    for op, argument in sequence:
        own_ways, own_steps = _count_part(str(op), argument)
        steps = _sum([steps, _product(ways, own_steps)])
        ways = _product(ways, own_ways)
    return ways, steps


def _count_part(op: str, argument: Any) -> tuple[CountsByLength, CountsByLength]:
    if op in _REPEATS:
        return _count_repeat(*argument)
    if op == "GROUPREF":
        return [1] * (_MAX_EXACT_LENGTH + 1), _START
    if op == "AT":
        return _START, _NONE
    inner = [_count_sequence(sequence) for sequence in _subsequences(op, argument)]
    if not inner:
        return _CHARACTER, _START
    steps = _sum(steps for _, steps in inner)
    return (_START if op in _LOOKAROUNDS else _sum(ways for ways, _ in inner)), steps


def _subsequences(op: str, argument: Any) -> list[Any]:
    """Return the alternative sequences within a part."""
    match op:
        case "SUBPATTERN" | "ASSERT" | "ASSERT_NOT":
            return [argument[-1]]
        case "ATOMIC_GROUP":
            return [argument]
        case "BRANCH":
            return list(argument[1])
        case "GROUPREF_EXISTS":
            return [sequence for sequence in argument[1:] if sequence is not None]
    return []


def _count_repeat(low: int, high: int, inner: Any) -> tuple[CountsByLength, CountsByLength]:
    ways, steps = _count_sequence(inner)
    if ways[0] and low > _MAX_EXACT_LENGTH:
        raise PatternError("a pattern with many repeats of a part that may be empty is not supported")
    rounds = [_START]
    for _ in range(min(low, _MAX_EXACT_LENGTH + 1)):
        rounds.append(_product(rounds[-1], ways))
    # Between two rounds and at the end there may be one more round that matches the empty text.
    nonempty_rounds = [0, *(count * (1 + ways[0]) for count in ways[1:])]
    all_ways = _product(rounds.pop(), _series(nonempty_rounds, min(int(high) - low, _MAX_EXACT_LENGTH + 1)))
    if int(high) > 1:
        all_ways = [count * (1 + ways[0]) for count in all_ways]
    return all_ways, _product(steps, _sum([*rounds, all_ways]))


def _series(counts: CountsByLength, rounds: int) -> CountsByLength:
    """Return the sum of the powers from 0 to `rounds`; powers above the number of characters are zero."""
    if rounds <= 1:
        return _sum([_START, counts]) if rounds else _START
    if rounds <= _MAX_EXACT_LENGTH:
        return _sum([_START, _product(counts, _series(counts, rounds - 1))])
    series = [1]
    for length in range(1, _MAX_EXACT_LENGTH + 1):
        series.append(sum(counts[part_length] * series[length - part_length] for part_length in range(1, length + 1)))
    return series


def _product(left: CountsByLength, right: CountsByLength) -> CountsByLength:
    if _START in (left, right):
        return right if left == _START else left
    product = [0] * (_MAX_EXACT_LENGTH + 1)
    for length, count in enumerate(left):
        if count:
            for added_length in range(_MAX_EXACT_LENGTH + 1 - length):
                product[length + added_length] += count * right[added_length]
    return product


def _sum(columns: Iterable[CountsByLength]) -> CountsByLength:
    return [sum(column) for column in zip(*columns, strict=True)]


def _has_repeated_choice(sequence: Any, *, repeated: bool) -> bool:
    """Return whether a part with several ways to match is inside a repeat."""
    for op, argument in sequence:
        name = str(op)
        if name in _REPEATS:
            low, high, inner = argument
            if (repeated and low != high) or _has_repeated_choice(inner, repeated=repeated or int(high) > 1):
                return True
            continue
        inner = _subsequences(name, argument)
        several = len(inner) > 1 or name in (*_LOOKAROUNDS, "GROUPREF_EXISTS")
        if (repeated and several) or any(_has_repeated_choice(subsequence, repeated=repeated) for subsequence in inner):
            return True
    return False


def _count_ways(sequence: Any, length: int) -> int:
    """Return the ways to match a sequence without repeated choices: each open repeat can end at any character."""
    return prod(_count_part_ways(str(op), argument, length) for op, argument in sequence)


def _count_part_ways(op: str, argument: Any, length: int) -> int:
    if op in _REPEATS:
        low, high, inner = argument
        return (min(int(high) - int(low), length) + 1) * _count_ways(inner, length)
    inner = _subsequences(op, argument)
    return sum(_count_ways(subsequence, length) for subsequence in inner) if inner else 1
