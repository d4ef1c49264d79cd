"""`rft plot`: draw a job's metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.cli.arguments import JobId
from client.errors import UsageError
from client.job_polling import list_all_events
from client.mantle_client import open_mantle_client
from client.plot import draw_plot
from client.target import target_from_environment
from client.terminal import format_count, open_console, print_done


def plot(
    job: JobId,
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.png", help="The file to write.")],
) -> None:
    """Plot a job's reward, length, entropy and gradient norm."""
    if output.suffix.lower() != ".png":
        raise UsageError(
            f"{output} does not end in .png, and the plot is a PNG.",
            next_step=f"Change its name: -o {output.with_suffix('.png')}",
        )
    with open_mantle_client(target_from_environment(), console=open_console(stderr=True)) as mantle:
        current_job = mantle.get_job(job)
        metrics = [event.metrics for event in list_all_events(mantle, job) if event.metrics is not None]
        checkpoint_steps = [checkpoint.step for checkpoint in mantle.list_checkpoints(job)]
    png = draw_plot(
        metrics,
        title=f"{current_job.model}: reward by step",
        subtitle=f"{job}, {current_job.status}",
        checkpoints=checkpoint_steps,
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(png)
    print_done(open_console(), "drawn", str(output), detail=format_count(len(metrics), "step"))
