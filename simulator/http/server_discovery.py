"""A simulator that is running already: how another process finds it, and what it is asked."""

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Final, get_args
from urllib.parse import urlsplit

from simulator.settings import Region, Settings

_TIMEOUT_SECONDS: Final = 2.0  # seconds
_MAX_BYTES: Final = 10_000  # bytes of an answer


def discover_region(host: str, port: int) -> tuple[Region | None, str | None]:
    """Return the region of the simulator that listens there, or None and the reason why it is not known.

    No proxy is asked. Only the name of a region comes back, whoever answers: a shell is about to read it.
    """
    try:
        with closing(HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)) as connection:
            connection.request("GET", "/_simulator/health")
            said = json.loads(connection.getresponse().read(_MAX_BYTES))["region"]
    except TimeoutError:
        return None, f"nothing has answered on {host}:{port} for {_TIMEOUT_SECONDS:g} s"
    except OSError:
        return None, f"nothing listens on {host}:{port} yet"
    except (HTTPException, ValueError, LookupError, TypeError):
        said = None
    known: tuple[Region, ...] = get_args(Region)
    region = next((name for name in known if name == said), None)
    return region, None if region else f"what listens on {host}:{port} is no simulator"


def connection_options(url: str) -> str:
    """Return the options by which `rft-sim env` finds the simulator at `url`."""
    parts = urlsplit(url)
    host = parts.netloc.removesuffix(f":{parts.port}")
    port = f"--port {parts.port or 80}"
    return port if host == Settings().host else f"--host {host} {port}"
