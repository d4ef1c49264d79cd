"""Every route, in one table: method, path, handler, and (DOCUMENTED: CloudTrail) the IAM action that it needs.

The routes are plain ones: FastAPI's own solving of parameters and dependencies costs more than all that a handler does.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from simulator.house import House
from simulator.routes import chat, control, files, jobs, models
from simulator.routes.call import Call
from simulator.wire.bodies import Json, WireResponse

Handler: TypeAlias = Callable[[Call], Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. Without an `action` it needs no key; `handler` gives a JSON value, or a response of its own."""

    method: str
    path: str
    handler: Handler
    action: str | None


ROUTES: Final = (
    Route("GET", "/v1/models", models.listing, "ListModels"),
    Route("GET", "/v1/models/{model:path}", models.retrieve, "GetModel"),
    Route("POST", "/v1/files", files.upload, "CreateFile"),
    Route("GET", "/v1/files", files.listing, "ListFiles"),
    Route("GET", "/v1/files/{file}", files.retrieve, "GetFile"),
    Route("GET", "/v1/files/{file}/content", files.content, "GetFile"),
    Route("DELETE", "/v1/files/{file}", files.delete, "DeleteFile"),
    Route("POST", "/v1/fine_tuning/jobs", jobs.create, "CreateFineTuningJob"),
    Route("GET", "/v1/fine_tuning/jobs", jobs.listing, "ListFineTuningJobs"),
    Route("GET", "/v1/fine_tuning/jobs/{job}", jobs.retrieve, "GetFineTuningJob"),
    Route("GET", "/v1/fine_tuning/jobs/{job}/events", jobs.events, "GetFineTuningJob"),
    Route("GET", "/v1/fine_tuning/jobs/{job}/checkpoints", jobs.checkpoints, "GetFineTuningJob"),
    Route("POST", "/v1/fine_tuning/jobs/{job}/cancel", jobs.cancel, "CancelFineTuningJob"),
    Route("POST", "/v1/chat/completions", chat.create, "CreateInference"),
    Route("GET", "/_simulator/health", control.health, None),
    Route("GET", "/_simulator/jobs/{job}/log", control.log, None),
    Route("GET", "/_simulator/jobs/{job}/truth", control.truth, None),
)


def add_routes(api: FastAPI, house: House) -> None:
    """Serve the table."""
    for route in ROUTES:
        api.add_route(route.path, _endpoint(route, house), methods=[route.method])


def _endpoint(route: Route, house: House) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        principal = house.authenticator.caller(request.headers) if route.action else None
        value = await route.handler(Call(request=request, house=house, principal=principal))
        return value if isinstance(value, Response) else WireResponse(value)

    return endpoint
