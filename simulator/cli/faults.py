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
from simulator.cli.control_client import request_control
from simulator.cli.explanation_page import MAX_WIDTH
from simulator.cli.server_options import Endpoint, Host, Port, exit_with_error, simulator_url
from simulator.faults.request_fault import ScriptError
from simulator.http.sanitize import sanitize

if TYPE_CHECKING:
    from simulator.faults.registry import FaultStatus
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
    context.obj = simulator_url(host, port, endpoint)
    if context.invoked_subcommand:
        return
    faults = request_control(context.obj, "GET", "/faults")["data"]
    if not faults:
        typer.echo("No faults.")
        return
    for shown in faults:
        _print_fault(shown["id"], shown["fault"], _describe_counts(shown))


@app.command()
def add(
    context: typer.Context, script: Script, host: Host = None, port: Port = None, endpoint: Endpoint = None
) -> None:
    """Add the faults of a script behind those that are there: all of them, or none."""
    written = [fault.source for fault in _read_script(script)]
    added = request_control(_selected_simulator(context, host, port, endpoint), "POST", "/faults", written)
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

    request_control(_selected_simulator(context, host, port, endpoint), "DELETE", f"/faults/{quote(fault, safe='')}")
    typer.echo(f"Removed {fault}.")


@app.command()
def clear(context: typer.Context, host: Host = None, port: Port = None, endpoint: Endpoint = None) -> None:
    """Take all faults back."""
    request_control(_selected_simulator(context, host, port, endpoint), "DELETE", "/faults")
    typer.echo("No faults any more.")


@app.command()
def check(script: Script) -> None:
    """Read a script, without a simulator, and say what each of its faults does."""
    for place, fault in enumerate(_read_script(script), 1):
        _print_fault(str(place), fault.source)


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
    console = Console(width=min(get_terminal_size().columns, MAX_WIDTH), theme=theme)
    console.print(Markdown(_LINK.sub(r"\1", page), code_theme="ansi_dark"))


def describe_unused_faults(statuses: "Iterable[FaultStatus]") -> Iterator[str]:
    """Yield a line for each fault that has met nothing, and for each whose operation was not done."""
    for standing in statuses:
        written = standing.fault.source
        if standing.refused:
            yield sanitize(f"{standing.id}: {_describe_operation(written['aws'])} was not done: {standing.refused}")
        elif not standing.applied:
            why = (
                _explain_no_match(written, standing.matched) if "request" in written else _explain_not_reached(written)
            )
            yield sanitize(f"{standing.id} has met nothing: {why}")


def _selected_simulator(context: typer.Context, host: str | None, port: int | None, endpoint: str | None) -> str:
    """Return the simulator of a command's own options, or else of those before its name."""
    return simulator_url(host, port, endpoint) if host or port else str(context.obj)


def _read_script(script: Path) -> "Sequence[Fault]":
    from simulator.faults.script import load_script, parse_script  # noqa: PLC0415  --help need not wait for it

    try:
        return parse_script(sys.stdin.buffer.read()) if script == _STANDARD_INPUT else load_script(script)
    except ScriptError as error:
        exit_with_error(str(error))


def _explain_no_match(fault: dict[str, Any], matched: int) -> str:
    about = ", ".join(_describe_match(fault))
    if not matched:
        return f"no request matched it ({about})"
    of = f"of {matched} that matched it ({about})"
    return (
        f"{of}, none was {_describe_repeats(fault)}"
        if matched < fault.get("nth", 1)
        else f"{of}, none gave it anything to do"
    )


def _explain_not_reached(fault: dict[str, Any]) -> str:
    where = f"step {fault['step']}" if "step" in fault else "its queue" if "queue" in fault else "its validation"
    return f"job {fault['job']} never came to {where}"


def _describe_counts(shown: dict[str, Any]) -> str:
    counts = f"matched {shown['matched']}, applied {shown['applied']}"
    return f"{counts}: it was not done: {shown['refused']}" if shown["refused"] else counts


def _print_fault(name: str, fault: dict[str, Any], *more: str) -> None:
    """Print a fault as a block of lines: its name, what it is about, what it does, its note, and more."""
    about = (
        [*_describe_match(fault), _describe_repeats(fault)]
        if "request" in fault
        else [f"job {fault['job']}", _describe_step(fault)]
    )
    noted = [fault["note"]] if fault.get("note") else []
    indent = " " * (len(name) + 2)
    for number, line in enumerate((", ".join(about), ", ".join(_describe_effects(fault)), *noted, *more)):
        begin = indent if number else f"{name}  "
        typer.echo("\n".join(_wrapped(sanitize(line), begin, indent)))


def _wrapped(line: str, begin: str, indent: str) -> Sequence[str]:
    if not sys.stdout.isatty():  # for grep
        return [f"{begin}{line}"]
    width = min(get_terminal_size().columns, MAX_WIDTH)
    return wrap(
        line,
        width,
        initial_indent=begin,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _describe_match(fault: dict[str, Any]) -> list[str]:
    asked = fault["request"]
    head = " ".join([*([asked["method"]] if asked.get("method") else []), asked.get("path") or "any path"])
    return [head, *(f"{name} {asked[name]}" for name in ("service", "model", "job") if asked.get(name) is not None)]


def _describe_step(fault: dict[str, Any]) -> str:
    return f"step {fault['step']}" if "step" in fault else "before it trains"


def _describe_repeats(fault: dict[str, Any]) -> str:
    first, times = fault.get("nth", 1), fault.get("times", None if "tokens_per_minute" in fault else 1)
    if times is None:
        return "all calls" if first == 1 else f"from call {first} on"
    return f"call {first}" if times == 1 else f"calls {first} to {first + times - 1}"


def _describe_effects(fault: dict[str, Any]) -> Iterator[str]:
    """Yield what a fault does, as it is written."""
    for name, value in fault.items():
        if name == "aws":
            yield f"{name} {_describe_operation(value)} {json.dumps(value.get('parameters', {}))}"
        elif name not in _SHOWN_ELSEWHERE:
            yield f"{name} {value if isinstance(value, str) else json.dumps(value)}"


def _describe_operation(aws: dict[str, Any]) -> str:
    return f"{aws['service']} {aws['operation']}"
