"""Which patterns are matched against a text, and which would take too long."""

import re

import pytest

from simulator.inference.structured.pattern_generator import PatternError
from simulator.inference.structured.pattern_search import is_cheap_to_match, matches_pattern


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("[0-9]{2}", "a" * 100_000 + "42"),
        ("^[a-z ]+$", "a b " * 10_000),
        ("^\\S+@\\S+\\.\\S+$", "somebody.of.that.name@mail.example.com"),
        ("^[a-z]+(-[a-z]+)*$", "a-slug-of-some-words"),
        ("^(red|green|blue)$", "green"),
        ("^(red|green|blue){3}$", "redgreenblue"),
        ("(?=.*[0-9])[a-z0-9]{8}", "abcdefg7"),
        ("^([a-z])(?:b|c)\\1$", "aba"),
        ("^(?:a?){3}b$", "aab"),
    ],
)
def test_usual_patterns_are_matched(pattern: str, text: str) -> None:
    """Against usual texts."""
    assert matches_pattern(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "length"),
    [
        ("^(a+)+$", 30),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", 30),
        ("^(a|a|a|a|a|a)*b", 24),
        ("^((a+)+)+b", 16),
        ("(a+)+b{40}", 32),
        ("^(?:(?=(a+)+b)a)*$", 30),
        ("^(a?){30}a{30}$", 30),
        ("^(\\w((a?)*)+){2,}c$", 12),
        ("a*a*a*a*a*b", 1_000),
        ("a+b", 100_000),
        ("^(x+)?(?(1)(a|aa)*|b)$", 40),
    ],
)
def test_patterns_that_can_take_too_long_are_refused(pattern: str, length: int) -> None:
    """Repeated choices take exponential time, several open repeats a high power of the length."""
    with pytest.raises(PatternError, match="is too complex for a text of"):
        matches_pattern(pattern, "a" * length)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a|b)*c", "^(?:a*)*b$", "a*a*b", "(a{2,3}){2,}c"])
def test_the_count_of_ways_is_an_upper_bound(pattern: str) -> None:
    """Backtracking over the longest allowed text ends quickly; otherwise this test would not end."""
    length = max(length for length in range(33) if is_cheap_to_match(pattern, length))
    assert re.search(pattern, "a" * (length - 1) + "!") is None


def test_a_very_long_pattern_is_refused() -> None:
    """Parsing it already takes long."""
    with pytest.raises(PatternError, match="at most 1000 are supported"):
        matches_pattern("a" * 1_001, "a")
