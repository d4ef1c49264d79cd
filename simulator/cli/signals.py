"""Signals: a command that is interrupted cleans up and exits with the code of the signal."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from simulator.cli.exit_codes import EXIT_INTERRUPTED, exit_with_error


def raise_on_signals() -> None:
    """Raise an exception on SIGINT, SIGTERM and SIGHUP, so that `with` blocks close what they opened."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _exit_on_signal)


@contextmanager
def handle_interrupts() -> Iterator[None]:
    """Clean up on a signal. Ctrl-C then exits with its code, and without a traceback."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    raise_on_signals()
    try:
        yield
    except KeyboardInterrupt:
        exit_with_error("interrupted", code=EXIT_INTERRUPTED)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _exit_on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
