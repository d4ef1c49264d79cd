"""A page that explains something: words under headings, no wider than the terminal."""

import sys
from collections.abc import Iterable
from shutil import get_terminal_size
from textwrap import fill
from typing import Final

import typer

WIDEST: Final = 100
"""Columns: longer lines are not read any better, however wide the terminal is, and files are not wrapped otherwise."""


def width() -> int:
    """Return the columns that a page may take: those of the terminal, if it is one and has fewer than `WIDEST`."""
    return min(get_terminal_size().columns, WIDEST) if sys.stdout.isatty() else WIDEST


def printed(title: str, parts: Iterable[tuple[str, str]], *, place: str) -> None:
    """Print a page: its title, its parts as headings and words, and where it stands in the project."""
    columns = width()
    typer.secho(title, bold=True)
    for heading, words in parts:
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
    typer.echo(f"\n{place}")
