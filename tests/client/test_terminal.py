"""What others wrote is shown and never obeyed: the console, and the commands that print a text as it is."""

from __future__ import annotations

import sys

import pytest
from rich.table import Table
from rich.text import Text

from client.terminal import (
    escape_control_characters,
    open_console,
    print_done,
    print_error,
    print_field,
    print_warning,
    write_stdout,
)

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202eabc\u2028\udcff"
ESCAPED = r"\x1b]0;owned\x07\x1b[2J\r\x9b31m\u202eabc\u2028\udcff"


def test_control_characters_are_escaped() -> None:
    """Escape sequences, also those of one character, turned text, line ends of Unicode, half a surrogate pair."""
    assert escape_control_characters(HOSTILE) == ESCAPED


def test_printable_text_is_unchanged() -> None:
    """Letters of every script, emoji, tabs and the ends of lines."""
    text = "Größe\t42\n質問 😀 ✓"
    assert escape_control_characters(text) == text


@pytest.mark.parametrize("show", [print_done, print_field], ids=lambda show: str(show.__name__))
def test_a_labelled_line_is_safe(show: object, capsys: pytest.CaptureFixture[str]) -> None:
    """In its text and in its remark."""
    assert callable(show)
    show(open_console(), "label", HOSTILE, detail=HOSTILE)
    out = capsys.readouterr().out
    assert out.count("owned") == 2
    assert escape_control_characters(out) == out


@pytest.mark.parametrize("forced", [False, True], ids=["to a pipe", "to a terminal"])
def test_a_failure_is_safe(forced: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The colours are the console's own; nothing else that begins with an escape comes through."""
    if forced:
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


@pytest.mark.parametrize(("terminal", "shown"), [(True, ESCAPED), (False, HOSTILE[:-1])], ids=["terminal", "pipe"])
def test_a_text_goes_to_a_pipe_as_it_is(
    terminal: bool, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script wants the very characters; a terminal must not act on them."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    write_stdout(HOSTILE if terminal else HOSTILE[:-1])
    assert capsys.readouterr().out == shown
