"""Every route, in one table: method, path, handler, and (DOCUMENTED: CloudTrail) the IAM action that it needs.

The routes are plain ones: FastAPI's own solving of parameters and dependencies costs more than all that a handler does.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from simulator.parity.evidence import Evidence
from simulator.routes import chat, completions, control, embeddings, faults, files, jobs, models, projects, responses
from simulator.routes.body_limits import limited
from simulator.routes.context import House
from simulator.routes.openapi import document
from simulator.routes.request_context import Call
from simulator.routes.route import CONTROL, OPENAI_V1, V1, Handler, Route
from simulator.wire.chat_requests import ChatCompletion, Embeddings, TextCompletion
from simulator.wire.clock import SteerClock
from simulator.wire.json_response import WireResponse
from simulator.wire.projects import CreateProject, UpdateProject
from simulator.wire.requests import CreateJob
from simulator.wire.response_requests import CompactConversation, CreateResponse

_BOTH: Final = (V1, OPENAI_V1)
# Nothing new comes into a project that is archived.
_CREATING: Final = ("CreateFile", "CreateFineTuningJob", "CreateInference")
_PAGE: Final = ("after", "limit")


def _served(
    method: str,
    path: str,
    handler: Handler,
    action: str,
    *conditions: str,
    bases: tuple[str, ...] = (V1,),
    body: type[BaseModel] | None = None,
    query: tuple[str, ...] = (),
    takes_file: bool = False,
    evidence: Evidence = Evidence.DOCUMENTED,
) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        action=action,
        evidence=evidence,
        conditions=conditions,
        bases=bases,
        body=body,
        query=query,
        takes_file=takes_file,
    )


def _control(method: str, path: str, handler: Handler, *, body: type[BaseModel] | None = None) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        action=None,
        evidence=Evidence.INFERRED,
        bases=(CONTROL,),
        body=body,
    )


ROUTES: Final = (
    # The busiest first: they are tried in this order.
    _served("POST", "/chat/completions", chat.create, "CreateInference", bases=_BOTH, body=ChatCompletion),
    _served("GET", "/models", models.listing, "ListModels", bases=_BOTH),
    _served("GET", "/models/{model:path}", models.retrieve, "GetModel", bases=_BOTH),
    _served("POST", "/files", files.upload, "CreateFile", takes_file=True),
    _served("GET", "/files", files.listing, "ListFiles", query=("after", "limit", "order", "purpose")),
    _served("GET", "/files/{file}", files.retrieve, "GetFile", "Files"),
    _served("GET", "/files/{file}/content", files.content, "GetFile", "Files"),
    _served("DELETE", "/files/{file}", files.delete, "DeleteFile", "Files"),
    _served("POST", "/fine_tuning/jobs", jobs.create, "CreateFineTuningJob", "Files", "Model", body=CreateJob),
    _served("GET", "/fine_tuning/jobs", jobs.listing, "ListFineTuningJobs", query=_PAGE),
    _served("GET", "/fine_tuning/jobs/{job}", jobs.retrieve, "GetFineTuningJob", "FineTuningJob"),
    _served("GET", "/fine_tuning/jobs/{job}/events", jobs.events, "GetFineTuningJob", "FineTuningJob", query=_PAGE),
    _served(
        "GET", "/fine_tuning/jobs/{job}/checkpoints", jobs.checkpoints, "GetFineTuningJob", "FineTuningJob", query=_PAGE
    ),
    _served("POST", "/fine_tuning/jobs/{job}/cancel", jobs.cancel, "CancelFineTuningJob", "FineTuningJob"),
    _served(
        "POST",
        "/completions",
        completions.create,
        "CreateInference",
        bases=_BOTH,
        body=TextCompletion,
        evidence=Evidence.INFERRED,  # a page of AWS's calls it, the list of routes does not have it
    ),
    _served("POST", "/embeddings", embeddings.create, "CreateInference", bases=_BOTH, body=Embeddings),
    _served("GET", "/organization/projects", projects.listing, "ListProjects", query=(*_PAGE, "include_archived")),
    _served("POST", "/organization/projects", projects.create, "CreateProject", body=CreateProject),
    _served("GET", "/organization/projects/{project}", projects.retrieve, "GetProject"),
    _served("POST", "/organization/projects/{project}", projects.update, "UpdateProject", body=UpdateProject),
    _served("POST", "/organization/projects/{project}/archive", projects.archive, "ArchiveProject"),
    _served("POST", "/responses", responses.create, "CreateInference", bases=_BOTH, body=CreateResponse),
    # Before the ones that take any name.
    _served("POST", "/responses/compact", responses.compact, "CreateInference", bases=_BOTH, body=CompactConversation),
    _served(
        "GET",
        "/responses/{response}",
        responses.retrieve,
        "GetInference",
        bases=_BOTH,
        query=("stream", "starting_after"),
    ),
    _served("DELETE", "/responses/{response}", responses.delete, "DeleteInference", bases=_BOTH),
    _served("POST", "/responses/{response}/cancel", responses.cancel, "CancelInference", bases=_BOTH),
    _control("GET", "/health", control.health),
    _control("POST", "/reset", control.reset),
    _control("GET", "/clock", control.clock),
    _control("POST", "/clock", control.steer, body=SteerClock),
    _control("GET", "/faults", faults.listing),
    _control("POST", "/faults", faults.add),
    _control("DELETE", "/faults", faults.clear),
    _control("DELETE", "/faults/{fault}", faults.remove),
    _control("GET", "/jobs/{job}/log", control.log),
    _control("GET", "/jobs/{job}/rollouts", control.rollouts),
    _control("GET", "/jobs/{job}/truth", control.truth),
    _control("GET", "/verdict", control.verdict),
    _control("DELETE", "/verdict", control.forget),
)


def add_routes(api: FastAPI, house: House) -> None:
    """Serve the table."""
    for base in _BOTH:  # first, for it would be taken for the name of a response
        api.add_route(f"{base}/responses/input_tokens", _absent, methods=["POST"])
    for route in ROUTES:
        for base in route.bases:
            api.add_route(base + route.path, _endpoint(route, house), methods=[route.method])
    api.add_route(f"{CONTROL}/openapi.json", _described, methods=["GET"])


async def _absent(_: Request) -> Response:
    """OPENAI counts tokens here; no list of Mantle's routes has it."""
    raise HTTPException(HTTPStatus.NOT_FOUND)


async def _described(_: Request) -> Response:
    return WireResponse(document(ROUTES))


def _endpoint(route: Route, house: House) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        asked = limited(request, house.settings, takes_file=route.takes_file)
        admission = await house.gate.authorize(asked, route.action, route.conditions) if route.action else None
        if admission and route.action in _CREATING:
            house.organization.check_not_archived(admission.project)
        asked = admission.request if admission else asked
        value = await route.handler(Call(request=asked, house=house, admission=admission))
        return value if isinstance(value, Response) else WireResponse(value)

    return endpoint
