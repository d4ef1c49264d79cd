"""`rft-sim faults`: list, add and remove the faults of a running simulator; check a fault script."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from simulator.cli.control_client import request_control
from simulator.cli.exit_codes import exit_with_error
from simulator.cli.explanation_page import MAX_WIDTH
from simulator.cli.server_options import Endpoint, Host, Port, simulator_url
from simulator.faults.request_fault import ScriptError
from simulator.faults.script_page import script_page_path
from simulator.http.sanitize import sanitize

if TYPE_CHECKING:
    from simulator.faults.registered_fault import FaultStatus
    from simulator.faults.script import Fault

_LINK: Final = re.compile(r"\[([^]]+)\]\([^)]*\)")
_STANDARD_INPUT: Final = Path("-")
_NO_EFFECTS: Final = ("job", "note", "nth", "request", "step", "times")
"""Fields of a fault that say when it applies, and not what it does."""

Script = Annotated[
    Path,
    typer.Argument(help="A fault script; - is standard input. `explain` describes the format.", metavar="FILE"),
]

app = typer.Typer()


@app.callback(invoke_without_command=True)
def show(context: typer.Context, host: Host = None, port: Port = None, endpoint: Endpoint = None) -> None:
    """Inject faults into a running simulator. Without a command: list the faults and how often they were applied."""
    context.obj = simulator_url(host, port, endpoint)
    if context.invoked_subcommand:
        return
    faults = request_control(context.obj, "GET", "/faults")["data"]
    if not faults:
        typer.echo("No faults.")
        return
    for status in faults:
        _print_fault(status["id"], status["fault"], _describe_counts(status))


@app.command()
def add(
    context: typer.Context, script: Script, host: Host = None, port: Port = None, endpoint: Endpoint = None
) -> None:
    """Add the faults of a script after the existing faults. If one is invalid, add none."""
    faults = [fault.source for fault in _read_script(script)]
    answer = request_control(_selected_simulator(context, host, port, endpoint), "POST", "/faults", faults)
    typer.echo(f"Added {', '.join(answer['ids'])}.")


@app.command()
def remove(
    context: typer.Context,
    fault: Annotated[str, typer.Argument(help="The fault's id, such as fault-1.", metavar="ID")],
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
) -> None:
    """Remove a fault. Requests and jobs that wait because of this fault continue."""
    from urllib.parse import quote  # noqa: PLC0415  --help need not wait for it

    request_control(_selected_simulator(context, host, port, endpoint), "DELETE", f"/faults/{quote(fault, safe='')}")
    typer.echo(f"Removed {fault}.")


@app.command()
def clear(context: typer.Context, host: Host = None, port: Port = None, endpoint: Endpoint = None) -> None:
    """Remove all faults."""
    request_control(_selected_simulator(context, host, port, endpoint), "DELETE", "/faults")
    typer.echo("Removed all faults.")


@app.command()
def check(script: Script) -> None:
    """Check a script without a simulator, and say what each of its faults does."""
    for number, fault in enumerate(_read_script(script), 1):
        _print_fault(str(number), fault.source)


@app.command()
def explain() -> None:
    """Describe the format of a fault script: every field, with examples. Output to a pipe or file is Markdown."""
    page = script_page_path().read_text(encoding="utf-8")
    if not sys.stdout.isatty():
        typer.echo(page, nl=False)
        return
    from rich.console import Console  # noqa: PLC0415  --help need not wait for it
    from rich.markdown import Markdown  # noqa: PLC0415
    from rich.theme import Theme  # noqa: PLC0415

    theme = Theme({"markdown.code": "bold cyan"})  # rich's default has a black background
    console = Console(width=min(get_terminal_size().columns, MAX_WIDTH), theme=theme)
    console.print(Markdown(_LINK.sub(r"\1", page), code_theme="ansi_dark"))


def describe_unused_faults(statuses: "Iterable[FaultStatus]") -> Iterator[str]:
    """Yield a line for each fault that was never applied, and for each whose AWS operation failed."""
    for status in statuses:
        fault = status.fault.source
        if status.refused:
            yield sanitize(f"{status.id}: {_describe_operation(fault['aws'])} failed: {status.refused}")
        elif not status.applied:
            reason = _explain_no_match(fault, status.matched) if "request" in fault else _explain_job_fault(fault)
            yield sanitize(f"{status.id} was never applied: {reason}")


def _selected_simulator(context: typer.Context, host: str | None, port: int | None, endpoint: str | None) -> str:
    """Return the simulator that the options after or before the command's name give."""
    return simulator_url(host, port, endpoint) if host or port else str(context.obj)


