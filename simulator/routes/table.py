"""Every route, in one table: method, path, handler, and (DOCUMENTED: CloudTrail) the IAM action that it needs.

The routes are plain ones: FastAPI's own solving of parameters and dependencies costs more than all that a handler does.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from simulator.evidence import Evidence
from simulator.house import House
from simulator.routes import chat, control, files, jobs, models
from simulator.routes.call import Call
from simulator.wire.bodies import Json, WireResponse

Handler: TypeAlias = Callable[[Call], Awaitable[Json]]

# DOCUMENTED: fine-tuning and files are under the first only. OBSERVED: the second, which the OpenAI SDK's Bedrock
# clients take by themselves, serves models and inference.
V1: Final = "/v1"
OPENAI_V1: Final = "/openai/v1"
CONTROL: Final = "/_simulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation: `path` as it stands under each of the `bases`.

    Without an `action` it needs no key. `conditions` are the condition keys (DOCUMENTED: Service Authorization
    Reference) that AWS gives to a policy with it. `handler` gives a JSON value, or a response of its own.
    """

    method: str
    path: str
    handler: Handler
    action: str | None
    evidence: Evidence
    conditions: tuple[str, ...] = ()
    bases: tuple[str, ...] = (V1,)


_BOTH: Final = (V1, OPENAI_V1)
_DOCUMENTED: Final = Evidence.DOCUMENTED


def _served(
    method: str, path: str, handler: Handler, action: str, *conditions: str, bases: tuple[str, ...] = (V1,)
) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        action=action,
        evidence=_DOCUMENTED,
        conditions=conditions,
        bases=bases,
    )


def _control(method: str, path: str, handler: Handler) -> Route:
    return Route(method=method, path=path, handler=handler, action=None, evidence=Evidence.INFERRED, bases=(CONTROL,))


ROUTES: Final = (
    _served("GET", "/models", models.listing, "ListModels", bases=_BOTH),
    _served("GET", "/models/{model:path}", models.retrieve, "GetModel", bases=_BOTH),
    _served("POST", "/files", files.upload, "CreateFile"),
    _served("GET", "/files", files.listing, "ListFiles"),
    _served("GET", "/files/{file}", files.retrieve, "GetFile", "Files"),
    _served("GET", "/files/{file}/content", files.content, "GetFile", "Files"),
    _served("DELETE", "/files/{file}", files.delete, "DeleteFile", "Files"),
    _served("POST", "/fine_tuning/jobs", jobs.create, "CreateFineTuningJob", "Files", "Model"),
    _served("GET", "/fine_tuning/jobs", jobs.listing, "ListFineTuningJobs"),
    _served("GET", "/fine_tuning/jobs/{job}", jobs.retrieve, "GetFineTuningJob", "FineTuningJob"),
    _served("GET", "/fine_tuning/jobs/{job}/events", jobs.events, "GetFineTuningJob", "FineTuningJob"),
    _served("GET", "/fine_tuning/jobs/{job}/checkpoints", jobs.checkpoints, "GetFineTuningJob", "FineTuningJob"),
    _served("POST", "/fine_tuning/jobs/{job}/cancel", jobs.cancel, "CancelFineTuningJob", "FineTuningJob"),
    _served("POST", "/chat/completions", chat.create, "CreateInference", bases=_BOTH),
    _control("GET", "/health", control.health),
    _control("GET", "/jobs/{job}/log", control.log),
    _control("GET", "/jobs/{job}/truth", control.truth),
)


def add_routes(api: FastAPI, house: House) -> None:
    """Serve the table."""
    for route in ROUTES:
        for base in route.bases:
            api.add_route(base + route.path, _endpoint(route, house), methods=[route.method])


def _endpoint(route: Route, house: House) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        admission = house.gate.admitted(request, route.action, route.conditions) if route.action else None
        value = await route.handler(Call(request=request, house=house, admission=admission))
        return value if isinstance(value, Response) else WireResponse(value)

    return endpoint
