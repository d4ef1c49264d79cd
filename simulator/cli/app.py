"""The command line `rft-sim`: its commands, `--version`, and where a process starts."""

import os
import signal
from typing import Annotated

import typer

from simulator.cli.clock import clock
from simulator.cli.compare import compare
from simulator.cli.doctor import doctor
from simulator.cli.env import env
from simulator.cli.estimate import estimate
from simulator.cli.exec import execute
from simulator.cli.faults import app as faults
from simulator.cli.preview import preview
from simulator.cli.regrade import regrade
from simulator.cli.reset import reset
from simulator.cli.serve import serve
from simulator.cli.settings import list_settings
from simulator.cli.verdict import verdict

app = typer.Typer(
    name="rft-sim",
    help="A local simulator of Amazon Bedrock reinforcement fine-tuning: its API (Mantle), Lambda, S3 and IAM on one "
    "port.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(*, is_requested: bool) -> None:
    if is_requested:
        from importlib import metadata  # noqa: PLC0415  nothing else needs it

        typer.echo(f"rft-sim {metadata.version('bedrock-rft-testbed')}")
        raise typer.Exit


@app.callback()
def _global_options(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version.",
            is_eager=True,
            callback=lambda value: _print_version(is_requested=value),
        ),
    ] = False,
) -> None:
    pass


app.command()(serve)
app.command(name="exec", context_settings={"allow_interspersed_args": False})(execute)
app.command()(env)
app.command(name="settings")(list_settings)
app.add_typer(faults, name="faults")
app.command()(doctor)
app.command()(compare)
app.command()(preview)
app.command()(regrade)
app.command()(estimate)
app.add_typer(clock)
app.command()(reset)
app.command()(verdict)


def main() -> None:
    """Run the command line. Ctrl-C exits at once until a command installs a handler of its own."""
    signal.signal(signal.SIGINT, lambda _number, _frame: os._exit(128 + signal.SIGINT))
    app()
