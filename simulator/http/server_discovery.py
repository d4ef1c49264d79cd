"""Finding a running simulator from another process."""

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Final, get_args
from urllib.parse import urlsplit

from simulator.settings import Region, Settings

_TIMEOUT_SECONDS: Final = 2.0
_MAX_ANSWER_BYTES: Final = 10_000


def discover_region(host: str, port: int) -> tuple[Region | None, str | None]:
    """Return the region of the simulator that listens there, or None and the reason why it is unknown.

    The request uses no proxy. Whatever program answers, only the name of a region is returned, because a shell will
    evaluate it.
    """
    try:
        with closing(HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)) as connection:
            connection.request("GET", "/_simulator/health")
            answer = json.loads(connection.getresponse().read(_MAX_ANSWER_BYTES))["region"]
    except TimeoutError:
        return None, f"{host}:{port} has not answered for {_TIMEOUT_SECONDS:g} s"
    except OSError:
        return None, f"nothing listens on {host}:{port} yet"
    except (HTTPException, ValueError, LookupError, TypeError):
        answer = None
    regions: tuple[Region, ...] = get_args(Region)
    region = next((name for name in regions if name == answer), None)
    return region, None if region else f"the program on {host}:{port} is not a simulator"


def connection_options(url: str) -> str:
    """Return the options with which `rft-sim env` finds the simulator at `url`."""
    parts = urlsplit(url)
    host = parts.netloc.removesuffix(f":{parts.port}")
    port = f"--port {parts.port or 80}"
    return port if host == Settings().host else f"--host {host} {port}"
