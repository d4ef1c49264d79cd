"""`rft-sim`: start a simulator, run a command beside one, or print a running one's environment."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import fields
from errno import EADDRINUSE
from inspect import signature
from ipaddress import ip_address
from pathlib import Path
from time import time
from types import FrameType
from typing import Annotated, Final, NoReturn, TypeVar

import typer

from simulator.cli.clock import clock
from simulator.cli.doctor import doctor
from simulator.cli.estimate import estimate
from simulator.cli.faults import app as faults_app
from simulator.cli.faults import describe_unused_faults
from simulator.cli.preview import preview
from simulator.cli.regrade import regrade
from simulator.cli.reset import reset
from simulator.cli.settings import meaning_of, settings_help
from simulator.cli.verdict import EXIT_FAULTY, fetch_verdict, is_faulty, print_document, verdict
from simulator.clock import TIME_FORMAT, parse_time
from simulator.faults.request_fault import ScriptError
from simulator.settings import (
    MAX_PORT,
    Auth,
    InvalidSettingError,
    Pace,
    Region,
    ResponseEvents,
    Settings,
    apply_assignments,
    build_client_environment,
    build_session_variables,
    format_assignments,
    list_foreign_variables,
)
from simulator.store.data_folder import DataFolderError
from simulator.upstream.errors import UpstreamError

T = TypeVar("T")

_DEFAULTS: Final = Settings()

_NOT_FOUND: Final = 127  # what a shell answers for a command that is not there
_NOT_EXECUTABLE: Final = 126

_INDENT: Final = "    "
_COLUMN: Final = 38  # characters of most settings with their default

app = typer.Typer(
    name="rft-sim",
    help="A local simulator of Amazon Bedrock reinforcement fine-tuning: Mantle, Lambda, S3 and IAM on one port.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Port = Annotated[int, typer.Option(help=meaning_of("port"), min=0, max=MAX_PORT)]
Host = Annotated[str, typer.Option(help=meaning_of("host"))]
RegionOption = Annotated[Region, typer.Option(help=meaning_of("region"), metavar="REGION")]
Seed = Annotated[int, typer.Option(help=meaning_of("seed"))]
Epoch = Annotated[str | None, typer.Option(help=meaning_of("epoch"), metavar="TIME")]
AuthOption = Annotated[Auth, typer.Option(help=meaning_of("auth"))]
PaceOption = Annotated[Pace, typer.Option(help=meaning_of("pace"))]
Speed = Annotated[float, typer.Option(help=meaning_of("speed"))]
ResponseEventsOption = Annotated[ResponseEvents, typer.Option(help=meaning_of("responses_events"))]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any setting; `rft-sim settings` lists them. Repeatable."),
]
Data = Annotated[Path | None, typer.Option(help=meaning_of("data"))]
Rollouts = Annotated[Path | None, typer.Option(help=meaning_of("rollouts"), metavar="DIR")]
Faults = Annotated[Path | None, typer.Option(help=meaning_of("faults"), metavar="FILE")]


def _print_version(*, asked: bool) -> None:
    if asked:
        from importlib import metadata  # noqa: PLC0415  nothing else needs it

        typer.echo(f"rft-sim {metadata.version('bedrock-rft-testbed')}")
        raise typer.Exit


@app.callback()
def _global_options(
    *,
    _asked: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version.", is_eager=True, callback=lambda asked: _print_version(asked=asked)
        ),
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    context: typer.Context,
    *,
    port: Port = _DEFAULTS.port,
    host: Host = _DEFAULTS.host,
    region: RegionOption = _DEFAULTS.region,
    seed: Seed = _DEFAULTS.seed,
    epoch: Epoch = None,
    pace: PaceOption = _DEFAULTS.pace,
    speed: Speed = _DEFAULTS.speed,
    auth: AuthOption = _DEFAULTS.auth,
    responses_events: ResponseEventsOption = _DEFAULTS.responses_events,
    data: Data = _DEFAULTS.data,
    rollouts: Rollouts = _DEFAULTS.rollouts,
    faults: Faults = _DEFAULTS.faults,
    changes: Changes = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not tell of refused requests.")] = False,
) -> None:
    """Serve until Ctrl-C, and tell of each refused request in a line on standard error."""
    start = int(time()) if epoch is None else _parse_epoch(epoch)
    settings = Settings(
        host=host,
        port=port,
        region=region,
        seed=seed,
        epoch=start,
        pace=pace,
        speed=speed,
        auth=auth,
        responses_events=responses_events,
        data=data,
        rollouts=rollouts,
        faults=faults,
    )
    settings = _checked_settings(settings, changes, context)
    if not quiet:
        _log_refused_requests()
    from simulator.http.server_discovery import connection_options  # noqa: PLC0415
    from simulator.server import serve, socket_url  # noqa: PLC0415
    from simulator.simulator import Simulator  # noqa: PLC0415  --help need not wait for it

    with (
        _open_socket(settings) as listening,
        _open_simulator(lambda: Simulator(settings, url=socket_url(listening))) as simulator,
    ):
        url = socket_url(listening)
        address, _ = listening.getsockname()
        if not ip_address(address).is_loopback:
            typer.echo(
                "Not on loopback: whoever reaches this can run code here, with a key that anybody can make.", err=True
            )
        typer.echo(f"Simulator at {url}  (state: {settings.data or 'in a temporary folder, gone at exit'})")
        typer.echo(f'In another shell:  eval "$(rft-sim env {connection_options(url)})"   then:  rft train')
        serve(simulator, listening)
    typer.echo("Stopped.")


@app.command(name="exec", context_settings={"allow_interspersed_args": False})
def execute(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(help="The command, after `--`.", metavar="-- COMMAND [ARG]...")],
    *,
    port: Port = 0,
    host: Host = _DEFAULTS.host,
    region: RegionOption = _DEFAULTS.region,
    seed: Seed = _DEFAULTS.seed,
    epoch: Epoch = None,
    pace: PaceOption = _DEFAULTS.pace,
    speed: Speed = _DEFAULTS.speed,
    auth: AuthOption = _DEFAULTS.auth,
    responses_events: ResponseEventsOption = _DEFAULTS.responses_events,
    data: Data = _DEFAULTS.data,
    rollouts: Rollouts = _DEFAULTS.rollouts,
    faults: Faults = _DEFAULTS.faults,
    changes: Changes = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell of refused requests on standard error.")] = False,
    prints_verdict: Annotated[
        bool, typer.Option("--verdict", help="Say at the end what COMMAND did wrong as a client; exit with 1 for it.")
    ] = False,
) -> None:
    """Run COMMAND beside a fresh simulator, with the environment that points at it; exit with COMMAND's code."""
    start = _DEFAULTS.epoch if epoch is None else _parse_epoch(epoch)
    settings = Settings(
        host=host,
        port=port,
        region=region,
        seed=seed,
        epoch=start,
        pace=pace,
        speed=speed,
        auth=auth,
        responses_events=responses_events,
        data=data,
        rollouts=rollouts,
        faults=faults,
    )
    settings = _checked_settings(settings, changes, context)
    if verbose:
        _log_refused_requests()
    from simulator.identity.session_key import create_session_key  # noqa: PLC0415  --help need not wait for it
    from simulator.server import serve_in_thread  # noqa: PLC0415

    with (
        _open_socket(settings) as listening,
        _open_simulator(lambda: serve_in_thread(settings, listening)) as (simulator, url),
    ):
        key = create_session_key(settings.region)
        code = _run_command(command, build_client_environment(url=url, region=settings.region, key=key))
        for line in describe_unused_faults(simulator.context.fault_registry.statuses()):
            typer.echo(f"rft-sim: {line}", err=True)
        if prints_verdict:
            document = fetch_verdict(url, exit_code=code)
            print_document(document, stderr=True)
            code = code or (EXIT_FAULTY if is_faulty(document) else 0)
    raise typer.Exit(code)


