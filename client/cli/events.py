"""`rft events`: print a job's events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from client.cli.arguments import JobId
from client.job_polling import list_all_events
from client.mantle_client import open_mantle_client
from client.mantle_types import Event
from client.target import target_from_environment
from client.terminal import open_console, write_stdout


def events(
    job: JobId,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the event objects of the API as JSON, one per line.")
    ] = False,
) -> None:
    """Print all events of a job, oldest first."""
    with open_mantle_client(target_from_environment(), console=open_console(stderr=True)) as mantle:
        log = list_all_events(mantle, job)
    if not as_json:
        print_events(log, console=open_console())
        return
    for event in log:
        write_stdout(json.dumps(event.body, ensure_ascii=False) + "\n")


def print_events(events: Iterable[Event], *, console: Console) -> None:
    """Print one line per event."""
    for event in events:
        reward = ""
        if event.metrics is not None:
            reward = f"  reward {event.metrics.get('critic_rewards_mean', 0.0):.4f}"
        style = {"warn": "yellow", "error": "red"}.get(event.level, "")
        console.print(
            Text(f"{event.created_at}  {event.level:<5}  {event.message}{reward}", style=style), soft_wrap=True
        )
