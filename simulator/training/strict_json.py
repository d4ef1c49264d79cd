"""JSON as Python reads it, and told to the caller what Python lets pass: keys that stand twice, NaN, infinity."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any


class DuplicateKeyError(ValueError):
    """A key stands twice in one object, and readers take one or the other."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {json.dumps(key)} stands twice in one object")
        self.key = key


class TooManyDigitsError(ValueError):
    """An integer is longer than Python reads (4,300 digits, unless it is told otherwise)."""


def parse_json(text: str, *, parse_constant: Callable[[str], float], parse_number: Callable[[str], float]) -> Any:
    """Return a text's JSON value.

    `parse_constant` makes a value of NaN, Infinity or -Infinity, for which JSON has no words (RFC 8259); `parse_number` of a number
    with a fraction or an exponent, which may be too large for a float.

    Raises:
        json.JSONDecodeError: it is no JSON.
        RepeatedKeyError: a key stands twice in one object.
        TooManyDigitsError: an integer is too long.
        RecursionError: it is nested too deeply.
        ValueError: what `parse_constant` and `parse_number` raise.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=parse_constant, parse_float=parse_number)
    except ValueError as error:
        # Python's own is told from others by its words alone.
        if type(error) is ValueError and "limit" in str(error) and "digits" in str(error):
            raise TooManyDigitsError(str(error)) from error
        raise


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        times = Counter(name for name, _ in pairs)
        raise DuplicateKeyError(next(name for name, count in times.items() if count > 1))
    return value
