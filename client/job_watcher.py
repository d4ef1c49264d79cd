"""A job on the screen: a live bar with the reward beside it, or plain lines where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
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

from client.errors import Interrupted, JobCancelled, ServiceError
from client.interrupts import raise_on_interrupt
from client.job_polling import PollResult, poll_job
from client.mantle_client import Event, Job, MantleClient
from client.retry_policy import PollInterval, TransientFailure
from client.terminal import confirm, print_warning, shorten, sparkline

# Columns of the bar and of the sparkline, where the terminal has room for them and where it has 80 columns.
_WIDE, _NARROW, _ROOMY = 24, 12, 105
_NOT_YET = 0.001
# Without a terminal a run is told in about this many lines, however long it is.
_PLAIN_LINES = 10
_ERROR_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedJob:
    """An ended job and its whole log, oldest first."""

    job: Job
    events: tuple[Event, ...]


def watch_job(
    mantle: MantleClient, job_id: str, *, poll_interval: PollInterval, console: Console, ephemeral: bool = False
) -> WatchedJob:
    """Show a job until it ends; `ephemeral` says that it cannot outlive this command.

    Raises:
        Stopped: Ctrl-C, and the job goes on.
        JobCancelled: Ctrl-C, and the user wanted the job cancelled.
    """
    view: _JobView = _LiveView(console) if console.is_terminal else _PlainView(console)
    events: list[Event] = []
    last: Job | None = None
    with raise_on_interrupt() as require_no_interrupt:
        try:
            with view:
                for update in poll_job(mantle, job_id, poll_interval=poll_interval):
                    view.update(update)
                    events.extend(update.events)
                    last = update.job or last
                    require_no_interrupt()
        except KeyboardInterrupt:
            if ephemeral:
                raise _interrupted_with_simulator() from None
            _handle_interrupt(mantle, job_id, console=console)
    if last is None:
        raise ServiceError(f"The job {job_id} was never seen.")
    return WatchedJob(job=last, events=tuple(events))


def _interrupted_with_simulator() -> Interrupted:
    return Interrupted(
        "Stopped. The simulator ends with the command that `rft-sim exec` runs, and the job with it.",
        next_step='For a job that goes on: `rft-sim serve`, and in another shell `eval "$(rft-sim env)"`.',
    )


def _handle_interrupt(mantle: MantleClient, job_id: str, *, console: Console) -> None:
    goes_on = Interrupted(
        f"Stopped watching; the job {job_id} goes on.",
        next_step=f"Watch it again: rft watch {job_id}   End it: rft cancel {job_id}",
    )
    if not console.is_terminal:
        raise goes_on
    try:
        wanted = confirm(console, "\nCancel the job as well? A cancelled job cannot be resumed.")
    except KeyboardInterrupt:
        raise goes_on from None
    if not wanted:
        raise goes_on from None
    cancelled = mantle.cancel_job(job_id)
    raise JobCancelled(f"The job {job_id} is {cancelled.status}, at your wish.") from None


class _JobView(AbstractContextManager["_JobView"]):
    """What both views share: the steps so far, and what is worth a line of its own."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.rewards: list[float] = []
        self.reported_unknown_status = ""

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, result: PollResult) -> None:
        """Take in one update."""
        if result.failure is not None:
            self.show_failure(result.failure)
        if result.job is not None:
            if not result.job.has_known_status and result.job.status != self.reported_unknown_status:
                self.reported_unknown_status = result.job.status
                print_warning(
                    self.console, f"the status {result.job.status!r} is new to this client; it is not taken for an end."
                )
            self.show_progress(result.job, result.events)

    def show_failure(self, failure: TransientFailure) -> None:
        """A look failed."""
        raise NotImplementedError

    def show_progress(self, job: Job, events: tuple[Event, ...]) -> None:
        """A look succeeded."""
        raise NotImplementedError


