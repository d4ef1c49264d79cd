"""A map of bounded size: the least recently used entry is dropped first."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class LruMap(Generic[Key, Value]):
    """At most `max_size` values by key. A rule that loses an entry reports less, never more."""

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """Return the value, or None. This counts as a use."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def get_or_create(self, key: Key, create: Callable[[], Value]) -> Value:
        """Return the value; create and store it if it is missing."""
        value = self.get(key)
        if value is None:
            value = create()
            self[key] = value
        return value

    def __setitem__(self, key: Key, value: Value) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._max_size:
            self._values.popitem(last=False)

    def pop(self, key: Key) -> Value | None:
        """Remove a key; return its value, or None."""
        return self._values.pop(key, None)

    def items(self) -> Iterator[tuple[Key, Value]]:
        """Yield keys and values, the least recently used first."""
        return iter(self._values.items())

    def values(self) -> Iterator[Value]:
        """Yield the values, the least recently used first."""
        return iter(self._values.values())

    def __contains__(self, key: Key) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)
