"""What Ctrl-C does. Outside `rft watch` the user has nothing to decide, so the process ends at once.

A KeyboardInterrupt inside an import can leave the lock of that module held, and a thread that waits for the lock hangs.
A KeyboardInterrupt inside a callback is printed and lost. Ending the process without unwinding avoids both.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

INTERRUPT_EXIT_CODE = 128 + signal.SIGINT


def exit_on_interrupt() -> None:
    """From now on Ctrl-C prints `Stopped.` and ends the process with 130."""
    signal.signal(signal.SIGINT, _print_and_exit)


@contextmanager
def raise_on_interrupt() -> Iterator[Callable[[], None]]:
    """Inside the block Ctrl-C raises KeyboardInterrupt, for code that asks the user a question before it ends.

    Python prints and drops a KeyboardInterrupt that is raised in a callback. Call the yielded function regularly: it
    raises the KeyboardInterrupt that was lost.
    """
    was_pressed = False

    def note_and_raise(_number: int, _frame: FrameType | None) -> None:
        nonlocal was_pressed
        was_pressed = True
        raise KeyboardInterrupt

    def require_no_interrupt() -> None:
        if was_pressed:
            raise KeyboardInterrupt

    def ignore_interrupts(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            previous_hook(unraisable)

    previous_hook, sys.unraisablehook = sys.unraisablehook, ignore_interrupts
    try:
        with _signal_handler(note_and_raise):
            yield require_no_interrupt
    finally:
        sys.unraisablehook = previous_hook


@contextmanager
def clean_up_on_signal(cleanup: Callable[[], None]) -> Iterator[None]:
    """Inside the block SIGINT and SIGTERM call `cleanup` before they end the process."""
    previous_handler = signal.getsignal(signal.SIGINT)

    def handle_interrupt(number: int, frame: FrameType | None) -> None:
        cleanup()
        if callable(previous_handler):
            previous_handler(number, frame)

    def handle_termination(number: int, _frame: FrameType | None) -> None:
        cleanup()
        exit_now(128 + number)

    with _signal_handler(handle_interrupt), _signal_handler(handle_termination, number=signal.SIGTERM):
        yield


def exit_now(code: int) -> None:
    """Flush the output and end the process without waiting for threads, which may still be importing modules."""
    for stream in (sys.stdout, sys.stderr):
        # The signal may have arrived during a write, and a pipe may be closed.
        with suppress(RuntimeError, OSError, ValueError):
            stream.flush()
    os._exit(code)


def _print_and_exit(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"Stopped.\n")
    exit_now(INTERRUPT_EXIT_CODE)


@contextmanager
def _signal_handler(handler: Callable[[int, FrameType | None], None], number: int = signal.SIGINT) -> Iterator[None]:
    # Python allows signal handlers to be set on the main thread only.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous_handler = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, previous_handler)
