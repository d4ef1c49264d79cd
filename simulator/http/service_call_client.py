"""Asks a running simulator for the calls to AWS services that a function sent to it."""

from http.client import HTTPConnection, HTTPException
from threading import Lock
from typing import Final
from urllib.parse import urlsplit

from simulator.http.service_calls import ServiceCalls, parse_service_calls

SERVICE_CALLS_PATH: Final = "/_simulator/service-calls/"
"""With the request id of an invocation: DELETE returns and forgets its calls."""

_TIMEOUT_SECONDS: Final = 5.0
_OK: Final = 200


class ServiceCallClient:
    """Takes the calls of ended invocations over one connection.

    A simulator that does not answer, or of an earlier version, is not asked again.
    """

    def __init__(self, simulator: str) -> None:
        parts = urlsplit(simulator)
        self._connection: HTTPConnection | None = HTTPConnection(
            parts.hostname or "", parts.port or 80, timeout=_TIMEOUT_SECONDS
        )
        self._lock = Lock()

    def take(self, request_id: str) -> tuple[ServiceCalls, ...]:
        """Return the calls of an invocation, which the simulator then forgets."""
        with self._lock:
            if self._connection is None:
                return ()
            try:
                self._connection.request("DELETE", SERVICE_CALLS_PATH + request_id)
                response = self._connection.getresponse()
                body = response.read().decode("utf-8", "replace")
            except (OSError, HTTPException):
                self._close()
                return ()
            if response.status != _OK:
                self._close()
                return ()
        return parse_service_calls(body)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
