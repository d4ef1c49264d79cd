"""Requests to the control plane (`/_simulator`) of a running simulator. They use no proxy and no key."""

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

from simulator.cli.exit_codes import exit_with_error
from simulator.http.server_discovery import connection_options

_DEFAULT_TIMEOUT: Final = 10.0
"""Seconds until a listening program must have answered an ordinary request."""

_FIRST_ERROR_STATUS: Final = 400


def request_control(
    simulator: str, method: str, path: str, body: object = None, *, timeout: float | None = _DEFAULT_TIMEOUT
) -> Any:
    """Return the JSON answer of the control plane of the simulator at a URL; None for an empty answer.

    Exit with a one-line error when the simulator cannot be reached or refuses the request.

    Args:
        simulator: the URL of the simulator.
        method: the HTTP method.
        path: the path after `/_simulator`.
        body: sent as JSON.
        timeout: seconds; None waits as long as it takes.
    """
    parts = urlsplit(simulator)
    content = b"" if body is None else json.dumps(body).encode()
    try:
        with closing(HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout)) as connection:
            connection.request(method, f"/_simulator{path}", body=content, headers={"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer_body = answer.read()
    except TimeoutError:
        exit_with_error(f"{parts.netloc} has not answered for {timeout:g} s")
    except OSError:
        options = connection_options(simulator)
        exit_with_error(
            f"nothing listens on {parts.netloc}: start a simulator with `rft-sim serve {options}`, or give its --port"
        )
    except HTTPException:
        exit_with_error(f"the program on {parts.netloc} is not a simulator")
    if answer.status < _FIRST_ERROR_STATUS and not answer_body:
        return None
    value = _parse_json(answer_body)
    if answer.status >= _FIRST_ERROR_STATUS:
        error = value.get("error") if isinstance(value, dict) else None
        if not isinstance(error, dict):
            exit_with_error(f"the program on {parts.netloc} is not a simulator: it answered {answer.status}")
        hint = answer.headers.get("x-simulator-hint")
        exit_with_error(f"{error.get('message')}{f' ({hint})' if hint else ''}")
    if value is None:
        exit_with_error(f"the program on {parts.netloc} is not a simulator")
    return value


def _parse_json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
