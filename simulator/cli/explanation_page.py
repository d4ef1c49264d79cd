"""The page that `--explain` prints: texts under headings, no wider than the terminal."""

import sys
from collections.abc import Iterable
from shutil import get_terminal_size
from textwrap import fill
from typing import Final

import typer

MAX_WIDTH: Final = 100
"""Columns: longer lines are hard to read, even on a wide terminal."""


def page_width() -> int:
    """Return the columns of a page: those of the terminal, at most `MAX_WIDTH`."""
    return min(get_terminal_size().columns, MAX_WIDTH) if sys.stdout.isatty() else MAX_WIDTH


def print_page(title: str, sections: Iterable[tuple[str, str]], *, location: str) -> None:
    """Print a page: its title, each heading with its text, and the page's location in the documentation."""
    columns = page_width()
    typer.secho(title, bold=True)
    for heading, text in sections:
        typer.echo(f"\n{heading}")
        typer.echo(
            # An option or a call is not split, so that a reader can copy it.
            fill(
                text,
                columns,
                initial_indent="  ",
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    typer.echo(f"\n{location}")
