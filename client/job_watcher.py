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

from client.errors import JobCancelled, Refused, Stopped
from client.interrupts import asking
from client.job_polling import Update, follow
from client.mantle_client import Event, Job, Mantle
from client.retry_policy import Rhythm, Setback
from client.terminal import agreed, shortened, sparkline, warned

# Columns of the bar and of the sparkline, where the terminal has room for them and where it has 80 columns.
_WIDE, _NARROW, _ROOMY = 24, 12, 105
_NOT_YET = 0.001
# Without a terminal a run is told in about this many lines, however long it is.
_PLAIN_LINES = 10
_ERROR_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """An ended job and its whole log, oldest first."""

    job: Job
    events: tuple[Event, ...]


def watched(mantle: Mantle, job_id: str, *, rhythm: Rhythm, console: Console, passing: bool = False) -> Watched:
    """Show a job until it ends; `passing` says that it cannot outlive this command.

    Raises:
        Stopped: Ctrl-C, and the job goes on.
        JobCancelled: Ctrl-C, and the user wanted the job cancelled.
    """
    view: _View = _Live(console) if console.is_terminal else _Plain(console)
    events: list[Event] = []
    last: Job | None = None
    with asking() as require_no_interrupt:
        try:
            with view:
                for update in follow(mantle, job_id, rhythm=rhythm):
                    view.show(update)
                    events.extend(update.events)
                    last = update.job or last
                    require_no_interrupt()
        except KeyboardInterrupt:
            if passing:
                raise _ended_with_simulator() from None
            _interrupted(mantle, job_id, console=console)
    if last is None:
        raise Refused(f"The job {job_id} was never seen.")
    return Watched(job=last, events=tuple(events))


def _ended_with_simulator() -> Stopped:
    return Stopped(
        "Stopped. The simulator ends with the command that `rft-sim exec` runs, and the job with it.",
        next_step='For a job that goes on: `rft-sim serve`, and in another shell `eval "$(rft-sim env)"`.',
    )


def _interrupted(mantle: Mantle, job_id: str, *, console: Console) -> None:
    goes_on = Stopped(
        f"Stopped watching; the job {job_id} goes on.",
        next_step=f"Watch it again: rft watch {job_id}   End it: rft cancel {job_id}",
    )
    if not console.is_terminal:
        raise goes_on
    try:
        wanted = agreed(console, "\nCancel the job as well? A cancelled job cannot be resumed.")
    except KeyboardInterrupt:
        raise goes_on from None
    if not wanted:
        raise goes_on from None
    cancelled = mantle.cancel(job_id)
    raise JobCancelled(f"The job {job_id} is {cancelled.status}, at your wish.") from None


class _View(AbstractContextManager["_View"]):
    """What both views share: the steps so far, and what is worth a line of its own."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.rewards: list[float] = []
        self.odd_status = ""

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, update: Update) -> None:
        """Take in one update."""
        if update.setback is not None:
            self.setback(update.setback)
        if update.job is not None:
            if not update.job.known_status and update.job.status != self.odd_status:
                self.odd_status = update.job.status
                warned(
                    self.console, f"the status {update.job.status!r} is new to this client; it is not taken for an end."
                )
            self.progress(update.job, update.events)

    def setback(self, setback: Setback) -> None:
        """A look failed."""
        raise NotImplementedError

    def progress(self, job: Job, events: tuple[Event, ...]) -> None:
        """A look succeeded."""
        raise NotImplementedError


class _Left(TimeRemainingColumn):
    """What remains, while something does."""

    def render(self, task: Task) -> Text:
        """The time left, or nothing once there is none."""
        return Text("") if task.finished or not task.total else Text.assemble(super().render(task), " left")


class _Live(_View):
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
            _Left(compact=True),
            console=console,
        )
        self._task: TaskID = self._bar.add_task("", total=None, status="asking", step="", reward="", spark="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def setback(self, setback: Setback) -> None:
        self._bar.update(self._task, status="waiting")
        if setback.worth_saying:
            warned(self._bar.console, f"{setback}.")

    def progress(self, job: Job, events: tuple[Event, ...]) -> None:
        for event in events:
            if event.level != "info":
                warned(self._bar.console, _short(event))
            if event.metrics is None:
                continue
            total = int(event.metrics.get("total_steps", 0))
            self.rewards.append(event.metrics.get("critic_rewards_mean", 0.0))
            self._bar.update(
                self._task,
                # A full bar shows a tick, and after the last step the service is not done yet.
                completed=min(event.step or 0, total - _NOT_YET) if not job.ended else event.step,
                total=total or None,
                step=f"{event.step}/{total}",
                reward=f"reward {self.rewards[-1]:.3f}",
                spark=sparkline(self.rewards, width=self._width),
            )
        self._bar.update(self._task, status=job.status)
        if job.ended:
            self._end(job)

    def _end(self, job: Job) -> None:
        # A job that did not succeed leaves its bar where it stood.
        if job.status == "succeeded":
            total = self._bar.tasks[0].total or 1
            self._bar.update(self._task, total=total, completed=total)
        self._bar.stop_task(self._task)


@dataclass(slots=True)
class _Told:
    """What the plain view has said already."""

    status: str = ""
    lines: set[int] = field(default_factory=set)


class _Plain(_View):
    """Lines that only ever follow each other: for pipes, logs and continuous integration."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._told = _Told()

    def __enter__(self) -> Self:
        return self

    def setback(self, setback: Setback) -> None:
        if setback.worth_saying:
            warned(self.console, f"{setback}.")

    def progress(self, job: Job, events: tuple[Event, ...]) -> None:
        for event in events:
            if event.metrics is None:
                self._line(event.level if event.level != "info" else "", _short(event))
            else:
                self._step(event.metrics)
        if job.status != self._told.status:
            self._told.status = job.status
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


def _short(event: Event) -> str:
    # What made a job fail is told in full at the end.
    return shortened(event.message, to=_ERROR_SHOWN) if event.level == "error" else event.message


def told(events: Iterable[Event], *, console: Console) -> None:
    """A job's log, one line an event."""
    for event in events:
        reward = ""
        if event.metrics is not None:
            reward = f"  reward {event.metrics.get('critic_rewards_mean', 0.0):.4f}"
        style = {"warn": "yellow", "error": "red"}.get(event.level, "")
        console.print(
            Text(f"{event.created_at}  {event.level:<5}  {event.message}{reward}", style=style), soft_wrap=True
        )
