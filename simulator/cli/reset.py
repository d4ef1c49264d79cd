"""`rft-sim reset`: empty a running simulator."""

from typing import Annotated

import typer

from simulator.cli.control_client import asked
from simulator.cli.server_options import Endpoint, Host, Port, simulator_at, stop


def reset(
    *,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Empty a running simulator: files, jobs, models, the AWS account; the clock goes back to where it started."""
    simulator = simulator_at(host, port, endpoint)
    health = asked(simulator, "GET", "/health")
    if health["data"] is not None and not yes:
        stop(f"{simulator} keeps its state in {health['data']}, which this would empty: say --yes")
    asked(simulator, "POST", "/reset", patience=None)
    typer.echo(f"{simulator} is as after its first start.")
