"""Asking the control plane of a simulator that runs already. No proxy is asked, and no key is sent."""

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

from simulator.cli.server_options import exit_with_error
from simulator.http.server_discovery import connection_options

_DEFAULT_TIMEOUT: Final = 10.0  # seconds until something that listens has answered an ordinary question
_REFUSED: Final = 400


def request_control(
    simulator: str, method: str, path: str, body: object = None, *, timeout: float | None = _DEFAULT_TIMEOUT
) -> Any:
    """Return what the control plane of the simulator at a URL answers; None for an empty answer.

    `path` is what follows `/_simulator`; `body` goes out as JSON. `timeout` in seconds; None waits for as long as it
    takes. Whatever is in the way ends the command with one line.
    """
    parts = urlsplit(simulator)
    sent = b"" if body is None else json.dumps(body).encode()
    try:
        with closing(HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)) as connection:
            connection.request(method, f"/_simulator{path}", body=sent, headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
    except TimeoutError:
        exit_with_error(f"nothing has answered on {parts.netloc} for {timeout:g} s")
    except OSError:
        options = connection_options(simulator)
        exit_with_error(
            f"nothing listens on {parts.netloc}: start it with `rft-sim serve {options}`, or name it by --port"
        )
    except HTTPException:
        exit_with_error(f"what listens on {parts.netloc} is no simulator")
    if answer.status < _REFUSED and not said:
        return None
    value = _parse_json(said)
    if answer.status >= _REFUSED:
        refusal = value.get("error") if isinstance(value, dict) else None
        if not isinstance(refusal, dict):
            exit_with_error(f"what listens on {parts.netloc} is no simulator: it answered {answer.status}")
        hint = answer.headers.get("x-simulator-hint")
        exit_with_error(f"{refusal.get('message')}{f' ({hint})' if hint else ''}")
    if value is None:
        exit_with_error(f"what listens on {parts.netloc} is no simulator")
    return value


def _parse_json(said: bytes) -> Any:
    try:
        return json.loads(said)
    except ValueError:
        return None
