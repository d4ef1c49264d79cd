"""Asking the control plane of a simulator that runs already. No proxy is asked, and no key is sent."""

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

from simulator.cli.server_options import stop
from simulator.http.server_discovery import options_for

_PATIENCE: Final = 10.0  # seconds until something that listens has answered an ordinary question
_REFUSED: Final = 400


def asked(simulator: str, method: str, path: str, body: object = None, *, patience: float | None = _PATIENCE) -> Any:
    """Return what the control plane of the simulator at a URL answers; None for an empty answer.

    `path` is what follows `/_simulator`; `body` goes out as JSON. `patience` in seconds; None waits for as long as it
    takes. Whatever is in the way ends the command with one line.
    """
    parts = urlsplit(simulator)
    sent = b"" if body is None else json.dumps(body).encode()
    try:
        with closing(HTTPConnection(parts.hostname or "", parts.port or 80, timeout=patience)) as connection:
            connection.request(method, f"/_simulator{path}", body=sent, headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
    except TimeoutError:
        stop(f"nothing has answered on {parts.netloc} for {patience:g} s")
    except OSError:
        options = options_for(simulator)
        stop(f"nothing listens on {parts.netloc}: start it with `rft-sim serve {options}`, or name it by --port")
    except HTTPException:
        stop(f"what listens on {parts.netloc} is no simulator")
    if answer.status < _REFUSED and not said:
        return None
    value = _read(said)
    if answer.status >= _REFUSED:
        refusal = value.get("error") if isinstance(value, dict) else None
        if not isinstance(refusal, dict):
            stop(f"what listens on {parts.netloc} is no simulator: it answered {answer.status}")
        hint = answer.headers.get("x-simulator-hint")
        stop(f"{refusal.get('message')}{f' ({hint})' if hint else ''}")
    if value is None:
        stop(f"what listens on {parts.netloc} is no simulator")
    return value


def _read(said: bytes) -> Any:
    try:
        return json.loads(said)
    except ValueError:
        return None
