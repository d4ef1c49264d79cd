"""A cache of results by text, with bounded memory."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, TypeVar

Result = TypeVar("Result")

_MAX_SHORT: Final = 4_096  # characters
_SHORT_TEXTS: Final = 256
_LONG_TEXTS: Final = 8


def cache_by_text(function: Callable[[str], Result]) -> Callable[[str], Result]:
    """Cache the results of a function: for many short texts and a few long ones."""
    cached_short, cached_long = lru_cache(maxsize=_SHORT_TEXTS)(function), lru_cache(maxsize=_LONG_TEXTS)(function)

    @wraps(function)
    def cached(text: str) -> Result:
        return cached_short(text) if len(text) <= _MAX_SHORT else cached_long(text)

    return cached
