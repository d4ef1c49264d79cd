"""Exit codes of the commands, and how a command ends with an error message."""

import signal
from typing import Final, NoReturn

import typer

from simulator.http.sanitize import sanitize

EXIT_FAILED: Final = 1
"""The command ran, and its check failed."""

EXIT_USAGE: Final = 2
"""The command could not run, for example because an option is wrong, a file is missing or no simulator answers."""

# The codes of a shell for a command that cannot run.
EXIT_NOT_EXECUTABLE: Final = 126
EXIT_NOT_FOUND: Final = 127

EXIT_INTERRUPTED: Final = 128 + signal.SIGINT


def exit_with_error(message: str, *, code: int = EXIT_USAGE) -> NoReturn:
    """Print an error message on standard error and exit. Control characters in the message are escaped."""
    typer.echo(sanitize(f"rft-sim: {message}", keep_newlines=True), err=True)
    raise typer.Exit(code)
