"""JSON as it leaves: one response class and the error envelope.

Keys go out in the order in which the renderers write them, which is alphabetical, as Mantle sends them (OBSERVED).
"""

import json
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from simulator.errors import ApiError
from simulator.http.sanitize import sanitize

Json = Any  # a JSON value: what it holds is the renderer's business


class JsonResponse(Response):
    """A JSON body, compact and in ASCII: a lone surrogate that some upload holds has no UTF-8 form."""

    media_type = "application/json"

    def render(self, content: Json) -> bytes:
        """Return the body's bytes."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


def render_error(error: ApiError) -> Json:
    """Return the error envelope."""
    kind = error.kind
    return {"error": {"code": kind.code, "message": error.message, "param": error.param, "type": kind.type}}


def hint_headers(hints: Iterable[str]) -> dict[str, str]:
    """Return the header that carries hints; none without any. Whatever they quote, it is one line of ASCII."""
    said = sanitize("; ".join(hints)).encode("ascii", "backslashreplace").decode("ascii")
    return {"x-simulator-hint": said} if said else {}
