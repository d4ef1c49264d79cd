"""What a rule remembers, and what it forgets first."""

from simulator.verdict.lru_map import LruMap


def test_what_was_longest_not_thought_of_is_forgotten_first() -> None:
    """To ask for a value, or to set it anew, is to think of it."""
    recent: LruMap[str, int] = LruMap(3)
    for name, value in (("a", 1), ("b", 2), ("c", 3)):
        recent[name] = value
    assert recent.get("a") == 1
    recent["b"] = 4
    recent["d"] = 5
    assert dict(recent.items()) == {"a": 1, "b": 4, "d": 5}
    assert recent.get_or_create("e", lambda: 6) == 6
    assert dict(recent.items()) == {"b": 4, "d": 5, "e": 6}