class _TimeLeftColumn(TimeRemainingColumn):
    """What remains, while something does."""

    def render(self, task: Task) -> Text:
        """The time left, or nothing once there is none."""
        return Text("") if task.finished or not task.total else Text.assemble(super().render(task), " left")


class _LiveView(_JobView):
    """One line that moves."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._width = _WIDE if console.width >= _ROOMY else _NARROW
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
        self._task: TaskID = self._bar.add_task("", total=None, status="asking", step="", reward="", spark="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show_failure(self, failure: TransientFailure) -> None:
        self._bar.update(self._task, status="waiting")
        if failure.should_report:
            print_warning(self._bar.console, f"{failure}.")

    def show_progress(self, job: Job, events: tuple[Event, ...]) -> None:
        for event in events:
            if event.level != "info":
                print_warning(self._bar.console, _shorten_message(event))
            if event.metrics is None:
                continue
            total = int(event.metrics.get("total_steps", 0))
            self.rewards.append(event.metrics.get("critic_rewards_mean", 0.0))
            self._bar.update(
                self._task,
                # A full bar shows a tick, and after the last step the service is not done yet.
                completed=min(event.step or 0, total - _NOT_YET) if not job.has_ended else event.step,
                total=total or None,
                step=f"{event.step}/{total}",
                reward=f"reward {self.rewards[-1]:.3f}",
                spark=sparkline(self.rewards, width=self._width),
            )
        self._bar.update(self._task, status=job.status)
        if job.has_ended:
            self._end(job)

    def _end(self, job: Job) -> None:
        # A job that did not succeed leaves its bar where it stood.
        if job.status == "succeeded":
            total = self._bar.tasks[0].total or 1
            self._bar.update(self._task, total=total, completed=total)
        self._bar.stop_task(self._task)


@dataclass(slots=True)
class _PrintedState:
    """What the plain view has said already."""

    status: str = ""
    printed_lines: set[int] = field(default_factory=set)


class _PlainView(_JobView):
    """Lines that only ever follow each other: for pipes, logs and continuous integration."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._printed = _PrintedState()

    def __enter__(self) -> Self:
        return self

    def show_failure(self, failure: TransientFailure) -> None:
        if failure.should_report:
            print_warning(self.console, f"{failure}.")

    def show_progress(self, job: Job, events: tuple[Event, ...]) -> None:
        for event in events:
            if event.metrics is None:
                self._line(event.level if event.level != "info" else "", _shorten_message(event))
            else:
                self._step(event.metrics)
        if job.status != self._printed.status:
            self._printed.status = job.status
            self._line("status", job.status)

    def _step(self, metrics: Mapping[str, float]) -> None:
        step, total = int(metrics["step"]), int(metrics.get("total_steps", 0))
        self.rewards.append(metrics.get("critic_rewards_mean", 0.0))
        every = max(1, total // _PLAIN_LINES)
        if step % every == 0 or step in {1, total}:
            length = metrics.get("response_length_mean", 0.0)
            self._line("step", f"{step}/{total}  reward {self.rewards[-1]:.3f}  length {length:.0f}")

    def _line(self, label: str, text: str) -> None:
        self.console.print(Text(f"  {label:<12}{text}"), soft_wrap=True)


def _shorten_message(event: Event) -> str:
    # What made a job fail is told in full at the end.
    return shorten(event.message, max_length=_ERROR_SHOWN) if event.level == "error" else event.message


def print_events(events: Iterable[Event], *, console: Console) -> None:
    """A job's log, one line an event."""
    for event in events:
        reward = ""
        if event.metrics is not None:
            reward = f"  reward {event.metrics.get('critic_rewards_mean', 0.0):.4f}"
        style = {"warn": "yellow", "error": "red"}.get(event.level, "")
        console.print(
            Text(f"{event.created_at}  {event.level:<5}  {event.message}{reward}", style=style), soft_wrap=True
        )
