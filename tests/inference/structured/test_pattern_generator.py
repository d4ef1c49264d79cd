"""Texts for regular expressions, as the standard library parses them."""

import re

import pytest

from simulator.inference.structured.pattern_generator import PatternError
from simulator.inference.structured.pattern_search import generate_matching_text


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^$",
        "abc",
        "^[A-Z]{2,3}$",
        "^\\d{4}-\\d{2}-\\d{2}$",
        "^[a-z]+(-[a-z]+)*$",
        "^(red|green)$",
        "^(?:a|b)?c{3}$",
        "[^a]",
        "^[^a-z0-9]$",
        "^\\S+@\\S+\\.\\w+$",
        "^(a)\\1$",
        "^\\W\\D\\s$",
        "^.{5}$",
        "^[^x]+?$",
        "^(?P<year>\\d{4})$",
        "^[\\d_]+$",
        "^[^\\d]$",
        "\\bword\\b",
    ],
)
def test_the_text_matches(pattern: str) -> None:
    """Anywhere in the text, as in JSON Schema."""
    assert re.search(pattern, generate_matching_text(pattern))


@pytest.mark.parametrize(
    ("pattern", "shortest", "longest"),
    [("^a+$", 5, 5), ("a", 4, 4), ("^[a-z]+(-[a-z]+)*$", 9, 20), ("^x{2,9}$", 7, 8), ("z$", 3, None)],
)
def test_the_text_is_within_the_length_limits(pattern: str, shortest: int, longest: int | None) -> None:
    """With more repeats, or with padding around an unanchored match."""
    text = generate_matching_text(pattern, min_length=shortest, max_length=longest)
    assert re.search(pattern, text)
    assert shortest <= len(text) <= (longest or 100)


@pytest.mark.parametrize(
    "pattern",
    ["(", "(?=a)b", "(?<!a)b", "^a{5}$(?!)", "(a{1000}){1000}", "a{99999999999999999999}", "\\p{L}", "[\\s\\S]{9999}"],
)
def test_unsupported_patterns_are_refused(pattern: str) -> None:
    """Quickly."""
    with pytest.raises(PatternError):
        generate_matching_text(pattern)
