"""`rft-sim reset`: delete everything in a running simulator."""

from typing import Annotated

import typer

from simulator.cli.control_client import request_control
from simulator.cli.exit_codes import exit_with_error
from simulator.cli.server_options import Endpoint, Host, Port, simulator_url


def reset(
    *,
    host: Host = None,
    port: Port = None,
    endpoint: Endpoint = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete a data folder's state without asking.")] = False,
) -> None:
    """Delete all files, jobs, models and AWS resources of a running simulator, and set its clock back to the start."""
    simulator = simulator_url(host, port, endpoint)
    health = request_control(simulator, "GET", "/health")
    if health["data"] is not None and not yes:
        exit_with_error(f"{simulator} keeps its state in {health['data']}. A reset deletes it: add --yes to continue")
    request_control(simulator, "POST", "/reset", timeout=None)
    typer.echo(f"{simulator} has been reset to the state of a first start.")