@app.command()
def env(
    port: Annotated[int, typer.Option(help="The port that it listens on.", min=1, max=MAX_PORT)] = _DEFAULTS.port,
    host: Annotated[str, typer.Option(help="The address that it listens on.")] = _DEFAULTS.host,
    region: Annotated[
        Region | None,
        typer.Option(help="The region to sign for. By default the server is asked for its own.", metavar="REGION"),
    ] = None,
) -> None:
    """Print the lines that point a shell at a running simulator, and away from all else: eval "$(rft-sim env)"."""
    from simulator.http.server_discovery import discover_region  # noqa: PLC0415
    from simulator.identity.session_key import create_session_key  # noqa: PLC0415  --help need not wait for it

    served, doubt = discover_region(host, port)
    chosen = region or served or _DEFAULTS.region
    if served and chosen != served:
        doubt = f"the simulator on {host}:{port} is in {served}"
    if doubt:
        typer.echo(f"rft-sim: {doubt}; these variables are for a simulator in {chosen}", err=True)
    variables = build_session_variables(url=f"http://{host}:{port}", region=chosen, key=create_session_key(chosen))
    for name in list_foreign_variables():
        if name not in variables:
            typer.echo(f"unset {name}")
    for name, value in variables.items():
        typer.echo(f"export {name}='{value}'")  # no value of ours holds a quote


