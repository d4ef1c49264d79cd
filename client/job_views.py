"""The progress of a job on the screen: a live bar at a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from client.job_polling import PollResult
from client.mantle_types import Event, Job
from client.retry_policy import TransientFailure
from client.terminal import print_warning, shorten, sparkline

# The width of the bar and of the sparkline in columns; the wide one from _WIDE_TERMINAL columns on.
_WIDE_BAR, _NARROW_BAR, _WIDE_TERMINAL = 24, 12, 105
# Kept below the total while the job is active: rich shows a full bar as finished.
_ALMOST_FULL = 0.001
# The plain view prints about this many steps of a job.
_PLAIN_LINES = 10
_MAX_ERROR_LENGTH = 100


class JobView(AbstractContextManager["JobView"]):
    """What both views share: the rewards so far, and warnings about failures and unknown statuses."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.rewards: list[float] = []
        self.reported_unknown_status = ""

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, result: PollResult) -> None:
        """Show one read of the job."""
        if result.failure is not None:
            self.show_failure(result.failure)
        if result.job is not None:
            if not result.job.has_known_status and result.job.status != self.reported_unknown_status:
                self.reported_unknown_status = result.job.status
                print_warning(
                    self.console,
                    f"the status {result.job.status!r} is unknown to this client; the job is treated as active.",
                )
            self.show_progress(result.job, result.events)

    def show_failure(self, failure: TransientFailure) -> None:
        """Show a failed read."""
        raise NotImplementedError

    def show_progress(self, job: Job, events: tuple[Event, ...]) -> None:
        """Show a job and its new events."""
        raise NotImplementedError


class _TimeLeftColumn(TimeRemainingColumn):
    """The estimated time left, while the job is active."""

    def render(self, task: Task) -> Text:
        """Return the time left, or nothing for a finished task or one of unknown length."""
        return Text("") if task.finished or not task.total else Text.assemble(super().render(task), " left")


class LiveView(JobView):
    """One line that is redrawn."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._width = _WIDE_BAR if console.width >= _WIDE_TERMINAL else _NARROW_BAR
        self._bar = Progress(
            SpinnerColumn(finished_text="[green]✓[/green]"),
            TextColumn("{task.fields[status]:<11}"),
            BarColumn(bar_width=self._width, complete_style="cyan", finished_style="green"),
            TextColumn("{task.fields[step]}"),
            TextColumn("[bold]{task.fields[reward]}"),
            TextColumn("[green]{task.fields[spark]}"),
            TimeElapsedColumn(),
            _TimeLeftColumn(compact=True),
            console=console,
        )
        self._task: TaskID = self._bar.add_task("", total=None, status="connecting", step="", reward="", spark="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show_failure(self, failure: TransientFailure) -> None:
        """Set the status to `waiting`, and print some of the failures."""
        self._bar.update(self._task, status="waiting")
        if failure.should_report:
            print_warning(self._bar.console, f"{failure}.")

    def show_progress(self, job: Job, events: tuple[Event, ...]) -> None:
        """Advance the bar, and print warnings and errors above it."""
        for event in events:
            if event.level != "info":
                print_warning(self._bar.console, _shorten_message(event))
            if event.metrics is None:
                continue
            total = int(event.metrics.get("total_steps", 0))
            self.rewards.append(event.metrics.get("critic_rewards_mean", 0.0))
            self._bar.update(
                self._task,
                completed=min(event.step or 0, total - _ALMOST_FULL) if not job.has_ended else event.step,
                total=total or None,
                step=f"{event.step}/{total}",
                reward=f"reward {self.rewards[-1]:.3f}",
                spark=sparkline(self.rewards, width=self._width),
            )
        self._bar.update(self._task, status=job.status)
        if job.has_ended:
            self._finish(job)

    def _finish(self, job: Job) -> None:
        # The bar of a job that did not succeed stays at its last step.
        if job.status == "succeeded":
            total = self._bar.tasks[0].total or 1
            self._bar.update(self._task, total=total, completed=total)
        self._bar.stop_task(self._task)


class PlainView(JobView):
    """Lines that are only appended: for pipes, log files and continuous integration."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._printed_status = ""

    def __enter__(self) -> Self:
        return self

    def show_failure(self, failure: TransientFailure) -> None:
        """Print some of the failures."""
        if failure.should_report:
            print_warning(self.console, f"{failure}.")

    def show_progress(self, job: Job, events: tuple[Event, ...]) -> None:
        """Print messages, some of the steps, and changes of the status."""
        for event in events:
            if event.metrics is None:
                self._print_line(event.level if event.level != "info" else "", _shorten_message(event))
            else:
                self._print_step(event.metrics)
        if job.status != self._printed_status:
            self._printed_status = job.status
            self._print_line("status", job.status)

    def _print_step(self, metrics: Mapping[str, float]) -> None:
        step, total = int(metrics["step"]), int(metrics.get("total_steps", 0))
        self.rewards.append(metrics.get("critic_rewards_mean", 0.0))
        interval = max(1, total // _PLAIN_LINES)
        if step % interval == 0 or step in {1, total}:
            length = metrics.get("response_length_mean", 0.0)
            self._print_line("step", f"{step}/{total}  reward {self.rewards[-1]:.3f}  length {length:.0f}")

    def _print_line(self, label: str, text: str) -> None:
        self.console.print(Text(f"  {label:<12}{text}"), soft_wrap=True)


def _shorten_message(event: Event) -> str:
    # The error of a failed job is printed in full after the view has closed.
    return shorten(event.message, max_length=_MAX_ERROR_LENGTH) if event.level == "error" else event.message
