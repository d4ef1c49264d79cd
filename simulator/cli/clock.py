"""`rft-sim clock`: freeze the time of a running simulator, move it, run a job to where it is wanted, choose a pace."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Final

import typer

from simulator.cli.control_client import request_control
from simulator.cli.server_options import Endpoint, Host, Port, exit_with_error, simulator_url
from simulator.clock import DURATION_FORMAT, TIME_FORMAT, format_time, parse_duration, parse_time
from simulator.settings import MAX_SPEED, Pace

EXIT_NOT_REACHED: Final = 1

clock = typer.Typer(
    name="clock",
    help="Freeze the time of a running simulator, move it, run a job to a step, choose a pace. "
    "Without a command: show how it stands.",
    invoke_without_command=True,
)


@clock.callback()
def _show(context: typer.Context, *, host: Host = None, port: Port = None, endpoint: Endpoint = None) -> None:
    """Show how the clock stands, and where the unfinished jobs stand in it."""
    if context.invoked_subcommand is None:
        _print_clock(request_control(simulator_url(host, port, endpoint), "GET", "/clock"))


@clock.command()
def freeze(*, host: Host = None, port: Port = None, endpoint: Endpoint = None) -> None:
    """Stop the clock and all jobs, whatever their pace."""
    _update_clock(simulator_url(host, port, endpoint), freeze=True)


@clock.command()
def thaw(*, host: Host = None, port: Port = None, endpoint: Endpoint = None) -> None:
    """Let the clock and the jobs go on as before."""
    _update_clock(simulator_url(host, port, endpoint), freeze=False)


@clock.command()
def advance(
    by: Annotated[str, typer.Argument(metavar="DURATION", help=f"{DURATION_FORMAT}.")],
    *,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
) -> None:
    """Move the clock by a duration, and all that waits for it; keys and sessions age by as much."""
    _update_clock(simulator_url(host, port, endpoint), advance=_parse_time(parse_duration, by))


@clock.command()
def to(
    time: Annotated[str, typer.Argument(metavar="TIME", help=f"{TIME_FORMAT}.")],
    *,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
) -> None:
    """Move the clock to a time that has not passed, likewise."""
    _update_clock(simulator_url(host, port, endpoint), to=_parse_time(parse_time, time))


@clock.command()
def run(
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job's id.")],
    *,
    step: Annotated[int | None, typer.Option(help="Until it has completed this step.", min=1)] = None,
    status: Annotated[str | None, typer.Option(help="Until it is in this status, such as running.")] = None,
    time: Annotated[str | None, typer.Option(help="Until its next move would be later.", metavar="TIME")] = None,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
) -> None:
    """Run one job as fast as it can, and leave it standing there; keys and sessions age by `advance` and `to` alone.

    Exits with 1 if it ended before the step or the status, or waits for another job. Before a time it may end.
    """
    wanted = {"step": step, "status": status, "time": None if time is None else _parse_time(parse_time, time)}
    goals = {name: goal for name, goal in wanted.items() if goal is not None}
    if len(goals) != 1:
        exit_with_error("give one of --step, --status and --time")
    standing = _update_clock(simulator_url(host, port, endpoint), run={"job": job, **goals})
    if not standing["reached"]:
        ((name, goal),) = goals.items()
        exit_with_error(f"{job} did not come to {name} {goal}: {_explain_failure(standing)}", code=EXIT_NOT_REACHED)


@clock.command()
def pace(
    chosen: Annotated[Pace, typer.Argument(metavar="PACE", help=f"{' | '.join(Pace)}.")],
    *,
    job: Annotated[str | None, typer.Option(help="Of this job alone.", metavar="JOB")] = None,
    speed: Annotated[float | None, typer.Option(help="Simulated seconds in a real one, at realtime.")] = None,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
) -> None:
    """Choose who moves the jobs on, or one of them; it is kept with the data folder.

    At realtime, one job goes at its own speed and hurries nobody else; without one it goes at the simulator's.
    """
    if speed is not None and chosen is not Pace.REALTIME:
        exit_with_error(f"--speed goes with the pace realtime, not with {chosen}")
    if speed is not None and not 0 < speed <= MAX_SPEED:
        exit_with_error(f"--speed: expected more than 0 and at most {MAX_SPEED}, got {speed:.7g}")
    others = {name: value for name, value in (("job", job), ("speed", speed)) if value is not None}
    _update_clock(simulator_url(host, port, endpoint), pace=chosen.value, **others)


def _update_clock(simulator: str, **wanted: object) -> Any:
    standing = request_control(simulator, "POST", "/clock", wanted, timeout=None)
    _print_clock(standing)
    return standing


def _print_clock(standing: Any) -> None:
    frozen = "  frozen" if standing["frozen"] else ""
    typer.echo(f"{standing['time']}  ({standing['now']})  {_describe_pace(standing)}{frozen}")
    ended = [standing["job"]] if "job" in standing and _has_ended(standing) else []
    for job in (*standing["jobs"], *ended):
        steps = f"step {job['step']}/{job['total_steps']}" if job["total_steps"] else ""
        waits = job["next_at"] is not None and job["next_at"] > standing["now"]
        ahead = timedelta(seconds=job["next_at"] - standing["now"]) if waits else ""
        next_move = f"next at {format_time(job['next_at'])}, in {ahead}" if waits else ""
        own = _describe_pace(job) if _describe_pace(job) != _describe_pace(standing) and job not in ended else ""
        typer.echo("  ".join(part for part in (f"  {job['id']}", job["status"], steps, own, next_move) if part))


def _describe_pace(standing: Any) -> str:
    """Return how the simulator, or a job, goes."""
    return f"{standing['pace']} x{standing['speed']:g}" if standing["pace"] == Pace.REALTIME else standing["pace"]


def _has_ended(standing: Any) -> bool:
    """Return whether the job that was to be run is over."""
    return all(job["id"] != standing["job"]["id"] for job in standing["jobs"])


def _explain_failure(standing: Any) -> str:
    """Return why a job did not come so far."""
    job = standing["job"]
    if job["error"]:
        return f"it {job['status']}: {job['error']['message']}"
    return f"it has {job['status']}" if _has_ended(standing) else f"it is {job['status']} at step {job['step']}"


def _parse_time(form: Callable[[str], int], text: str) -> int:
    try:
        return form(text)
    except ValueError as error:
        exit_with_error(str(error))
