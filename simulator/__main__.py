"""`rft-sim`: start a simulator, run a command beside one, or print a running one's environment."""

import signal
import subprocess
from datetime import datetime
from pathlib import Path
from time import time
from typing import Annotated, Final, NoReturn

import typer

from simulator.settings import (
    FIXED_EPOCH,
    TUNING_REGION,
    Pace,
    Settings,
    UnknownSettingError,
    changed,
    client_environment,
    listed,
    session_variables,
)

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
    str | None, typer.Option(help="Where the clock starts: seconds since 1970, or a time such as 2026-01-31T12:00:00Z.")
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
    from simulator.server import bound_socket, serve, url_of  # noqa: PLC0415

    try:
        listening = bound_socket(settings)
    except OSError as error:
        _stop(f"cannot listen on {host}:{port}: {error.strerror}. Is another simulator running? Try --port 0.")
    with listening, Simulator(settings, url=url_of(listening)) as simulator:
        own_port = listening.getsockname()[1]
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

    try:
        with serving(settings) as (_, url):
            key = session_key(settings.region)
            code = _run(command, client_environment(url=url, region=settings.region, key=key))
    except OSError as error:
        _stop(f"cannot listen on {host}:{port}: {error.strerror}. Leave --port out to take a free one.")
    raise typer.Exit(code)


@app.command()
def env(port: Port = 8723, host: Host = "127.0.0.1", region: str = TUNING_REGION) -> None:
    """Print the variables for a running simulator: eval "$(rft-sim env)"."""
    from simulator.keys import session_key  # noqa: PLC0415  --help need not wait for it

    variables = session_variables(url=f"http://{host}:{port}", region=region, key=session_key(region))
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

    signal.signal(signal.SIGTERM, lambda number, _frame: child.send_signal(number))
    code = child.wait()
    return code if code >= 0 else 128 - code


def _seconds(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp())
    except ValueError:
        _stop(f"--epoch takes seconds since 1970 or a time such as 2026-01-31T12:00:00Z, not {text!r}")


def _stop(message: str) -> NoReturn:
    typer.echo(f"rft-sim: {message}", err=True)
    raise typer.Exit(2)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
