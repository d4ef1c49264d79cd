"""Parses JSON more strictly than Python: duplicate keys are errors, and the caller handles NaN and infinity."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any


class DuplicateKeyError(ValueError):
    """An object has a duplicate key, which parsers resolve in different ways."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {json.dumps(key)} appears twice in one object")
        self.key = key


class TooManyDigitsError(ValueError):
    """An integer has more digits than Python parses (by default 4,300)."""


def parse_json(text: str, *, parse_constant: Callable[[str], float], parse_number: Callable[[str], float]) -> Any:
    """Return the JSON value of a text.

    `parse_constant` converts NaN, Infinity and -Infinity, which are not JSON (RFC 8259). `parse_number` converts
    numbers with a fraction or an exponent, which may be too large for a float.

    Raises:
        json.JSONDecodeError: the text is not JSON.
        DuplicateKeyError: an object has a duplicate key.
        TooManyDigitsError: an integer is too long.
        RecursionError: the value is nested too deeply.
        ValueError: from `parse_constant` or `parse_number`.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_reject_duplicate_keys, parse_constant=parse_constant, parse_float=parse_number
        )
    except ValueError as error:
        # Python raises a plain ValueError for this. Only its message identifies the error.
        if type(error) is ValueError and "limit" in str(error) and "digits" in str(error):
            raise TooManyDigitsError(str(error)) from error
        raise


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise DuplicateKeyError(next(name for name, count in counts.items() if count > 1))
    return value
