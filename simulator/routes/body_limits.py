"""How much of a body is taken: reading stops with an error once there is more of it than the endpoint allows."""

from typing import Final

from starlette.requests import Request

from simulator.errors import BODY_TOO_LARGE, FILE_TOO_LARGE, ApiError
from simulator.http.asgi import Message
from simulator.settings import Settings

_FORM_LINES: Final = 1_000_000  # bytes for a form's own lines and its other fields


def limit_body(request: Request, settings: Settings, *, accepts_file: bool) -> Request:
    """Return the request with a body that raises when it is larger than the settings allow. Nothing is read yet."""
    most = settings.max_file_bytes + _FORM_LINES if accepts_file else settings.max_body_bytes
    receive, taken = request.receive, 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise file_too_large_error(settings) if accepts_file else _body_too_large(settings)
        return message

    return Request(request.scope, counted)


def file_too_large_error(settings: Settings) -> ApiError:
    """Return the error for a file that is larger than the settings allow."""
    return FILE_TOO_LARGE(
        limit=settings.max_file_bytes, param="file", hint="--set max_file_bytes=... lets this simulator take more"
    )


def _body_too_large(settings: Settings) -> ApiError:
    return BODY_TOO_LARGE(limit=settings.max_body_bytes, hint="--set max_body_bytes=... lets this simulator take more")
