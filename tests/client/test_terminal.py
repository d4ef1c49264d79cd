"""Terminal output: control characters are escaped; numbers and sparklines are readable."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from client.terminal import (
    escape_control_characters,
    format_count,
    format_size,
    open_console,
    print_done,
    print_error,
    print_field,
    print_warning,
    shorten,
    sparkline,
    write_stdout,
)

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202eabc\u2028\udcff"
ESCAPED = r"\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202eabc\u2028\udcff"


def test_control_characters_are_escaped() -> None:
    """Escape sequences, text direction marks, line ends of Unicode, half a surrogate pair."""
    assert escape_control_characters(HOSTILE) == ESCAPED


def test_printable_text_is_unchanged() -> None:
    """Letters of every script, emoji, tabs and line ends."""
    text = "Größe\t42\n質問 😀 ✓"
    assert escape_control_characters(text) == text


@pytest.mark.parametrize("show", [print_done, print_field], ids=lambda show: str(show.__name__))
def test_control_characters_in_a_labelled_line_are_escaped(show: object, capsys: pytest.CaptureFixture[str]) -> None:
    """In its text and in its detail."""
    assert callable(show)
    show(open_console(), "label", HOSTILE, detail=HOSTILE)
    out = capsys.readouterr().out
    assert out.count("owned") == 2
    assert escape_control_characters(out) == out


@pytest.mark.parametrize("is_terminal", [False, True], ids=["to a pipe", "to a terminal"])
def test_control_characters_in_errors_and_tables_are_escaped(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the console's own colours are escape sequences."""
    if is_terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    console = open_console()
    print_error(console, HOSTILE, next_step=HOSTILE)
    print_warning(console, HOSTILE)
    table = Table("job")
    table.add_row(HOSTILE)
    console.print(table, Text(HOSTILE))
    out = capsys.readouterr().out
    assert out.count("owned") == 5
    assert "\x1b]" not in out
    assert "\x1b[2J" not in out
    assert not {"\x07", "\x9b", "\u202e", "\u2028"} & set(out)


@pytest.mark.parametrize(("is_terminal", "printed"), [(True, ESCAPED), (False, HOSTILE[:-1])], ids=["terminal", "pipe"])
def test_text_is_unchanged_in_a_pipe_and_escaped_at_a_terminal(
    is_terminal: bool, printed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script needs the original characters; a terminal must not act on them."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    write_stdout(HOSTILE if is_terminal else HOSTILE[:-1])
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([], ""),
        ([0.0, 0.5, 1.0], "▁▅█"),
        ([0.9, 0.9, 0.9], "███"),
        ([-4.0, 0.0, 4.0], "▁▅█"),
        ([5.0, 5.0], "▁▁"),
        ([float(step % 2) for step in range(100)], "▅▅▅▅▅"),
    ],
)
def test_sparkline(values: list[float], bars: str) -> None:
    """Values between 0 and 1 share one scale; long runs are averaged into the width."""
    assert sparkline(values, width=5) == bars


def test_counts_and_sizes_are_readable() -> None:
    """With separators, plurals and units."""
    assert [
        format_count(1, "row"),
        format_count(20_000, "row"),
        format_count(2, "batch"),
        format_size(427),
        format_size(31_900),
        format_size(4_200_000),
    ] == [
        "1 row",
        "20,000 rows",
        "2 batches",
        "427 B",
        "31.9 kB",
        "4.2 MB",
    ]


@pytest.mark.parametrize(
    ("noun", "two"), [("epoch", "2 epochs"), ("batch", "2 batches"), ("row", "2 rows"), ("pass", "2 passes")]
)
def test_nouns_get_their_plural(noun: str, two: str) -> None:
    """Nouns that end in a sibilant too."""
    assert format_count(2, noun) == two


def test_text_is_shortened_between_words() -> None:
    """With an ellipsis."""
    assert shorten("one two three", max_length=10) == "one two…"


def test_a_grader_error_is_split_into_lines_at_a_terminal() -> None:
    """The function, the rollout, the response and the advice get a line each."""
    console = Console(file=io.StringIO(), force_terminal=True, width=200, color_system=None)
    print_error(
        console,
        "The job j failed: grader_error: arn:f for rollout r-1: no number. Response: [1] Return a float. (param: g)",
    )
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [
        "✗ The job j failed: grader_error:",
        "  arn:f",
        "  for rollout r-1: no number.",
        "  Response: [1]",
        "  Return a float.",
        "  (param: g)",
    ]
