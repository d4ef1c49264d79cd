"""Ctrl-C. Outside a watch there is nothing to decide, so the process ends at once.

A KeyboardInterrupt raised inside an import may leave the lock of that module held, and whoever joins a thread that
wants it hangs; one raised inside a callback is printed and lost. Ending without unwinding can do neither.
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
    """From now on Ctrl-C says `Stopped.` and ends the process with 130."""
    signal.signal(signal.SIGINT, _print_and_exit)


@contextmanager
def raise_on_interrupt() -> Iterator[Callable[[], None]]:
    """Inside the block Ctrl-C is a KeyboardInterrupt: for whoever has something to ask before the end.

    Python prints and forgets one that is raised in a callback, so what is yielded is to be called now and then: it
    raises the interrupt that was lost.
    """
    pressed = False

    def note_and_raise(_number: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    def require_none() -> None:
        if pressed:
            raise KeyboardInterrupt

    def silent(lost: sys.UnraisableHookArgs) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            before(lost)

    before, sys.unraisablehook = sys.unraisablehook, silent
    try:
        with _signal_handler(note_and_raise):
            yield require_none
    finally:
        sys.unraisablehook = before


@contextmanager
def clean_up_on_signal(cleanup: Callable[[], None]) -> Iterator[None]:
    """Inside the block Ctrl-C first does `cleanup`, and so does the signal by which others end a process."""
    before = signal.getsignal(signal.SIGINT)

    def undo_and_stop(number: int, frame: FrameType | None) -> None:
        cleanup()
        if callable(before):
            before(number, frame)

    def undo_and_end(number: int, _frame: FrameType | None) -> None:
        cleanup()
        exit_now(128 + number)

    with _signal_handler(undo_and_stop), _signal_handler(undo_and_end, number=signal.SIGTERM):
        yield


def exit_now(code: int) -> None:
    """End the process now, with what was printed: threads that still load modules are not waited for."""
    for stream in (sys.stdout, sys.stderr):
        # The signal may have come in the middle of a write, and a pipe may be closed.
        with suppress(RuntimeError, OSError, ValueError):
            stream.flush()
    os._exit(code)


def _print_and_exit(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"Stopped.\n")
    exit_now(INTERRUPT_EXIT_CODE)


@contextmanager
def _signal_handler(handler: Callable[[int, FrameType | None], None], number: int = signal.SIGINT) -> Iterator[None]:
    # Python lets the main thread alone say what a signal does.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)
