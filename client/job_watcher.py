"""Follow a job on the screen until it ends or the user presses Ctrl-C."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from client.errors import Interrupted, JobCancelled, ServiceError
from client.interrupts import raise_on_interrupt
from client.job_polling import poll_job
from client.job_views import JobView, LiveView, PlainView
from client.mantle_client import MantleClient
from client.mantle_types import Event, Job
from client.poll_interval import PollInterval
from client.terminal import confirm


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedJob:
    """An ended job and its whole log, oldest first."""

    job: Job
    events: tuple[Event, ...]


def watch_job(
    mantle: MantleClient, job_id: str, *, poll_interval: PollInterval, console: Console, ephemeral: bool = False
) -> WatchedJob:
    """Show a job until it ends. `ephemeral` means that the job ends with this command.

    Raises:
        Interrupted: Ctrl-C, and the job continues.
        JobCancelled: Ctrl-C, and the user chose to cancel the job.
    """
    view: JobView = LiveView(console) if console.is_terminal else PlainView(console)
    events: list[Event] = []
    job: Job | None = None
    with raise_on_interrupt() as require_no_interrupt:
        try:
            with view:
                for result in poll_job(mantle, job_id, poll_interval=poll_interval):
                    view.update(result)
                    events.extend(result.events)
                    job = result.job or job
                    require_no_interrupt()
        except KeyboardInterrupt:
            if ephemeral:
                raise _interrupted_with_simulator() from None
            _handle_interrupt(mantle, job_id, console=console)
    if job is None:
        raise ServiceError(f"The service never returned the job {job_id}.")
    return WatchedJob(job=job, events=tuple(events))


def _interrupted_with_simulator() -> Interrupted:
    return Interrupted(
        "Stopped. The simulator of `rft-sim exec` ends with this command, and the job with it.",
        next_step='For a job that continues: `rft-sim serve`, and in another shell `eval "$(rft-sim env)"`.',
    )


def _handle_interrupt(mantle: MantleClient, job_id: str, *, console: Console) -> None:
    job_continues = Interrupted(
        f"Stopped watching; the job {job_id} continues.",
        next_step=f"Watch it again: rft watch {job_id}   Cancel it: rft cancel {job_id}",
    )
    if not console.is_terminal:
        raise job_continues
    try:
        should_cancel = confirm(console, "\nCancel the job as well? A cancelled job cannot be resumed.")
    except KeyboardInterrupt:
        raise job_continues from None
    if not should_cancel:
        raise job_continues from None
    job = mantle.cancel_job(job_id)
    raise JobCancelled(f"The job {job_id} is {job.status}, as you asked.") from None
