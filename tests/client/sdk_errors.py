"""Errors as openai-python raises them."""

from __future__ import annotations

import httpx2
import openai

REQUEST = httpx2.Request("GET", "http://127.0.0.1:9/v1/files")


def make_status_error(status: int, **headers: str) -> openai.APIStatusError:
    """Return the error of a status and headers."""
    header_fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return openai.APIStatusError(
        "no", response=httpx2.Response(status, headers=header_fields, request=REQUEST), body=None
    )


def make_connection_refused_error() -> openai.APIConnectionError:
    """Return the error of a closed port; the reason is deep in its causes."""
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = httpx2.ConnectError("no")
    error.__cause__.__cause__ = ConnectionRefusedError()
    return error
