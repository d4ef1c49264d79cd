"""A page that explains something: words under headings, no wider than the terminal."""

import sys
from collections.abc import Iterable
from shutil import get_terminal_size
from textwrap import fill
from typing import Final

import typer

MAX_WIDTH: Final = 100
"""Columns: longer lines are not read any better, however wide the terminal is, and files are not wrapped otherwise."""


def page_width() -> int:
    """Return the columns that a page may take: those of the terminal, if it is one and has fewer than `WIDEST`."""
    return min(get_terminal_size().columns, MAX_WIDTH) if sys.stdout.isatty() else MAX_WIDTH


def print_page(title: str, sections: Iterable[tuple[str, str]], *, location: str) -> None:
    """Print a page: its title, its parts as headings and words, and where it stands in the project."""
    columns = page_width()
    typer.secho(title, bold=True)
    for heading, words in sections:
        typer.echo(f"\n{heading}")
        typer.echo(
            # What is copied from a page, an option or a call, is not parted.
            fill(
                words,
                columns,
                initial_indent="  ",
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    typer.echo(f"\n{location}")
