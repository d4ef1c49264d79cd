"""The door of `rft`: Ctrl-C is looked after before anything slow is loaded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `rft`. As a program, without `arguments`, it also decides what Ctrl-C does.

    Raises:
        SystemExit: with 0, or the code that `client.errors` gives the outcome.
    """
    if arguments is None:
        _run_program()
    from client.cli.app import run_command_line  # noqa: PLC0415 - 0.2 s to load, and Ctrl-C must not show its insides

    run_command_line(list(arguments or ()))


def _run_program() -> None:
    from client.interrupts import INTERRUPT_EXIT_CODE, exit_now, exit_on_interrupt  # noqa: PLC0415 - see main()

    exit_on_interrupt()
    try:
        main(sys.argv[1:])
    except SystemExit as end:
        if end.code == INTERRUPT_EXIT_CODE:
            exit_now(INTERRUPT_EXIT_CODE)
        raise


if __name__ == "__main__":
    main()
