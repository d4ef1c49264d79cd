"""The bounded map drops the least recently used entry."""

from simulator.verdict.lru_map import LruMap


def test_the_least_recently_used_entry_is_dropped_first() -> None:
    """Reading and replacing a value count as uses."""
    values: LruMap[str, int] = LruMap(3)
    for key, value in (("a", 1), ("b", 2), ("c", 3)):
        values[key] = value
    assert values.get("a") == 1
    values["b"] = 4
    values["d"] = 5
    assert dict(values.items()) == {"a": 1, "b": 4, "d": 5}
    assert values.get_or_create("e", lambda: 6) == 6
    assert dict(values.items()) == {"b": 4, "d": 5, "e": 6}
