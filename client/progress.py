"""Show a step that may take long: a temporary bar at a terminal, one line elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from client.interrupts import clean_up_on_signal
from client.terminal import escape_control_characters, shorten

_MAX_TEXT = 60


class StepProgress:
    """Receives how far a step is. This one shows nothing."""

    def describe(self, text: str) -> None:
        """Receive what is done now."""

    def advance(self, done: int, total: int) -> None:
        """Receive how much of how much is done."""


class _BarProgress(StepProgress):
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress = progress
        self.task = task

    def describe(self, text: str) -> None:
        self.progress.update(self.task, detail=shorten(escape_control_characters(text), max_length=_MAX_TEXT))

    def advance(self, done: int, total: int) -> None:
        self.progress.update(self.task, completed=done, total=total)


@contextmanager
def show_progress(console: Console, step: str, *, is_announced: bool = True) -> Iterator[StepProgress]:
    """Show a step while the block runs. Without a terminal it is one line, or none if it is not announced."""
    if not console.is_terminal:
        if is_announced:
            console.print(f"  {step}", markup=False)
        yield StepProgress()
        return
    columns = (
        TextColumn("  {task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    # The process may end on Ctrl-C without leaving the block, and a hidden cursor would stay hidden.
    with clean_up_on_signal(_show_cursor), Progress(*columns, console=console, transient=True) as progress:
        yield _BarProgress(progress, progress.add_task(step, total=None, detail=""))


def _show_cursor() -> None:
    with suppress(OSError):
        os.write(1, b"\x1b[?25h\n")
