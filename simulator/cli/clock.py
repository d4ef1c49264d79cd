"""`rft-sim clock`: show, freeze and advance the clock of a running simulator, run a job, choose what advances jobs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

import typer

from simulator.cli.control_client import request_control
from simulator.cli.exit_codes import EXIT_FAILED, exit_with_error
from simulator.cli.server_options import Endpoint, Host, Port, simulator_url
from simulator.clock import DURATION_FORMAT, TIME_FORMAT, format_time, parse_duration, parse_time
from simulator.settings import MAX_SPEED, Pace

clock = typer.Typer(
    name="clock",
    help="Freeze or advance the clock of a running simulator, run a job to a step, choose what advances jobs. "
    "Without a command: show the clock and the unfinished jobs.",
    invoke_without_command=True,
)


@clock.callback()
def _show(context: typer.Context, *, host: Host = None, port: Port = None, endpoint: Endpoint = None) -> None:
    """Show the clock and the unfinished jobs."""
    if context.invoked_subcommand is None:
        _print_clock(request_control(simulator_url(host, port, endpoint), "GET", "/clock"))


@clock.command()
def freeze(*, host: Host = None, port: Port = None, endpoint: Endpoint = None) -> None:
    """Stop the clock and all jobs, at any pace."""
    _update_clock(simulator_url(host, port, endpoint), freeze=True)


@clock.command()
def thaw(*, host: Host = None, port: Port = None, endpoint: Endpoint = None) -> None:
    """Let the clock and all jobs continue after `freeze`."""
    _update_clock(simulator_url(host, port, endpoint), freeze=False)


@clock.command()
def advance(
    duration: Annotated[str, typer.Argument(metavar="DURATION", help=f"{DURATION_FORMAT}.")],
    *,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
) -> None:
    """Advance the clock and the jobs by a duration. Keys and sessions lose this much of their validity."""
    _update_clock(simulator_url(host, port, endpoint), advance=_parse_time(parse_duration, duration))


@clock.command()
def to(
    time: Annotated[str, typer.Argument(metavar="TIME", help=f"{TIME_FORMAT}.")],
    *,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
) -> None:
    """Advance the clock and the jobs to a later time. Keys and sessions lose this much validity."""
    _update_clock(simulator_url(host, port, endpoint), to=_parse_time(parse_time, time))


@clock.command()
def run(
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job's id.")],
    *,
    step: Annotated[int | None, typer.Option(help="Run until the job has completed this step.", min=1)] = None,
    status: Annotated[str | None, typer.Option(help="Run until the job has this status, such as running.")] = None,
    time: Annotated[str | None, typer.Option(help="Run the job until this time.", metavar="TIME")] = None,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
) -> None:
    """Run one job at full speed to a step, a status or a time, and stop it there.

    Keys and sessions keep their validity.

    Exits with 1 if the job ends before the step or status, or must wait for a place among the running jobs. With --time
    it exits with 0 if the job ends earlier.
    """
    options = {"step": step, "status": status, "time": None if time is None else _parse_time(parse_time, time)}
    targets = {name: target for name, target in options.items() if target is not None}
    if len(targets) != 1:
        exit_with_error("give one of --step, --status and --time")
    state = _update_clock(simulator_url(host, port, endpoint), run={"job": job, **targets})
    if not state["reached"]:
        ((name, target),) = targets.items()
        exit_with_error(f"{job} did not reach {name} {target}: {_explain_failure(state)}", code=EXIT_FAILED)


@clock.command()
def pace(
    new_pace: Annotated[Pace, typer.Argument(metavar="PACE", help=f"{' | '.join(Pace)}.")],
    *,
    job: Annotated[str | None, typer.Option(help="Change the pace of this job only.", metavar="JOB")] = None,
    speed: Annotated[
        float | None, typer.Option(help="Simulated seconds in one real second, at the pace realtime.")
    ] = None,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
) -> None:
    """Choose what advances all jobs, or one job. The data folder keeps the choice.

    At the pace realtime, --job with --speed sets the speed of one job. Without --speed it uses the simulator's speed.
    """
    if speed is not None and new_pace is not Pace.REALTIME:
        exit_with_error(f"--speed goes with the pace realtime, not with {new_pace}")
    if speed is not None and not 0 < speed <= MAX_SPEED:
        exit_with_error(f"--speed: expected more than 0 and at most {MAX_SPEED}, got {speed:.7g}")
    options = {name: value for name, value in (("job", job), ("speed", speed)) if value is not None}
    _update_clock(simulator_url(host, port, endpoint), pace=new_pace.value, **options)


def _update_clock(simulator: str, **changes: object) -> Any:
    """Send changes to the clock, print its new state and return it."""
    state = request_control(simulator, "POST", "/clock", changes, timeout=None)
    _print_clock(state)
    return state


def _print_clock(state: Any) -> None:
    frozen_note = "  frozen" if state["frozen"] else ""
    typer.echo(f"{state['time']}  ({state['now']})  {_describe_pace(state)}{frozen_note}")
    ended_jobs = [state["job"]] if "job" in state and _has_ended(state) else []
    for job in (*state["jobs"], *ended_jobs):
        steps = f"step {job['step']}/{job['total_steps']}" if job["total_steps"] else ""
        waits = job["next_at"] is not None and job["next_at"] > state["now"]
        ahead = timedelta(seconds=job["next_at"] - state["now"]) if waits else ""
        next_event = f"next at {format_time(job['next_at'])}, in {ahead}" if waits else ""
        own_pace = _describe_pace(job) if _describe_pace(job) != _describe_pace(state) and job not in ended_jobs else ""
        typer.echo("  ".join(part for part in (f"  {job['id']}", job["status"], steps, own_pace, next_event) if part))


def _describe_pace(state: Any) -> str:
    """Return the pace of the simulator or of a job, with its speed."""
    return f"{state['pace']} x{state['speed']:g}" if state["pace"] == Pace.REALTIME else state["pace"]


def _has_ended(state: Any) -> bool:
    """Return whether the job of a `run` has ended."""
    return all(job["id"] != state["job"]["id"] for job in state["jobs"])


def _explain_failure(state: Any) -> str:
    """Return why a job did not reach its target."""
    job = state["job"]
    if job["error"]:
        return f"it {job['status']}: {job['error']['message']}"
    return f"it ended as {job['status']}" if _has_ended(state) else f"it is {job['status']} at step {job['step']}"


def _parse_time(parse: Callable[[str], int], text: str) -> int:
    try:
        return parse(text)
    except ValueError as error:
        exit_with_error(str(error))
