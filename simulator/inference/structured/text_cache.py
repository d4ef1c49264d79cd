"""What was worked out for a text before, within a bound of bytes."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, TypeVar

Worked = TypeVar("Worked")

_SHORT: Final = 4_096  # characters
_SHORT_ONES: Final = 256
_LONG_ONES: Final = 8


def remembered(work: Callable[[str], Worked]) -> Callable[[str], Worked]:
    """Remember the results of a function: of many short texts, and of a few long ones."""
    of_short, of_long = lru_cache(maxsize=_SHORT_ONES)(work), lru_cache(maxsize=_LONG_ONES)(work)

    @wraps(work)
    def recalled(text: str) -> Worked:
        return of_short(text) if len(text) <= _SHORT else of_long(text)

    return recalled
