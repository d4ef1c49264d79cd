"""`rft-sim reset`: empty a running simulator."""

from typing import Annotated

import typer

from simulator.cli.control_client import request_control
from simulator.cli.server_options import Endpoint, Host, Port, exit_with_error, simulator_url


def reset(
    *,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Empty a running simulator: files, jobs, models, the AWS account; the clock goes back to where it started."""
    simulator = simulator_url(host, port, endpoint)
    health = request_control(simulator, "GET", "/health")
    if health["data"] is not None and not yes:
        exit_with_error(f"{simulator} keeps its state in {health['data']}, which this would empty: say --yes")
    request_control(simulator, "POST", "/reset", timeout=None)
    typer.echo(f"{simulator} is as after its first start.")
