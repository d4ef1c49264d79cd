"""What every answer is made of: hints that any header can hold."""

from simulator.wire.json_response import hint_headers


def test_a_hint_is_one_line_of_ascii_whatever_it_quotes() -> None:
    """A header takes nothing else, and a name that a caller sent may hold anything."""
    assert hint_headers(["no folder 模型\r\nX: y", "é\x1b"]) == {
        "x-simulator-hint": r"no folder \u6a21\u578b\r\u21b5X: y; \xe9\x1b",
    }


def test_without_a_hint_there_is_no_header() -> None:
    """An empty one would be read."""
    assert hint_headers([]) == {}
