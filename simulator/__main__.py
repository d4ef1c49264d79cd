"""`rft-sim`: start a simulator, run a command beside one, or print a running one's environment."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime
from errno import EADDRINUSE
from ipaddress import ip_address
from pathlib import Path
from time import time
from types import FrameType
from typing import Annotated, Final, NoReturn, TypeVar

import typer

from simulator.settings import (
    FIXED_EPOCH,
    TUNING_REGION,
    Pace,
    Settings,
    UnknownSettingError,
    changed,
    client_environment,
    foreign_variables,
    listed,
    session_variables,
)
from simulator.store.folder import DataFolderError

Made = TypeVar("Made")

_NOT_FOUND: Final = 127  # what a shell answers for a command that is not there
_NOT_EXECUTABLE: Final = 126

app = typer.Typer(
    name="rft-sim",
    help="A local simulator of Amazon Bedrock reinforcement fine-tuning: Mantle, Lambda, S3 and IAM on one port.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Port = Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)]
Host = Annotated[str, typer.Option(help="Address to listen on. Anything but loopback lets others in.")]
Seed = Annotated[int, typer.Option(help="Seed of every id and draw.")]
Epoch = Annotated[
    str | None,
    typer.Option(help="Where the clock starts: seconds since 1970, or a time such as 2026-01-31T12:00:00Z (UTC)."),
]
PaceOption = Annotated[Pace, typer.Option(help="Who moves a job on: nobody waits, or each retrieve gives it one turn.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any other setting; `rft-sim settings` lists them. Repeatable."),
]
Data = Annotated[Path | None, typer.Option(help="Folder to keep state in. Without it everything goes at exit.")]


@app.command()
def serve(
    port: Port = 8723,
    host: Host = "127.0.0.1",
    seed: Seed = 0,
    epoch: Epoch = None,
    pace: PaceOption = Pace.INSTANT,
    data: Data = None,
    changes: Changes = None,
) -> None:
    """Serve until Ctrl-C."""
    start = int(time()) if epoch is None else _seconds(epoch)
    settings = _changed(Settings(host=host, port=port, seed=seed, epoch=start, pace=pace, data=data), changes)
    from simulator.app import Simulator  # noqa: PLC0415  --help need not wait for it
    from simulator.server import serve, url_of  # noqa: PLC0415

    with _listening(settings) as listening, _ready(lambda: Simulator(settings, url=url_of(listening))) as simulator:
        address, own_port = listening.getsockname()
        if not ip_address(address).is_loopback:
            typer.echo(
                "Not on loopback: whoever reaches this can run code here, with a key that anybody can make.", err=True
            )
        typer.echo(f"Simulator at {url_of(listening)}  (state: {data or 'in a temporary folder, gone at exit'})")
        typer.echo(f'In another shell:  eval "$(rft-sim env --port {own_port})"   then:  rft train')
        serve(simulator, listening)
    typer.echo("Stopped.")


@app.command(name="exec", context_settings={"allow_interspersed_args": False})
def execute(
    command: Annotated[list[str], typer.Argument(help="The command, after `--`.", metavar="-- COMMAND [ARG]...")],
    port: Port = 0,
    host: Host = "127.0.0.1",
    seed: Seed = 0,
    epoch: Epoch = None,
    pace: PaceOption = Pace.INSTANT,
    data: Data = None,
    changes: Changes = None,
) -> None:
    """Run COMMAND beside a fresh simulator, with the environment that points at it; exit with COMMAND's code."""
    start = FIXED_EPOCH if epoch is None else _seconds(epoch)
    settings = _changed(Settings(host=host, port=port, seed=seed, epoch=start, pace=pace, data=data), changes)
    from simulator.keys import session_key  # noqa: PLC0415  --help need not wait for it
    from simulator.server import serving  # noqa: PLC0415

    with _listening(settings) as listening, _ready(lambda: serving(settings, listening)) as (_, url):
        key = session_key(settings.region)
        code = _run(command, client_environment(url=url, region=settings.region, key=key))
    raise typer.Exit(code)


@app.command()
def env(
    port: Annotated[int, typer.Option(help="The port that the simulator listens on.")] = 8723,
    host: Annotated[str, typer.Option(help="The address that it listens on.")] = "127.0.0.1",
    region: Annotated[str, typer.Option(help="The region that it stands for.")] = TUNING_REGION,
) -> None:
    """Print the lines that point a shell at a running simulator, and away from all else: eval "$(rft-sim env)"."""
    from simulator.keys import session_key  # noqa: PLC0415  --help need not wait for it

    variables = session_variables(url=f"http://{host}:{port}", region=region, key=session_key(region))
    for name in foreign_variables():
        if name not in variables:
            typer.echo(f"unset {name}")
    for name, value in variables.items():
        typer.echo(f"export {name}='{value}'")  # no value of ours holds a quote


@app.command(name="settings")
def list_settings(changes: Changes = None) -> None:
    """List every setting and its default, in the form that --set takes."""
    for line in listed(_changed(Settings(), changes)):
        typer.echo(line)


def _changed(settings: Settings, changes: list[str] | None) -> Settings:
    try:
        return changed(settings, changes) if changes else settings
    except UnknownSettingError as error:
        _stop(f"--set {error}")


def _listening(settings: Settings) -> socket.socket:
    from simulator.server import bound_socket  # noqa: PLC0415  --help need not wait for it

    try:
        return bound_socket(settings)
    except OSError as error:
        advice = (
            "Another program has it: --port 0 takes a free one." if error.errno == EADDRINUSE else "Look at --host."
        )
        _stop(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}. {advice}")


@contextmanager
def _ready(made: Callable[[], AbstractContextManager[Made]]) -> Iterator[Made]:
    """Enter what is made, and turn a data folder that cannot be used into one line."""
    # There is something to close from here on, whichever signal ends it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminated)
    with ExitStack() as stack:
        try:
            entered = stack.enter_context(made())
        except DataFolderError as error:
            _stop(str(error))
        yield entered


def _terminated(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _run(command: list[str], environment: dict[str, str]) -> int:
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


def _seconds(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        read = datetime.fromisoformat(text)
        return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp())
    except ValueError:
        _stop(f"--epoch takes seconds since 1970 or a time such as 2026-01-31T12:00:00Z, not {text!r}")


def _stop(message: str) -> NoReturn:
    typer.echo(f"rft-sim: {message}", err=True)
    raise typer.Exit(2)


def main() -> None:
    """Run the command line. Ctrl-C before anything was started just ends it."""
    signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(128 + signal.SIGINT))
    app()


if __name__ == "__main__":
    main()