def _read_script(script: Path) -> "Sequence[Fault]":
    from simulator.faults.script import load_script, parse_script  # noqa: PLC0415  --help need not wait for it

    try:
        return parse_script(sys.stdin.buffer.read()) if script == _STANDARD_INPUT else load_script(script)
    except ScriptError as error:
        exit_with_error(str(error))


def _explain_no_match(fault: dict[str, Any], matched_count: int) -> str:
    """Return why a fault of requests was never applied."""
    match = ", ".join(_describe_match(fault))
    if not matched_count:
        return f"no request matched it ({match})"
    requests = (
        f"{matched_count} requests matched it ({match})" if matched_count > 1 else f"1 request matched it ({match})"
    )
    if matched_count < fault.get("nth", 1):
        return f"{requests}, but it applies to {_describe_repeats(fault)}"
    return f"{requests}, but it had no effect there"


def _explain_job_fault(fault: dict[str, Any]) -> str:
    """Return why a fault of a job was never applied."""
    phase = f"step {fault['step']}" if "step" in fault else "its queue" if "queue" in fault else "its validation"
    return f"job {fault['job']} never reached {phase}"


def _describe_counts(status: dict[str, Any]) -> str:
    counts = f"matched {status['matched']}, applied {status['applied']}"
    return f"{counts}: it failed: {status['refused']}" if status["refused"] else counts


def _print_fault(name: str, fault: dict[str, Any], *more_lines: str) -> None:
    """Print a fault as a block of lines: its name, when it applies, what it does, its note, and more."""
    condition = (
        [*_describe_match(fault), _describe_repeats(fault)]
        if "request" in fault
        else [f"job {fault['job']}", _describe_step(fault)]
    )
    notes = [fault["note"]] if fault.get("note") else []
    indent = " " * (len(name) + 2)
    for number, line in enumerate((", ".join(condition), ", ".join(_describe_effects(fault)), *notes, *more_lines)):
        start = indent if number else f"{name}  "
        typer.echo("\n".join(_wrap(sanitize(line), start, indent)))


def _wrap(line: str, start: str, indent: str) -> Sequence[str]:
    if not sys.stdout.isatty():  # one line each, for grep
        return [f"{start}{line}"]
    width = min(get_terminal_size().columns, MAX_WIDTH)
    return wrap(
        line,
        width,
        initial_indent=start,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _describe_match(fault: dict[str, Any]) -> list[str]:
    match = fault["request"]
    route = " ".join([*([match["method"]] if match.get("method") else []), match.get("path") or "any path"])
    return [route, *(f"{name} {match[name]}" for name in ("service", "model", "job") if match.get(name) is not None)]


def _describe_step(fault: dict[str, Any]) -> str:
    return f"step {fault['step']}" if "step" in fault else "before it trains"


def _describe_repeats(fault: dict[str, Any]) -> str:
    first, times = fault.get("nth", 1), fault.get("times", None if "tokens_per_minute" in fault else 1)
    if times is None:
        return "all calls" if first == 1 else f"from call {first} on"
    return f"call {first}" if times == 1 else f"calls {first} to {first + times - 1}"


def _describe_effects(fault: dict[str, Any]) -> Iterator[str]:
    """Yield each effect of a fault, as the script writes it."""
    for name, value in fault.items():
        if name == "aws":
            yield f"{name} {_describe_operation(value)} {json.dumps(value.get('parameters', {}))}"
        elif name not in _NO_EFFECTS:
            yield f"{name} {value if isinstance(value, str) else json.dumps(value)}"


def _describe_operation(aws: dict[str, Any]) -> str:
    return f"{aws['service']} {aws['operation']}"
