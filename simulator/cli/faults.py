"""`rft-sim faults`: what a running simulator's clients are to meet, and a script read without a simulator."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

import simulator.faults as faults_room
from simulator.cli.control_client import asked
from simulator.cli.explanation_page import WIDEST
from simulator.cli.server_options import Endpoint, Host, Port, simulator_at, stop
from simulator.faults.request_fault import ScriptError
from simulator.http.sanitize import visible

if TYPE_CHECKING:
    from simulator.faults.registry import Standing
    from simulator.faults.script import Fault

_LINK: Final = re.compile(r"\[([^]]+)\]\([^)]*\)")
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
    for shown in faults:
        _tell(shown["id"], shown["fault"], _met(shown))


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
    for place, fault in enumerate(_read(script), 1):
        _tell(str(place), fault.written)


@app.command()
def explain() -> None:
    """Print what a script is made of: every field, with examples. Where it is piped, as Markdown."""
    page = Path(faults_room.__file__).with_name("SCRIPT.md").read_text(encoding="utf-8")
    if not sys.stdout.isatty():
        typer.echo(page, nl=False)
        return
    from rich.console import Console  # noqa: PLC0415  --help need not wait for it
    from rich.markdown import Markdown  # noqa: PLC0415
    from rich.theme import Theme  # noqa: PLC0415

    theme = Theme({"markdown.code": "bold cyan"})  # rich's own has a black ground
    console = Console(width=min(get_terminal_size().columns, WIDEST), theme=theme)
    console.print(Markdown(_LINK.sub(r"\1", page), code_theme="ansi_dark"))


def unmet(standings: "Iterable[Standing]") -> Iterator[str]:
    """Yield a line for each fault that has met nothing, and for each whose operation was not done."""
    for standing in standings:
        written = standing.fault.written
        if standing.refused:
            yield visible(f"{standing.id}: {_operation(written['aws'])} was not done: {standing.refused}")
        elif not standing.applied:
            why = _missed(written, standing.matched) if "request" in written else _never(written)
            yield visible(f"{standing.id} has met nothing: {why}")


def _meant(context: typer.Context, host: str | None, port: int | None, endpoint: str | None) -> str:
    """Return the simulator of a command's own options, or else of those before its name."""
    return simulator_at(host, port, endpoint) if host or port else str(context.obj)


def _read(script: Path) -> "Sequence[Fault]":
    from simulator.faults.script import faults_at, faults_in  # noqa: PLC0415  --help need not wait for it

    try:
        return faults_in(sys.stdin.buffer.read()) if script == _STANDARD_INPUT else faults_at(script)
    except ScriptError as error:
        stop(str(error))


def _missed(fault: dict[str, Any], matched: int) -> str:
    about = ", ".join(_requests(fault))
    if not matched:
        return f"no request matched it ({about})"
    of = f"of {matched} that matched it ({about})"
    return f"{of}, none was {_which(fault)}" if matched < fault.get("nth", 1) else f"{of}, none gave it anything to do"


def _never(fault: dict[str, Any]) -> str:
    where = f"step {fault['step']}" if "step" in fault else "its queue" if "queue" in fault else "its validation"
    return f"job {fault['job']} never came to {where}"


def _met(shown: dict[str, Any]) -> str:
    counts = f"matched {shown['matched']}, applied {shown['applied']}"
    return f"{counts}: it was not done: {shown['refused']}" if shown["refused"] else counts


def _tell(name: str, fault: dict[str, Any], *more: str) -> None:
    """Print a fault as a block of lines: its name, what it is about, what it does, its note, and more."""
    about = [*_requests(fault), _which(fault)] if "request" in fault else [f"job {fault['job']}", _step(fault)]
    noted = [fault["note"]] if fault.get("note") else []
    indent = " " * (len(name) + 2)
    for number, line in enumerate((", ".join(about), ", ".join(_what(fault)), *noted, *more)):
        begin = indent if number else f"{name}  "
        typer.echo("\n".join(_wrapped(visible(line), begin, indent)))


def _wrapped(line: str, begin: str, indent: str) -> Sequence[str]:
    if not sys.stdout.isatty():  # for grep
        return [f"{begin}{line}"]
    width = min(get_terminal_size().columns, WIDEST)
    return wrap(
        line,
        width,
        initial_indent=begin,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _requests(fault: dict[str, Any]) -> list[str]:
    asked = fault["request"]
    head = " ".join([*([asked["method"]] if asked.get("method") else []), asked.get("path") or "any path"])
    return [head, *(f"{name} {asked[name]}" for name in ("service", "model", "job") if asked.get(name) is not None)]


def _step(fault: dict[str, Any]) -> str:
    return f"step {fault['step']}" if "step" in fault else "before it trains"


def _which(fault: dict[str, Any]) -> str:
    first, times = fault.get("nth", 1), fault.get("times", None if "tokens_per_minute" in fault else 1)
    if times is None:
        return "all calls" if first == 1 else f"from call {first} on"
    return f"call {first}" if times == 1 else f"calls {first} to {first + times - 1}"


def _what(fault: dict[str, Any]) -> Iterator[str]:
    """Yield what a fault does, as it is written."""
    for name, value in fault.items():
        if name == "aws":
            yield f"{name} {_operation(value)} {json.dumps(value.get('parameters', {}))}"
        elif name not in _SHOWN_ELSEWHERE:
            yield f"{name} {value if isinstance(value, str) else json.dumps(value)}"


def _operation(aws: dict[str, Any]) -> str:
    return f"{aws['service']} {aws['operation']}"
