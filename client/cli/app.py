"""`rft`: reinforcement fine-tuning from the command line, in the simulator or on Bedrock."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated

import typer

from client.cli.cancel import cancel
from client.cli.chat import chat
from client.cli.check import check
from client.cli.deploy import deploy
from client.cli.diagnose import diagnose
from client.cli.events import events
from client.cli.jobs import jobs
from client.cli.logs import logs
from client.cli.plot import plot
from client.cli.target import target
from client.cli.train import train
from client.cli.watch import watch
from client.errors import to_client_error
from client.terminal import open_console, print_error

# In the order of `rft --help`.
_COMMANDS = (train, check, deploy, logs, jobs, watch, events, diagnose, cancel, plot, chat, target)

_app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=__doc__,
    epilog="The environment variable RFT_TARGET selects the target: `simulator` (default) or `bedrock`.",
)
for _command in _COMMANDS:
    _app.command()(_command)


def _print_version(*, is_requested: bool) -> None:
    if is_requested:
        sys.stdout.write(f"rft {metadata.version('bedrock-rft-testbed')}\n")
        raise typer.Exit


@_app.callback()
def _root(
    *,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show the traceback of an error. This option is also allowed after the command."),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version.",
            is_eager=True,
            callback=lambda requested: _print_version(is_requested=requested),
        ),
    ] = False,
) -> None:
    """Reinforcement fine-tuning from the command line, in the simulator or on Bedrock."""


def run_command_line(arguments: Sequence[str]) -> None:
    """Run one command line.

    Raises:
        SystemExit: with 0, or the exit code of the error (see `client.errors`).
    """
    debug = "--debug" in arguments
    try:
        _app(args=[argument for argument in arguments if argument != "--debug"], prog_name="rft")
    except Exception as error:
        client_error = to_client_error(error)
        if debug or client_error is None:
            raise
        print_error(open_console(stderr=True), client_error.message, next_step=client_error.next_step)
        raise SystemExit(client_error.exit_code) from None
