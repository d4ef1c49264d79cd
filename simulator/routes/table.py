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
from simulator.routes.body_limits import limit_body
from simulator.routes.context import AppContext
from simulator.routes.openapi import build_openapi_document
from simulator.routes.request_context import RequestContext
from simulator.routes.route import CONTROL_PREFIX, OPENAI_V1_PREFIX, V1_PREFIX, Handler, Route
from simulator.wire.chat_requests import ChatCompletion, Embeddings, TextCompletion
from simulator.wire.clock import SteerClock
from simulator.wire.json_response import JsonResponse
from simulator.wire.projects import CreateProject, UpdateProject
from simulator.wire.requests import CreateJob
from simulator.wire.response_requests import CompactConversation, CreateResponse

_BOTH: Final = (V1_PREFIX, OPENAI_V1_PREFIX)
# Nothing new comes into a project that is archived.
_CREATING: Final = ("CreateFile", "CreateFineTuningJob", "CreateInference")
_PAGE: Final = ("after", "limit")


def _mantle_route(
    method: str,
    path: str,
    handler: Handler,
    action: str,
    *conditions: str,
    bases: tuple[str, ...] = (V1_PREFIX,),
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
        prefixes=bases,
        body=body,
        query_parameters=query,
        accepts_file=takes_file,
    )


def _control_route(method: str, path: str, handler: Handler, *, body: type[BaseModel] | None = None) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        action=None,
        evidence=Evidence.INFERRED,
        prefixes=(CONTROL_PREFIX,),
        body=body,
    )


ROUTES: Final = (
    # The busiest first: they are tried in this order.
    _mantle_route("POST", "/chat/completions", chat.create, "CreateInference", bases=_BOTH, body=ChatCompletion),
    _mantle_route("GET", "/models", models.list_models, "ListModels", bases=_BOTH),
    _mantle_route("GET", "/models/{model:path}", models.retrieve, "GetModel", bases=_BOTH),
    _mantle_route("POST", "/files", files.upload, "CreateFile", takes_file=True),
    _mantle_route("GET", "/files", files.list_files, "ListFiles", query=("after", "limit", "order", "purpose")),
    _mantle_route("GET", "/files/{file}", files.retrieve, "GetFile", "Files"),
    _mantle_route("GET", "/files/{file}/content", files.get_content, "GetFile", "Files"),
    _mantle_route("DELETE", "/files/{file}", files.delete, "DeleteFile", "Files"),
    _mantle_route("POST", "/fine_tuning/jobs", jobs.create, "CreateFineTuningJob", "Files", "Model", body=CreateJob),
    _mantle_route("GET", "/fine_tuning/jobs", jobs.list_jobs, "ListFineTuningJobs", query=_PAGE),
    _mantle_route("GET", "/fine_tuning/jobs/{job}", jobs.retrieve, "GetFineTuningJob", "FineTuningJob"),
    _mantle_route(
        "GET", "/fine_tuning/jobs/{job}/events", jobs.list_events, "GetFineTuningJob", "FineTuningJob", query=_PAGE
    ),
    _mantle_route(
        "GET",
        "/fine_tuning/jobs/{job}/checkpoints",
        jobs.list_checkpoints,
        "GetFineTuningJob",
        "FineTuningJob",
        query=_PAGE,
    ),
    _mantle_route("POST", "/fine_tuning/jobs/{job}/cancel", jobs.cancel, "CancelFineTuningJob", "FineTuningJob"),
    _mantle_route(
        "POST",
        "/completions",
        completions.create,
        "CreateInference",
        bases=_BOTH,
        body=TextCompletion,
        evidence=Evidence.INFERRED,  # a page of AWS's calls it, the list of routes does not have it
    ),
    _mantle_route("POST", "/embeddings", embeddings.create, "CreateInference", bases=_BOTH, body=Embeddings),
    _mantle_route(
        "GET", "/organization/projects", projects.list_projects, "ListProjects", query=(*_PAGE, "include_archived")
    ),
    _mantle_route("POST", "/organization/projects", projects.create, "CreateProject", body=CreateProject),
    _mantle_route("GET", "/organization/projects/{project}", projects.retrieve, "GetProject"),
    _mantle_route("POST", "/organization/projects/{project}", projects.update, "UpdateProject", body=UpdateProject),
    _mantle_route("POST", "/organization/projects/{project}/archive", projects.archive, "ArchiveProject"),
    _mantle_route("POST", "/responses", responses.create, "CreateInference", bases=_BOTH, body=CreateResponse),
    # Before the ones that take any name.
    _mantle_route(
        "POST", "/responses/compact", responses.compact, "CreateInference", bases=_BOTH, body=CompactConversation
    ),
    _mantle_route(
        "GET",
        "/responses/{response}",
        responses.retrieve,
        "GetInference",
        bases=_BOTH,
        query=("stream", "starting_after"),
    ),
    _mantle_route("DELETE", "/responses/{response}", responses.delete, "DeleteInference", bases=_BOTH),
    _mantle_route("POST", "/responses/{response}/cancel", responses.cancel, "CancelInference", bases=_BOTH),
    _control_route("GET", "/health", control.get_health),
    _control_route("POST", "/reset", control.reset),
    _control_route("GET", "/clock", control.get_clock),
    _control_route("POST", "/clock", control.update_clock, body=SteerClock),
    _control_route("GET", "/faults", faults.list_faults),
    _control_route("POST", "/faults", faults.add_faults),
    _control_route("DELETE", "/faults", faults.clear_faults),
    _control_route("DELETE", "/faults/{fault}", faults.remove_fault),
    _control_route("GET", "/jobs/{job}/log", control.get_job_log),
    _control_route("GET", "/jobs/{job}/rollouts", control.get_job_rollouts),
    _control_route("GET", "/jobs/{job}/truth", control.get_job_truth),
    _control_route("GET", "/verdict", control.get_verdict),
    _control_route("DELETE", "/verdict", control.reset_verdict),
)


def add_routes(api: FastAPI, app: AppContext) -> None:
    """Serve the table."""
    for base in _BOTH:  # first, for it would be taken for the name of a response
        api.add_route(f"{base}/responses/input_tokens", _absent, methods=["POST"])
    for route in ROUTES:
        for base in route.prefixes:
            api.add_route(base + route.path, _endpoint(route, app), methods=[route.method])
    api.add_route(f"{CONTROL_PREFIX}/openapi.json", _described, methods=["GET"])


async def _absent(_: Request) -> Response:
    """OPENAI counts tokens here; no list of Mantle's routes has it."""
    raise HTTPException(HTTPStatus.NOT_FOUND)


async def _described(_: Request) -> Response:
    return JsonResponse(build_openapi_document(ROUTES))


def _endpoint(route: Route, app: AppContext) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        asked = limit_body(request, app.settings, accepts_file=route.accepts_file)
        admission = await app.authorizer.authorize(asked, route.action, route.conditions) if route.action else None
        if admission and route.action in _CREATING:
            app.projects.check_not_archived(admission.project)
        asked = admission.request if admission else asked
        value = await route.handler(RequestContext(request=asked, app=app, authorization=admission))
        return value if isinstance(value, Response) else JsonResponse(value)

    return endpoint
