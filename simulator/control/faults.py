"""`rft-sim faults`: what a running simulator's clients are to meet, and a script read without a simulator."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

import simulator.faults as faults_room
from simulator.control.asking import asked
from simulator.control.options import Endpoint, Host, Port, simulator_at, stop
from simulator.faults.fault import ScriptError

if TYPE_CHECKING:
    from simulator.faults.script import Fault

_STANDARD_INPUT: Final = Path("-")
_SHOWN_ELSEWHERE: Final = ("job", "note", "nth", "request", "step", "times")

Script = Annotated[
    Path,
    typer.Argument(help="A file with a script (`explain` says what that is); - is standard input.", metavar="FILE"),
]

app = typer.Typer()


@app.callback(invoke_without_command=True)
def show(context: typer.Context, host: Host = None, port: Port = None, endpoint: Endpoint = None) -> None:
    """Make the clients and jobs of a running simulator meet faults. Without a command: list them, and what they met."""
    context.obj = simulator_at(host, port, endpoint)
    if context.invoked_subcommand:
        return
    faults = asked(context.obj, "GET", "/faults")["data"]
    if not faults:
        typer.echo("No faults.")
        return
    from rich.console import Console  # noqa: PLC0415  --help need not wait for it

    Console(highlight=False).print(_table(faults))


@app.command()
def add(
    context: typer.Context, script: Script, host: Host = None, port: Port = None, endpoint: Endpoint = None
) -> None:
    """Add the faults of a script behind those that are there: all of them, or none."""
    written = [fault.written for fault in _read(script)]
    added = asked(_meant(context, host, port, endpoint), "POST", "/faults", written)
    typer.echo(f"Added {', '.join(added['ids'])}.")


@app.command()
def remove(
    context: typer.Context,
    fault: Annotated[str, typer.Argument(help="Its id, such as fault-1.", metavar="ID")],
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
) -> None:
    """Take a fault back; what it holds up goes on."""
    from urllib.parse import quote  # noqa: PLC0415  --help need not wait for it

    asked(_meant(context, host, port, endpoint), "DELETE", f"/faults/{quote(fault, safe='')}")
    typer.echo(f"Removed {fault}.")


@app.command()
def clear(context: typer.Context, host: Host = None, port: Port = None, endpoint: Endpoint = None) -> None:
    """Take all faults back."""
    asked(_meant(context, host, port, endpoint), "DELETE", "/faults")
    typer.echo("No faults any more.")


@app.command()
def check(script: Script) -> None:
    """Read a script, without a simulator, and say what each of its faults does."""
    from rich.console import Console  # noqa: PLC0415  --help need not wait for it

    Console(highlight=False).print(_table([{"fault": fault.written} for fault in _read(script)]))


@app.command()
def explain() -> None:
    """Print what a script is made of: every field, with examples."""
    typer.echo(Path(faults_room.__file__).with_name("SCRIPT.md").read_text(encoding="utf-8"), nl=False)


def _meant(context: typer.Context, host: str | None, port: int | None, endpoint: str | None) -> str:
    """Return the simulator of a command's own options, or else of those before its name."""
    return simulator_at(host, port, endpoint) if host or port else str(context.obj)


def _read(script: Path) -> "Sequence[Fault]":
    from simulator.faults.script import faults_at, faults_in  # noqa: PLC0415  --help need not wait for it

    try:
        return faults_in(sys.stdin.buffer.read()) if script == _STANDARD_INPUT else faults_at(script)
    except ScriptError as error:
        stop(str(error))


def _table(rows: Sequence[dict[str, Any]]) -> Any:
    """Return a table of faults: those of a script, or those of a simulator with their ids and counts."""
    from rich.table import Table  # noqa: PLC0415  --help need not wait for it

    running = "id" in rows[0]
    table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
    for name in ("fault", "about", "which", "what", *(("matched", "applied") if running else ())):
        table.add_column(name, overflow="fold", justify="right" if name in {"matched", "applied"} else "left")
    for place, row in enumerate(rows, 1):
        fault = row["fault"]
        counts = (str(row["matched"]), str(row["applied"])) if running else ()
        about, which = (_requests(fault), _which(fault)) if "request" in fault else (_job(fault), _step(fault))
        table.add_row(str(row.get("id", place)), about, which, _what(fault), *counts)
    return table


def _requests(fault: dict[str, Any]) -> str:
    asked = fault["request"]
    head = " ".join([*([asked["method"]] if asked.get("method") else []), asked.get("path") or "any path"])
    others = [f"{name} {asked[name]}" for name in ("service", "model", "job") if asked.get(name) is not None]
    return "\n".join([head, *others])


def _job(fault: dict[str, Any]) -> str:
    return f"job {fault['job']}"


def _step(fault: dict[str, Any]) -> str:
    return f"step {fault['step']}" if "step" in fault else "before it trains"


def _which(fault: dict[str, Any]) -> str:
    first, times = fault.get("nth", 1), fault.get("times", None if "tokens_per_minute" in fault else 1)
    if times is None:
        return "all" if first == 1 else f"from call {first} on"
    return f"call {first}" if times == 1 else f"calls {first} to {first + times - 1}"


def _what(fault: dict[str, Any]) -> str:
    """Return what a fault does as it is written, and its note."""
    told = {name: value for name, value in fault.items() if name not in _SHOWN_ELSEWHERE}
    parts = [f"{name} {value if isinstance(value, str) else json.dumps(value)}" for name, value in told.items()]
    return "\n".join([*parts, *([f"({fault['note']})"] if fault.get("note") else [])])
