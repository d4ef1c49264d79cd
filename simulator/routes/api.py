"""The API as an ASGI app: its routes, the one place where an error becomes an answer, and the ids of requests."""

from collections.abc import Iterator

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from simulator.errors import (
    ALREADY_ENDED,
    BAD_CURSOR,
    BROKEN_FORM,
    FAULTY_SCRIPT,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    NOT_RETOLD,
    STORAGE_FULL,
    UNKNOWN_PATH,
    WRONG_METHOD,
    ApiError,
)
from simulator.faults.request_fault import ScriptError
from simulator.http.asgi import App, Message, Receive, Scope, Send
from simulator.http.request_log import log_refusal
from simulator.ids import Ids
from simulator.jobs.job import JobEndedError
from simulator.jobs.pace import ClockControlError
from simulator.jobs.replay import ReplayError
from simulator.routes.aws_not_found import unserved_service, unserved_service_hint, unserved_service_response
from simulator.routes.context import AppContext
from simulator.routes.not_found_hints import allowed_methods, hint_for
from simulator.routes.table import ROUTES, add_routes
from simulator.store.database import UnknownCursorError
from simulator.store.errors import StoreDamagedError, StoreFullError
from simulator.upstream.errors import UpstreamError
from simulator.wire.json_response import JsonResponse, hint_headers, render_error


def build_api(app: AppContext, *, request_ordinals: Iterator[str]) -> App:
    """Return the API of a house; `request_ordinals` tells each request from all others."""
    return _RequestIds(_build_fastapi(app), ids=app.ids, requests=request_ordinals)


def _build_fastapi(app: AppContext) -> FastAPI:
    # No documentation pages: they load their scripts from the network.
    api = FastAPI(title="Bedrock RFT testbed", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    add_routes(api, app)
    api.add_exception_handler(Exception, _answer_error)
    answered = (ApiError, ClientDisconnect, ClockControlError, HTTPException, JobEndedError, MultiPartException)
    more = (ReplayError, ScriptError, StoreDamagedError, StoreFullError, UnknownCursorError, UpstreamError)
    for kind in (*answered, *more):
        api.add_exception_handler(kind, _answer_error)
    return api


def error_response(error: ApiError, *, method: str, path: str) -> Response:
    """Turn an error into its envelope, and tell of it: the one place where that happens."""
    log_refusal(error, method=method, path=path)
    headers = hint_headers([error.hint] if error.hint else [])
    return JsonResponse(render_error(error), status_code=error.kind.status, headers=headers)


def _answer_error(request: Request, raised: Exception) -> Response:
    error = _api_error(request, raised)
    answer = error_response(error, method=request.method, path=request.url.path)
    if error.kind is UNKNOWN_PATH and (service := unserved_service(request.scope)):
        return unserved_service_response(
            request.scope,
            service=service,
            hint=error.hint or error.message,
            status=error.kind.status,
            request_id=request.state.request_id,
        )
    if isinstance(raised, HTTPException):
        answer.headers.update(raised.headers or {})
    if error.kind is WRONG_METHOD:  # Starlette names the first route of that path only
        answer.headers["Allow"] = ", ".join(allowed_methods(request.url.path, routes=ROUTES))
    return answer


def _api_error(request: Request, raised: Exception) -> ApiError:  # noqa: C901, PLR0912  a closed list, one case a kind
    match raised:
        case ApiError():
            return raised
        case UnknownCursorError(after=after):
            return BAD_CURSOR(param="after", after=after, hint="pass the id of the last element you were given")
        case JobEndedError(job_id=job_id, status=status):
            return ALREADY_ENDED(job=job_id, status=status)
        case ClockControlError():
            return INVALID_REQUEST(why=str(raised))
        case ReplayError():
            hint = "start the simulator with the settings that the job ran under, and keep its files"
            return NOT_RETOLD(why=str(raised), hint=hint)
        case ScriptError():
            return FAULTY_SCRIPT(why=str(raised), hint="`rft-sim faults explain` describes every field")
        case StoreFullError():
            return STORAGE_FULL(hint=f"{raised}; free some space and retry: all earlier data is intact")
        case StoreDamagedError() | UpstreamError():
            return INTERNAL_ERROR(hint=str(raised))
        case ClientDisconnect():
            return BROKEN_FORM(why="the connection was closed before all of it had arrived")
        case HTTPException(status_code=404):
            path, base = request.url.path, request.base_url
            hint = hint_for(path, routes=ROUTES, origin=f"{base.scheme}://{base.netloc}")
            if service := unserved_service(request.scope):
                hint = unserved_service_hint(service, api_hint=hint)
            return UNKNOWN_PATH(method=request.method, path=path, hint=hint)
        case HTTPException(status_code=405):
            return WRONG_METHOD(method=request.method, path=request.url.path)
        case HTTPException(detail=why) | MultiPartException(message=why):
            return BROKEN_FORM(why=why)
        case _:
            return INTERNAL_ERROR(hint="a fault of the simulator: standard error says where; please report it")


class _RequestIds:
    """Gives every answer the two headers that name it: OpenAI's (which the SDK reads) and AWS's (OBSERVED)."""

    def __init__(self, app: App, *, ids: Ids, requests: Iterator[str]) -> None:
        self._app = app
        self._ids = ids
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = self._ids.request(next(self._requests))
        scope.setdefault("state", {})["request_id"] = request_id
        name = request_id.encode()

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", name), (b"x-amzn-requestid", name)]
            await send(message)

        await self._app(scope, receive, named)
