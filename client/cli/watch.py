"""`rft watch`: show a job until it ends."""

from __future__ import annotations

from client.cli.arguments import JobId
from client.job_outcome import require_success
from client.job_watcher import watch_job
from client.mantle_client import open_mantle_client
from client.run_summary import print_reward
from client.target import target_from_environment
from client.terminal import open_console, print_field


def watch(job: JobId) -> None:
    """Watch a job until it ends."""
    console, target = open_console(), target_from_environment()
    with open_mantle_client(target, console=console) as mantle:
        watched_job = watch_job(
            mantle, job, poll_interval=target.config.poll_interval, console=console, ephemeral=target.ephemeral
        )
    print_reward([event.metrics for event in watched_job.events if event.metrics is not None], console=console)
    require_success(watched_job.job, ephemeral=target.ephemeral)
    print_field(console, "model", watched_job.job.tuned_model or "none")
