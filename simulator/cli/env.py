"""`rft-sim env`: the environment variables that connect the SDKs to a running simulator."""

from typing import Annotated, Final

import typer

from simulator.cli.environment import build_session_variables, list_foreign_variables
from simulator.settings import MAX_PORT, Region, Settings

_DEFAULTS: Final = Settings()


def env(
    port: Annotated[int, typer.Option(help="The simulator's port.", min=1, max=MAX_PORT)] = _DEFAULTS.port,
    host: Annotated[str, typer.Option(help="The simulator's host.")] = _DEFAULTS.host,
    region: Annotated[
        Region | None,
        typer.Option(help="The region that the SDKs use. Default: the running simulator's region.", metavar="REGION"),
    ] = None,
) -> None:
    """Print shell commands that connect the SDKs to a running simulator: eval "$(rft-sim env)".

    The commands also unset every other AWS and OpenAI variable.
    """
    from simulator.http.server_discovery import discover_region  # noqa: PLC0415  --help need not wait for it
    from simulator.identity.session_key import create_session_key  # noqa: PLC0415  as above

    served_region, problem = discover_region(host, port)
    chosen_region = region or served_region or _DEFAULTS.region
    if served_region and chosen_region != served_region:
        problem = f"the simulator on {host}:{port} is in {served_region}"
    if problem:
        typer.echo(f"rft-sim: {problem}; these variables are for a simulator in {chosen_region}", err=True)
    key = create_session_key(chosen_region)
    variables = build_session_variables(url=f"http://{host}:{port}", region=chosen_region, key=key)
    for name in list_foreign_variables():
        if name not in variables:
            typer.echo(f"unset {name}")
    for name, value in variables.items():
        typer.echo(f"export {name}='{value}'")  # no value holds a quote
