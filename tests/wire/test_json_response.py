"""Hints in a header."""

from simulator.wire.json_response import hint_headers


def test_a_hint_is_one_line_of_ascii() -> None:
    """A header allows nothing else, and a hint may quote anything that a caller sent."""
    assert hint_headers(["no folder 模型\r\nX: y", "é\x1b"]) == {
        "x-simulator-hint": r"no folder \u6a21\u578b\r\u21b5X: y; \xe9\x1b",
    }


def test_without_a_hint_there_is_no_header() -> None:
    """Not even an empty one."""
    assert hint_headers([]) == {}
