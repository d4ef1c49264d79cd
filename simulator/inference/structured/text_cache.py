"""What was worked out for a text before, within a bound of bytes."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, TypeVar

Result = TypeVar("Result")

_SHORT: Final = 4_096  # characters
_SHORT_ONES: Final = 256
_LONG_ONES: Final = 8


def cache_by_text(function: Callable[[str], Result]) -> Callable[[str], Result]:
    """Remember the results of a function: of many short texts, and of a few long ones."""
    of_short, of_long = lru_cache(maxsize=_SHORT_ONES)(function), lru_cache(maxsize=_LONG_ONES)(function)

    @wraps(function)
    def recalled(text: str) -> Result:
        return of_short(text) if len(text) <= _SHORT else of_long(text)

    return recalled