@app.command(name="settings")
def list_settings(context: typer.Context, changes: Changes = None) -> None:
    """List every setting in the form that --set takes, with its default, the values it takes and what it means."""
    options = {field.name for field in fields(Settings)} & signature(serve).parameters.keys()
    width = shutil.get_terminal_size().columns if _is_terminal() else None
    for assignment in format_assignments(_checked_settings(_DEFAULTS, changes, context)):
        setting = settings_help()[assignment.partition("=")[0]]
        also = f" Also {_option_name(setting.name)}." if setting.name in options else ""
        if width is None:  # for grep: all of it on one line, which a shell reads up to the #
            typer.echo(f"{assignment:<{_COLUMN}} # {setting.accepts}. {setting.meaning}{also}")
            continue
        typer.secho(assignment, bold=True)
        for text in (f"{setting.meaning}{also}", f"Takes {setting.accepts}."):
            typer.echo(
                textwrap.fill(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False)
            )


app.add_typer(faults_app, name="faults")
app.command()(doctor)
app.command()(preview)
app.command()(regrade)
app.command()(estimate)
app.add_typer(clock)
app.command()(reset)
app.command()(verdict)


def _checked_settings(settings: Settings, changes: list[str] | None, context: typer.Context) -> Settings:
    """Return the settings after --set, or stop with one line: each is right, and none is given in two ways."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}
    assignments = []
    for change in changes or ():
        name, equals, value = change.partition("=")
        if name in given:
            _exit_with_error(f"--set {change} and {_option_name(name)}: give one of the two")
        assignments.append(f"{name}={_parse_epoch(value)}" if name == "epoch" and equals else change)
    try:
        return apply_assignments(settings, assignments)
    except InvalidSettingError as error:
        at_fault = str(error).partition("=")[0]
        _exit_with_error(f"{'--' if at_fault in given else '--set '}{error}")


def _is_terminal() -> bool:
    return sys.stdout.isatty()


def _option_name(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _log_refused_requests() -> None:
    import logging  # noqa: PLC0415  --help need not wait for it

    from simulator.http.request_log import LOGGER  # noqa: PLC0415

    LOGGER.addHandler(logging.StreamHandler())
    LOGGER.setLevel(logging.INFO)


def _open_socket(settings: Settings) -> socket.socket:
    from simulator.server import bind_socket  # noqa: PLC0415  --help need not wait for it

    try:
        return bind_socket(settings)
    except OSError as error:
        advice = (
            "Another program has it: --port 0 takes a free one." if error.errno == EADDRINUSE else "Look at --host."
        )
        _exit_with_error(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}. {advice}")


@contextmanager
def _open_simulator(made: Callable[[], AbstractContextManager[T]]) -> Iterator[T]:
    """Enter what is made, and turn a folder or a script that cannot be used into one line."""
    # There is something to close from here on, whichever signal ends it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _exit_on_signal)
    with ExitStack() as stack:
        try:
            entered = stack.enter_context(made())
        except (DataFolderError, ScriptError, UpstreamError) as error:
            _exit_with_error(str(error))
        yield entered


def _exit_on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _run_command(command: list[str], environment: dict[str, str]) -> int:
    # Ctrl-C reaches the command too, and it decides: it may offer to cancel the job. The simulator waits for it. (A
    # handler, and not SIG_IGN, which the command would inherit.)
    signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    try:
        child = subprocess.Popen(command, env=environment)  # noqa: S603  the user's own command
    except FileNotFoundError:
        typer.echo(f"rft-sim: no such command: {command[0]}", err=True)
        return _NOT_FOUND
    except PermissionError:
        typer.echo(f"rft-sim: not executable: {command[0]}", err=True)
        return _NOT_EXECUTABLE
    except OSError as error:  # no shebang line, say
        typer.echo(f"rft-sim: {command[0]} cannot be run: {error.strerror}", err=True)
        return _NOT_EXECUTABLE

    signal.signal(signal.SIGTERM, lambda number, _frame: child.send_signal(number))
    code = child.wait()
    return code if code >= 0 else 128 - code


def _parse_epoch(text: str) -> int:
    try:
        return parse_time(text)
    except ValueError:
        _exit_with_error(f"--epoch takes {TIME_FORMAT}, not {text!r}")


def _exit_with_error(message: str) -> NoReturn:
    typer.echo(f"rft-sim: {message}", err=True)
    raise typer.Exit(2)


def main() -> None:
    """Run the command line. Ctrl-C before anything was started just ends it."""
    signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(128 + signal.SIGINT))
    app()


if __name__ == "__main__":
    main()
