"""The table of all routes: method, path, handler, and the IAM action (DOCUMENTED: CloudTrail).

The handlers do not use FastAPI's parameters and dependencies: resolving these costs more than a typical handler.
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
from simulator.routes import (
    chat,
    clock,
    completions,
    control,
    embeddings,
    faults,
    files,
    job_inspection,
    jobs,
    models,
    projects,
    responses,
    service_calls,
    verdict,
)
from simulator.routes.body_limits import limit_body
from simulator.routes.context import AppContext
from simulator.routes.openapi import build_openapi_document
from simulator.routes.request_context import RequestContext
from simulator.routes.route import CONTROL_PREFIX, OPENAI_V1_PREFIX, V1_PREFIX, Handler, Route
from simulator.wire.chat_requests import ChatCompletion, Embeddings, TextCompletion
from simulator.wire.clock import SteerClock
from simulator.wire.job_requests import CreateJob
from simulator.wire.json_response import JsonResponse
from simulator.wire.projects import CreateProject, UpdateProject
from simulator.wire.response_requests import CompactConversation, CreateResponse

_BOTH_PREFIXES: Final = (V1_PREFIX, OPENAI_V1_PREFIX)
# An archived project takes no new resources.
_CREATE_ACTIONS: Final = ("CreateFile", "CreateFineTuningJob", "CreateInference")
_PAGE_PARAMETERS: Final = ("after", "limit")


def _mantle_route(
    method: str,
    path: str,
    handler: Handler,
    action: str,
    *conditions: str,
    prefixes: tuple[str, ...] = (V1_PREFIX,),
    body: type[BaseModel] | None = None,
    query_parameters: tuple[str, ...] = (),
    accepts_file: bool = False,
    evidence: Evidence = Evidence.DOCUMENTED,
) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        action=action,
        evidence=evidence,
        conditions=conditions,
        prefixes=prefixes,
        body=body,
        query_parameters=query_parameters,
        accepts_file=accepts_file,
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
    # The most frequent first: Starlette tries them in this order.
    _mantle_route(
        "POST", "/chat/completions", chat.create, "CreateInference", prefixes=_BOTH_PREFIXES, body=ChatCompletion
    ),
    _mantle_route("GET", "/models", models.list_models, "ListModels", prefixes=_BOTH_PREFIXES),
    _mantle_route("GET", "/models/{model:path}", models.retrieve, "GetModel", prefixes=_BOTH_PREFIXES),
    _mantle_route("POST", "/files", files.upload, "CreateFile", accepts_file=True),
    _mantle_route(
        "GET", "/files", files.list_files, "ListFiles", query_parameters=("after", "limit", "order", "purpose")
    ),
    _mantle_route("GET", "/files/{file}", files.retrieve, "GetFile", "Files"),
    _mantle_route("GET", "/files/{file}/content", files.get_content, "GetFile", "Files"),
    _mantle_route("DELETE", "/files/{file}", files.delete, "DeleteFile", "Files"),
    _mantle_route("POST", "/fine_tuning/jobs", jobs.create, "CreateFineTuningJob", "Files", "Model", body=CreateJob),
    _mantle_route("GET", "/fine_tuning/jobs", jobs.list_jobs, "ListFineTuningJobs", query_parameters=_PAGE_PARAMETERS),
    _mantle_route("GET", "/fine_tuning/jobs/{job}", jobs.retrieve, "GetFineTuningJob", "FineTuningJob"),
    _mantle_route(
        "GET",
        "/fine_tuning/jobs/{job}/events",
        jobs.list_events,
        "GetFineTuningJob",
        "FineTuningJob",
        query_parameters=_PAGE_PARAMETERS,
    ),
    _mantle_route(
        "GET",
        "/fine_tuning/jobs/{job}/checkpoints",
        jobs.list_checkpoints,
        "GetFineTuningJob",
        "FineTuningJob",
        query_parameters=_PAGE_PARAMETERS,
    ),
    _mantle_route("POST", "/fine_tuning/jobs/{job}/cancel", jobs.cancel, "CancelFineTuningJob", "FineTuningJob"),
    _mantle_route(
        "POST",
        "/completions",
        completions.create,
        "CreateInference",
        prefixes=_BOTH_PREFIXES,
        body=TextCompletion,
        evidence=Evidence.INFERRED,  # an AWS page calls it, AWS's list of routes does not have it
    ),
    _mantle_route(
        "POST", "/embeddings", embeddings.create, "CreateInference", prefixes=_BOTH_PREFIXES, body=Embeddings
    ),
    _mantle_route(
        "GET",
        "/organization/projects",
        projects.list_projects,
        "ListProjects",
        query_parameters=(*_PAGE_PARAMETERS, "include_archived"),
    ),
    _mantle_route("POST", "/organization/projects", projects.create, "CreateProject", body=CreateProject),
    _mantle_route("GET", "/organization/projects/{project}", projects.retrieve, "GetProject"),
    _mantle_route("POST", "/organization/projects/{project}", projects.update, "UpdateProject", body=UpdateProject),
    _mantle_route("POST", "/organization/projects/{project}/archive", projects.archive, "ArchiveProject"),
    _mantle_route(
        "POST", "/responses", responses.create, "CreateInference", prefixes=_BOTH_PREFIXES, body=CreateResponse
    ),
    # Before the routes that match any response id.
    _mantle_route(
        "POST",
        "/responses/compact",
        responses.compact,
        "CreateInference",
        prefixes=_BOTH_PREFIXES,
        body=CompactConversation,
    ),
    _mantle_route(
        "GET",
        "/responses/{response}",
        responses.retrieve,
        "GetInference",
        prefixes=_BOTH_PREFIXES,
        query_parameters=("stream", "starting_after"),
    ),
    _mantle_route("DELETE", "/responses/{response}", responses.delete, "DeleteInference", prefixes=_BOTH_PREFIXES),
    _mantle_route("POST", "/responses/{response}/cancel", responses.cancel, "CancelInference", prefixes=_BOTH_PREFIXES),
    _control_route("GET", "/health", control.get_health),
    _control_route("POST", "/reset", control.reset),
    _control_route("GET", "/clock", clock.get_clock),
    _control_route("POST", "/clock", clock.update_clock, body=SteerClock),
    _control_route("GET", "/faults", faults.list_faults),
    _control_route("POST", "/faults", faults.add_faults),
    _control_route("DELETE", "/faults", faults.clear_faults),
    _control_route("DELETE", "/faults/{fault}", faults.remove_fault),
    _control_route("GET", "/jobs/{job}/log", job_inspection.get_job_log),
    _control_route("GET", "/jobs/{job}/rollouts", job_inspection.get_job_rollouts),
    _control_route("GET", "/jobs/{job}/truth", job_inspection.get_job_truth),
    _control_route("DELETE", "/service-calls/{invocation}", service_calls.take_service_calls),
    _control_route("GET", "/verdict", verdict.get_verdict),
    _control_route("DELETE", "/verdict", verdict.reset_verdict),
)


def add_routes(api: FastAPI, app: AppContext) -> None:
    """Add the routes of the table to the app."""
    for prefix in _BOTH_PREFIXES:  # first, because the path of any response id would match it too
        api.add_route(f"{prefix}/responses/input_tokens", _answer_not_found, methods=["POST"])
    for route in ROUTES:
        for prefix in route.prefixes:
            api.add_route(prefix + route.path, _endpoint(route, app), methods=[route.method])
    api.add_route(f"{CONTROL_PREFIX}/openapi.json", _answer_openapi, methods=["GET"])


async def _answer_not_found(_: Request) -> Response:
    """Answer 404. OPENAI counts tokens at this path, but no list of Mantle's routes has it."""
    raise HTTPException(HTTPStatus.NOT_FOUND)


async def _answer_openapi(_: Request) -> Response:
    return JsonResponse(build_openapi_document(ROUTES))


def _endpoint(route: Route, app: AppContext) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        limited_request = limit_body(request, app.settings, accepts_file=route.accepts_file)
        authorization = None
        if route.action:
            authorization = await app.authorizer.authorize(limited_request, route.action, route.conditions)
        if authorization and route.action in _CREATE_ACTIONS:
            app.projects.check_not_archived(authorization.project)
        authorized_request = authorization.request if authorization else limited_request
        value = await route.handler(RequestContext(request=authorized_request, app=app, authorization=authorization))
        return value if isinstance(value, Response) else JsonResponse(value)

    return endpoint
