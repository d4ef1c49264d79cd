"""A report for a person at a terminal: parts one below the other, no wider than can be read."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console, RenderableType

MAX_WIDTH: Final = 120
"""Columns: longer lines than this are not read any better, however wide the terminal is."""


def print_parts(parts: Iterable[RenderableType], console: Console) -> None:
    """Print the parts, at most `WIDEST` wide."""
    width = min(console.width, MAX_WIDTH)
    with console.capture() as captured:
        for part in parts:
            console.print(part, width=width)
    # A cell is filled up with blanks, which a terminal does not show and a log should not hold.
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
