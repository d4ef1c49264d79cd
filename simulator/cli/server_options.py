"""Which simulator a command means, and how a command ends that cannot do what it was asked."""

from typing import Annotated, Final, NoReturn

import typer

from simulator.http.sanitize import visible
from simulator.settings import HIGHEST_PORT, Settings

MISUSE: Final = 2

_DEFAULTS: Final = Settings()

Host = Annotated[str | None, typer.Option(help="Where a simulator runs.")]
Port = Annotated[int | None, typer.Option(help="Likewise.", min=1, max=HIGHEST_PORT)]
Endpoint = Annotated[str | None, typer.Option(envvar="AWS_ENDPOINT_URL", hidden=True)]


def simulator_at(host: str | None, port: int | None, endpoint: str | None) -> str:
    """Return the URL of the simulator that is meant: the one of the options, of the environment, or the usual one."""
    if endpoint and host is None and port is None:
        return endpoint
    return f"http://{host or _DEFAULTS.host}:{port or _DEFAULTS.port}"


def stop(message: str, *, code: int = MISUSE) -> NoReturn:
    """End with a line on standard error; what it quotes from a file or a name, no terminal obeys."""
    typer.echo(visible(f"rft-sim: {message}", lines=True), err=True)
    raise typer.Exit(code)
