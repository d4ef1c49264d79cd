"""Texts of functions and models, shortened and made visible."""

import pytest

from simulator.doctor.report.excerpts import one_line, shorten
from simulator.http.sanitize import sanitize


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("#### 72 ", "#### 72 "),
        ("a\r\n\tb", "a\\r↵\\tb"),
        ("\x1b[2J\x00\x7f", "\\x1b[2J\\x00\\x7f"),
        ("\uff17\uff12 é 日本 🙂", "\uff17\uff12 é 日本 🙂"),
        ("\u202e\u200b\u00a0\u2028\ud800\U000e0001", "\\u202e\\u200b\\xa0\\u2028\\ud800\\U000e0001"),
    ],
)
def test_invisible_characters_are_escaped(text: str, visible: str) -> None:
    """Visible ones stay."""
    assert sanitize(text) == visible


def test_a_text_of_several_lines_becomes_one() -> None:
    """For example an error message."""
    assert one_line(" a\n  b\x1b ") == "a b\\x1b"


def test_a_long_response_keeps_its_start_and_its_end() -> None:
    """The answer is at the end."""
    assert shorten("0123456789" * 10, 10) == "012…456789"
