"""`rft-sim exec`: run one command beside a fresh simulator."""

import signal
import subprocess
from typing import Annotated

import typer

from simulator.cli import serve_options as options
from simulator.cli.environment import build_client_environment, read_interpreter_folders
from simulator.cli.exit_codes import EXIT_FAILED, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND
from simulator.cli.faults import describe_unused_faults
from simulator.cli.serving import open_simulator, open_socket, print_refused_requests
from simulator.cli.verdict import fetch_verdict, is_faulty, print_document
from simulator.settings import Settings


def execute(
    context: typer.Context,
    command: Annotated[list[str], typer.Argument(help="The command, after `--`.", metavar="-- COMMAND [ARG]...")],
    *,
    port: options.Port = 0,
    host: options.Host = options.DEFAULTS.host,
    region: options.RegionOption = options.DEFAULTS.region,
    seed: options.Seed = options.DEFAULTS.seed,
    epoch: options.Epoch = None,
    pace: options.PaceOption = options.DEFAULTS.pace,
    speed: options.Speed = options.DEFAULTS.speed,
    auth: options.AuthOption = options.DEFAULTS.auth,
    responses_events: options.ResponseEventsOption = options.DEFAULTS.responses_events,
    data: options.Data = options.DEFAULTS.data,
    rollouts: options.Rollouts = options.DEFAULTS.rollouts,
    faults: options.Faults = options.DEFAULTS.faults,
    changes: options.SettingChanges = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Report refused requests on standard error.")] = False,
    prints_verdict: Annotated[
        bool,
        typer.Option(
            "--verdict",
            help="Report at the end what COMMAND did wrong as a client. Exit with 1 if a finding is a failure.",
        ),
    ] = False,
) -> None:
    """Start a simulator and run COMMAND, with the environment variables of the simulator. Exit with COMMAND's code.

    DOCUMENTED, SAMPLE and INFERRED say how we know what Bedrock does: see `rft-sim settings --help`.
    """
    settings = Settings(
        host=host,
        port=port,
        region=region,
        seed=seed,
        epoch=options.DEFAULTS.epoch if epoch is None else options.parse_epoch(epoch),
        pace=pace,
        speed=speed,
        auth=auth,
        responses_events=responses_events,
        data=data,
        rollouts=rollouts,
        faults=faults,
    )
    settings = options.apply_changes(settings, changes, context)
    if verbose:
        print_refused_requests()
    from simulator.identity.session_key import create_session_key  # noqa: PLC0415  --help need not wait for it
    from simulator.server import serve_in_thread  # noqa: PLC0415  as above

    with (
        open_socket(settings) as listening_socket,
        open_simulator(
            lambda: serve_in_thread(settings, listening_socket, interpreters=read_interpreter_folders())
        ) as (simulator, url),
    ):
        key = create_session_key(settings.region)
        code = _run_command(command, build_client_environment(url=url, region=settings.region, key=key))
        for line in describe_unused_faults(simulator.context.fault_registry.statuses()):
            typer.echo(f"rft-sim: {line}", err=True)
        if prints_verdict:
            document = fetch_verdict(url, exit_code=code)
            print_document(document, stderr=True)
            code = code or (EXIT_FAILED if is_faulty(document) else 0)
    raise typer.Exit(code)


def _run_command(command: list[str], environment: dict[str, str]) -> int:
    """Run a command to its end; return its exit code, as a shell would."""
    # Ctrl-C reaches the command too, and the command decides: `rft train` offers to cancel the job. The simulator
    # waits. This is a handler and not SIG_IGN, which the command would inherit.
    signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    try:
        process = subprocess.Popen(command, env=environment)  # noqa: S603  the user's own command
    except FileNotFoundError:
        typer.echo(f"rft-sim: no such command: {command[0]}", err=True)
        return EXIT_NOT_FOUND
    except PermissionError:
        typer.echo(f"rft-sim: not executable: {command[0]}", err=True)
        return EXIT_NOT_EXECUTABLE
    except OSError as error:  # for example a script without a first line that names its interpreter
        typer.echo(f"rft-sim: {command[0]} cannot be run: {error.strerror}", err=True)
        return EXIT_NOT_EXECUTABLE

    signal.signal(signal.SIGTERM, lambda number, _frame: process.send_signal(number))
    code = process.wait()
    return code if code >= 0 else 128 - code
