"""The JSON response class, the error envelope, and the hint header.

The renderers write keys in alphabetical order, as Mantle sends them (OBSERVED).
"""

import json
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from simulator.errors import ApiError
from simulator.http.sanitize import sanitize

Json = Any  # a JSON value


class JsonResponse(Response):
    """A compact JSON body in ASCII, because a lone surrogate from an uploaded file has no UTF-8 encoding."""

    media_type = "application/json"

    def render(self, content: Json) -> bytes:
        """Return the body's bytes."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def render_error(error: ApiError) -> Json:
    """Return the error envelope."""
    kind = error.kind
    return {"error": {"code": kind.code, "message": error.message, "param": error.param, "type": kind.type}}


def hint_headers(hints: Iterable[str]) -> dict[str, str]:
    """Return the header with the hints, as one line of ASCII; no header without hints."""
    text = sanitize("; ".join(hints)).encode("ascii", "backslashreplace").decode("ascii")
    return {"x-simulator-hint": text} if text else {}
