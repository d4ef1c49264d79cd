"""The console that reports are printed on."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def make_console(*, stderr: bool = False) -> "Console":
    """Return a console that escapes characters which the encoding of a pipe cannot hold."""
    from rich.console import Console  # noqa: PLC0415  --help need not wait for it

    stream = sys.stderr if stderr else sys.stdout
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return Console(stderr=stderr, highlight=False, emoji=False)
