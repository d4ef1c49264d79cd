"""`rft-sim serve`: run a simulator until Ctrl-C."""

from functools import partial
from ipaddress import ip_address
from time import time
from typing import Annotated

import typer

from simulator.cli import serve_options as options
from simulator.cli.environment import read_interpreter_folders
from simulator.cli.serving import open_simulator, open_socket, print_refused_requests
from simulator.settings import Settings


def serve(
    context: typer.Context,
    *,
    port: options.Port = options.DEFAULTS.port,
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
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not report refused requests.")] = False,
) -> None:
    """Run a simulator until Ctrl-C. Refused requests are reported on standard error, one line each.

    DOCUMENTED, SAMPLE and INFERRED say how we know what Bedrock does: see `rft-sim settings --help`.
    """
    settings = Settings(
        host=host,
        port=port,
        region=region,
        seed=seed,
        epoch=int(time()) if epoch is None else options.parse_epoch(epoch),
        pace=pace,
        speed=speed,
        auth=auth,
        responses_events=responses_events,
        data=data,
        rollouts=rollouts,
        faults=faults,
    )
    settings = options.apply_changes(settings, changes, context)
    if not quiet:
        print_refused_requests()
    from simulator.http.server_discovery import connection_options  # noqa: PLC0415  imported late, so that --help is fast
    from simulator.server import serve, socket_url  # noqa: PLC0415  as above
    from simulator.simulator import Simulator  # noqa: PLC0415  as above

    start = partial(Simulator, settings, interpreters=read_interpreter_folders())
    with (
        open_socket(settings) as listening_socket,
        open_simulator(lambda: start(url=socket_url(listening_socket))) as simulator,
    ):
        url = socket_url(listening_socket)
        address, _ = listening_socket.getsockname()
        if not ip_address(address).is_loopback:
            typer.echo(
                "Warning: this address is not loopback. Anyone who can reach it can make a valid key and run code on "
                "this machine.",
                err=True,
            )
        typer.echo(f"Simulator at {url}  (state: {settings.data or 'in a temporary folder, deleted at exit'})")
        typer.echo(f'In another shell:  eval "$(rft-sim env {connection_options(url)})"   then:  rft train')
        serve(simulator, listening_socket)
    typer.echo("Stopped.")
