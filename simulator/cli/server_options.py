"""Which simulator a command means, and how a command ends that cannot do what it was asked."""

from typing import Annotated, Final, NoReturn

import typer

from simulator.http.sanitize import sanitize
from simulator.settings import MAX_PORT, Settings

EXIT_USAGE: Final = 2

_DEFAULTS: Final = Settings()

Host = Annotated[str | None, typer.Option(help="Where a simulator runs.")]
Port = Annotated[int | None, typer.Option(help="Likewise.", min=1, max=MAX_PORT)]
Endpoint = Annotated[str | None, typer.Option(envvar="AWS_ENDPOINT_URL", hidden=True)]


def simulator_url(host: str | None, port: int | None, endpoint: str | None) -> str:
    """Return the URL of the simulator that is meant: the one of the options, of the environment, or the usual one."""
    if endpoint and host is None and port is None:
        return endpoint
    return f"http://{host or _DEFAULTS.host}:{port or _DEFAULTS.port}"


def exit_with_error(message: str, *, code: int = EXIT_USAGE) -> NoReturn:
    """End with a line on standard error; what it quotes from a file or a name, no terminal obeys."""
    typer.echo(sanitize(f"rft-sim: {message}", keep_newlines=True), err=True)
    raise typer.Exit(code)
