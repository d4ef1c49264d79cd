"""The API as an ASGI app: the routes, the translation of exceptions into error responses, and the request ids."""

from collections.abc import Iterator
from typing import Final

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
from simulator.jobs.replay import ChangedArithmeticError, ReplayError
from simulator.routes.aws_not_found import unserved_service, unserved_service_hint, unserved_service_response
from simulator.routes.context import AppContext
from simulator.routes.not_found_hints import allowed_methods, hint_for
from simulator.routes.table import ROUTES, add_routes
from simulator.store.database import UnknownCursorError
from simulator.store.errors import StoreDamagedError, StoreFullError
from simulator.upstream.errors import UpstreamError
from simulator.wire.json_response import JsonResponse, hint_headers, render_error

# Starlette raises every other exception again after it was answered, so that the server logs it.
_TRANSLATED: Final = (
    *(ApiError, ClientDisconnect, ClockControlError, HTTPException, JobEndedError, MultiPartException),
    *(ReplayError, ScriptError, StoreDamagedError, StoreFullError, UnknownCursorError, UpstreamError),
)


def build_api(app: AppContext, *, request_ordinals: Iterator[str]) -> App:
    """Return the API. `request_ordinals` distinguishes the requests."""
    return _RequestIds(_build_fastapi(app), ids=app.ids, ordinals=request_ordinals)


def _build_fastapi(app: AppContext) -> FastAPI:
    # No documentation pages, because they load scripts from the network.
    api = FastAPI(title="Bedrock RFT testbed", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    add_routes(api, app)
    for exception_type in (Exception, *_TRANSLATED):
        api.add_exception_handler(exception_type, _answer_error)
    return api


def error_response(error: ApiError, *, method: str, path: str) -> Response:
    """Return the error envelope and log the refusal. Every error response is created here."""
    log_refusal(error, method=method, path=path)
    headers = hint_headers([error.hint] if error.hint else [])
    return JsonResponse(render_error(error), status_code=error.kind.status, headers=headers)


def _answer_error(request: Request, exception: Exception) -> Response:
    error = _translate_exception(request, exception)
    response = error_response(error, method=request.method, path=request.url.path)
    if error.kind is UNKNOWN_PATH and (service := unserved_service(request.scope)):
        return unserved_service_response(
            request.scope,
            service=service,
            hint=error.hint or error.message,
            status=error.kind.status,
            request_id=request.state.request_id,
        )
    if isinstance(exception, HTTPException):
        response.headers.update(exception.headers or {})
    if error.kind is WRONG_METHOD:  # Starlette has only the first route of the path
        response.headers["Allow"] = ", ".join(allowed_methods(request.url.path, routes=ROUTES))
    return response


def _translate_exception(request: Request, exception: Exception) -> ApiError:  # noqa: C901, PLR0912  one case a kind
    match exception:
        case ApiError():
            return exception
        case UnknownCursorError(after=after):
            return BAD_CURSOR(param="after", after=after, hint="pass the id of the last element that you received")
        case JobEndedError(job_id=job_id, status=status):
            return ALREADY_ENDED(job=job_id, status=status)
        case ClockControlError():
            return INVALID_REQUEST(why=str(exception))
        case ChangedArithmeticError():
            hint = "its events, metrics and checkpoints are unchanged; create the job again to see its rollouts"
            return NOT_RETOLD(why=str(exception), hint=hint)
        case ReplayError():
            hint = "start the simulator with the settings of the job, and keep its files"
            return NOT_RETOLD(why=str(exception), hint=hint)
        case ScriptError():
            return FAULTY_SCRIPT(why=str(exception), hint="`rft-sim faults explain` describes every field")
        case StoreFullError():
            return STORAGE_FULL(hint=f"{exception}; free some space and retry: all earlier data is intact")
        case StoreDamagedError() | UpstreamError():
            return INTERNAL_ERROR(hint=str(exception))
        case ClientDisconnect():
            return BROKEN_FORM(why="the connection was closed before the end of the body")
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
            return INTERNAL_ERROR(hint="a bug in the simulator: standard error has the traceback; please report it")


class _RequestIds:
    """Adds the two request id headers to every response: OpenAI's (which the SDK reads) and AWS's (OBSERVED)."""

    def __init__(self, app: App, *, ids: Ids, ordinals: Iterator[str]) -> None:
        self._app = app
        self._ids = ids
        self._ordinals = ordinals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = self._ids.request(next(self._ordinals))
        scope.setdefault("state", {})["request_id"] = request_id
        header = request_id.encode()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", header),
                    (b"x-amzn-requestid", header),
                ]
            await send(message)

        await self._app(scope, receive, send_with_id)
