"""Options that select the running simulator to which a command sends its requests."""

from typing import Annotated, Final

import typer

from simulator.settings import MAX_PORT, Settings

_DEFAULTS: Final = Settings()
_ENDPOINT_HELP: Final = "Without --host and --port, $AWS_ENDPOINT_URL is used if it is set."

Host = Annotated[str | None, typer.Option(help=f"The simulator's host. Default: {_DEFAULTS.host}. {_ENDPOINT_HELP}")]
Port = Annotated[
    int | None,
    typer.Option(help=f"The simulator's port. Default: {_DEFAULTS.port}. {_ENDPOINT_HELP}", min=1, max=MAX_PORT),
]
Endpoint = Annotated[str | None, typer.Option(envvar="AWS_ENDPOINT_URL", hidden=True)]


def simulator_url(host: str | None, port: int | None, endpoint: str | None) -> str:
    """Return the simulator's URL: from --host and --port, else AWS_ENDPOINT_URL, else the default address."""
    if endpoint and host is None and port is None:
        return endpoint
    return f"http://{host or _DEFAULTS.host}:{port or _DEFAULTS.port}"
