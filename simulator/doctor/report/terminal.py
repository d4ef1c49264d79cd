"""Prints a report on a terminal, at most 120 columns wide."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console, RenderableType

MAX_WIDTH: Final = 120
"""In columns, because longer lines are hard to read."""


def print_parts(parts: Iterable[RenderableType], console: Console) -> None:
    """Print the parts below each other, at most `MAX_WIDTH` columns wide."""
    width = min(console.width, MAX_WIDTH)
    with console.capture() as captured:
        for part in parts:
            console.print(part, width=width)
    # rich fills cells with blanks, which a log should not contain.
    console.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
