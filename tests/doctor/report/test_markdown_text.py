"""Texts as Markdown."""

import pytest

from simulator.doctor.report.markdown_text import code_block, code_span, to_cell, to_markdown


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("a*b_c", "a\\*b\\_c"),
        ("<b> & [x](y)", "&lt;b> &amp; \\[x\\](y)"),
        ("Use `a_b` now", "Use `a_b` now"),
        ("## 1", "\\#\\# 1"),
    ],
)
def test_only_code_in_backquotes_is_markup(text: str, markdown: str) -> None:
    """Everything else is escaped."""
    assert to_markdown(text) == markdown


def test_a_bar_does_not_end_a_cell() -> None:
    """Neither in text nor in code."""
    assert to_cell("a|b `c|d`") == "a\\|b `c\\|d`"


@pytest.mark.parametrize(("text", "fence"), [("a", "```"), ("```python\nx\n```", "````"), ("`", "```")])
def test_a_fence_is_longer_than_every_run_of_backquotes_in_it(text: str, fence: str) -> None:
    """So a response with code fences stays within its own."""
    assert code_block(text) == f"{fence}text\n{text}\n{fence}"


@pytest.mark.parametrize(("text", "span"), [("a_b", "`a_b`"), ("a`b", "`` a`b ``")])
def test_a_code_span_holds_any_line(text: str, span: str) -> None:
    """With backquotes too."""
    assert code_span(text) == span
