"""The entry point of `rft`. It handles Ctrl-C before it imports anything slow."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `rft`. Without `arguments` it takes those of the process and sets what Ctrl-C does.

    Raises:
        SystemExit: with 0, or the exit code of the error (see `client.errors`).
    """
    if arguments is None:
        _run_program()
    from client.cli.app import run_command_line  # noqa: PLC0415 - 0.2 s to load, and Ctrl-C must not print a traceback

    run_command_line(list(arguments or ()))


def _run_program() -> None:
    from client.interrupts import INTERRUPT_EXIT_CODE, exit_now, exit_on_interrupt  # noqa: PLC0415 - see main()

    exit_on_interrupt()
    try:
        main(sys.argv[1:])
    except SystemExit as exit_error:
        if exit_error.code == INTERRUPT_EXIT_CODE:
            exit_now(INTERRUPT_EXIT_CODE)
        raise


if __name__ == "__main__":
    main()
