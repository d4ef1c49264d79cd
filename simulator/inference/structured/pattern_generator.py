"""Generates short texts for a regular expression, for the `pattern` of a JSON Schema."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from simulator.inference.structured.schema_error import SchemaError

# The standard library's own parser is private: tests/inference/structured/test_pattern_generator.py checks its output.
_PARSER: Final[Any] = import_module("re._parser")

_MAX_LENGTH: Final = 2_000
_MAX_PATTERN_LENGTH: Final = 1_000
_MAX_EXTRA_REPEATS: Final = 64
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": "0",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_WORD": "-",
}
_REPEATS: Final = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_ORDINARY: Final = "a0A -_.x1"


class PatternError(SchemaError):
    """A pattern is invalid or not supported; the message says which."""


@lru_cache(maxsize=256)
def parse_pattern(pattern: str) -> Any:
    """Return a regular expression as parsed by the standard library.

    Raises:
        PatternError: it is invalid or too long.
    """
    if len(pattern) > _MAX_PATTERN_LENGTH:
        raise PatternError(f"a pattern has {len(pattern)} characters; at most {_MAX_PATTERN_LENGTH} are supported")
    try:
        re.compile(pattern)
        return _PARSER.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"the pattern {pattern!r} cannot be read: {error}") from None


def generate_candidates(pattern: str, *, min_length: int = 0, max_length: int | None = None) -> Iterator[str]:
    """Yield texts within the length limits that `pattern` probably matches.

    Raises:
        PatternError: the pattern is invalid or not supported.
    """
    sequence = parse_pattern(pattern)
    for extra_repeats in range(_MAX_EXTRA_REPEATS + 1):
        text = _TextGenerator(extra_repeats).generate(sequence)
        for candidate in (text, text.ljust(min_length, "x"), text.rjust(min_length, "x")):
            if len(candidate) >= min_length and (max_length is None or len(candidate) <= max_length):
                yield candidate
        if len(text) > max(min_length, max_length or 0):
            break


class _TextGenerator:
    """Generates the shortest text, or one with `extra_repeats` more rounds of each open repeat."""

    def __init__(self, extra_repeats: int) -> None:
        self._extra_repeats = extra_repeats
        self._groups: dict[int, str] = {}

    def generate(self, parts: Any) -> str:
        """Return a text for a sequence of parts."""
        text = "".join([self._generate_part(str(op), argument) for op, argument in parts])
        if len(text) > _MAX_LENGTH:
            raise PatternError(f"the pattern needs more than {_MAX_LENGTH} characters")
        return text

    def _generate_part(self, op: str, argument: Any) -> str:
        if op in _REPEATS:
            return self._generate_repeat(*argument)
        if op == "SUBPATTERN":
            return self._generate_group(argument[0], argument[-1])
        generate = _GENERATORS.get(op)
        if generate is None:
            raise PatternError(f"a pattern with {op.lower().replace('_', ' ')} is not supported here")
        return generate(self, argument)

    def group_text(self, number: int) -> str:
        """Return the text of a group."""
        return self._groups.get(number, "")

    def _generate_group(self, number: int | None, inner: Any) -> str:
        text = self.generate(inner)
        if number is not None:
            self._groups[number] = text
        return text

    def _generate_repeat(self, low: int, high: int, inner: Any) -> str:
        times = min(int(high), low + self._extra_repeats)
        text = self.generate(inner)
        if times * len(text) > _MAX_LENGTH:
            raise PatternError(f"the pattern needs more than {_MAX_LENGTH} characters")
        return text * times


def _set_member(items: Any) -> str:
    op, argument = items[0]
    match str(op):
        case "CATEGORY":
            return _CATEGORIES[str(argument)]
        case "RANGE":
            return chr(argument[0])
        case "LITERAL":
            return chr(argument)
    return _ordinary_character(lambda letter: any(_contains(op, argument, letter) for op, argument in items[1:]))


def _ordinary_character(is_excluded: Callable[[str], bool]) -> str:
    for letter in _ORDINARY:
        if not is_excluded(letter):
            return letter
    raise PatternError("a pattern that excludes every ordinary character is not supported here")


def _contains(op: Any, argument: Any, letter: str) -> bool:
    match str(op):
        case "LITERAL":
            return bool(ord(letter) == argument)
        case "RANGE":
            return bool(argument[0] <= ord(letter) <= argument[1])
        case _:
            classes = {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w"}
            name = str(argument)
            pattern = classes[name.replace("NOT_", "")]
            return bool(re.match(pattern, letter)) != ("NOT_" in name)


_GENERATORS: Final[Mapping[str, Callable[[_TextGenerator, Any], str]]] = {
    "LITERAL": lambda _, argument: chr(argument),
    "NOT_LITERAL": lambda _, argument: _ordinary_character(lambda letter: bool(ord(letter) == argument)),
    "ANY": lambda *_: "x",
    "IN": lambda _, argument: _set_member(argument),
    "BRANCH": lambda generator, argument: generator.generate(argument[1][0]),
    "GROUPREF": lambda generator, argument: generator.group_text(argument),
    "AT": lambda *_: "",
    "ATOMIC_GROUP": lambda generator, argument: generator.generate(argument),
}
