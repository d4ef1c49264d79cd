"""A regular expression to a short text that it matches, for the `pattern` of a JSON Schema."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from simulator.inference.structured.schema_error import SchemaError

# The standard library's own parser is private: tests/inference/structured/test_pattern_generator.py checks its output.
_PARSER: Final[Any] = import_module("re._parser")

_LONGEST: Final = 2_000
_LONGEST_PATTERN: Final = 1_000
_MOST_STRETCH: Final = 64
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
    """An expression that is none, or of a kind that no text is made for; the message says which."""


@lru_cache(maxsize=256)
def parse_pattern(pattern: str) -> Any:
    """Return the standard library's reading of an expression.

    Raises:
        PatternError: it cannot be read, or is too long.
    """
    if len(pattern) > _LONGEST_PATTERN:
        raise PatternError(f"a pattern of {len(pattern)} characters is too long; {_LONGEST_PATTERN} are the most here")
    try:
        re.compile(pattern)
        return _PARSER.parse(pattern)
    except (re.error, OverflowError, RecursionError) as fault:
        raise PatternError(f"the pattern {pattern!r} cannot be read: {fault}") from None


def generate_candidates(pattern: str, *, min_length: int = 0, max_length: int | None = None) -> Iterator[str]:
    """Yield texts of the lengths asked for, in which `pattern` may well be found.

    Raises:
        PatternError: the expression cannot be read, or is of a kind that no text is made for.
    """
    sequence = parse_pattern(pattern)
    for stretch in range(_MOST_STRETCH + 1):
        text = _TextGenerator(stretch).sequence(sequence)
        for padded in (text, text.ljust(min_length, "x"), text.rjust(min_length, "x")):
            if len(padded) >= min_length and (max_length is None or len(padded) <= max_length):
                yield padded
        if len(text) > max(min_length, max_length or 0):
            break


class _TextGenerator:
    """Writes the shortest text, or one in which each open repeat comes `stretch` times more often."""

    def __init__(self, stretch: int) -> None:
        self._stretch = stretch
        self._groups: dict[int, str] = {}

    def sequence(self, parsed: Any) -> str:
        """Return a text for a sequence of parts."""
        text = "".join([self._one(str(op), argument) for op, argument in parsed])
        if len(text) > _LONGEST:
            raise PatternError(f"the pattern asks for more than {_LONGEST} characters")
        return text

    def _one(self, op: str, argument: Any) -> str:
        if op in _REPEATS:
            return self._repeated(*argument)
        if op == "SUBPATTERN":
            return self._group(argument[0], argument[-1])
        write = _WRITERS.get(op)
        if write is None:
            raise PatternError(f"a pattern with {op.lower().replace('_', ' ')} is not supported here")
        return write(self, argument)

    def group(self, number: int) -> str:
        """Return what a group came to."""
        return self._groups.get(number, "")

    def _group(self, number: int | None, inner: Any) -> str:
        text = self.sequence(inner)
        if number is not None:
            self._groups[number] = text
        return text

    def _repeated(self, low: int, high: int, inner: Any) -> str:
        times = min(int(high), low + self._stretch)
        text = self.sequence(inner)
        if times * len(text) > _LONGEST:
            raise PatternError(f"the pattern asks for more than {_LONGEST} characters")
        return text * times


def _member(items: Any) -> str:
    op, argument = items[0]
    match str(op):
        case "CATEGORY":
            return _CATEGORIES[str(argument)]
        case "RANGE":
            return chr(argument[0])
        case "LITERAL":
            return chr(argument)
    return _ordinary(lambda letter: any(_holds(op, argument, letter) for op, argument in items[1:]))


def _ordinary(is_excluded: Callable[[str], bool]) -> str:
    for letter in _ORDINARY:
        if not is_excluded(letter):
            return letter
    raise PatternError("a pattern that excludes every ordinary character is not supported here")


def _holds(op: Any, argument: Any, letter: str) -> bool:
    match str(op):
        case "LITERAL":
            return bool(ord(letter) == argument)
        case "RANGE":
            return bool(argument[0] <= ord(letter) <= argument[1])
        case _:
            found = {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w"}
            name = str(argument)
            wanted = found[name.replace("NOT_", "")]
            return bool(re.match(wanted, letter)) != ("NOT_" in name)


_WRITERS: Final[Mapping[str, Callable[[_TextGenerator, Any], str]]] = {
    "LITERAL": lambda _, argument: chr(argument),
    "NOT_LITERAL": lambda _, argument: _ordinary(lambda letter: bool(ord(letter) == argument)),
    "ANY": lambda *_: "x",
    "IN": lambda _, argument: _member(argument),
    "BRANCH": lambda writer, argument: writer.sequence(argument[1][0]),
    "GROUPREF": lambda writer, argument: writer.group(argument),
    "AT": lambda *_: "",
    "ATOMIC_GROUP": lambda writer, argument: writer.sequence(argument),
}
