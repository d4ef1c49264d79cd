"""Limits the size of request bodies: reading stops with an error at the endpoint's limit."""

from typing import Final

from starlette.requests import Request

from simulator.errors import BODY_TOO_LARGE, FILE_TOO_LARGE, ApiError
from simulator.http.asgi import Message
from simulator.settings import Settings

_FORM_OVERHEAD: Final = 1_000_000  # bytes for the boundaries and the other fields of a form


def limit_body(request: Request, settings: Settings, *, accepts_file: bool) -> Request:
    """Return the request with a body that raises an ApiError when it exceeds the limit. Nothing is read yet."""
    limit = settings.max_file_bytes + _FORM_OVERHEAD if accepts_file else settings.max_body_bytes
    receive, received_bytes = request.receive, 0

    async def receive_limited() -> Message:
        nonlocal received_bytes
        message = await receive()
        received_bytes += len(message.get("body", b""))
        if received_bytes > limit:
            raise file_too_large_error(settings) if accepts_file else _body_too_large_error(settings)
        return message

    return Request(request.scope, receive_limited)


def file_too_large_error(settings: Settings) -> ApiError:
    """Return the error for a file that exceeds the limit."""
    return FILE_TOO_LARGE(limit=settings.max_file_bytes, param="file", hint="--set max_file_bytes=... raises the limit")


def _body_too_large_error(settings: Settings) -> ApiError:
    return BODY_TOO_LARGE(limit=settings.max_body_bytes, hint="--set max_body_bytes=... raises the limit")
