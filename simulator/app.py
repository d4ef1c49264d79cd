"""The composition root: settings become a running simulator here, and nowhere else."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from time import time
from types import TracebackType
from typing import Final, Self

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from simulator.asgi import App, Message, Receive, Scope, Send
from simulator.catalogue import unaliased
from simulator.clock import Clock
from simulator.cloud import Cloud
from simulator.deployed import DeployedGraders
from simulator.errors import (
    ALREADY_ENDED,
    BAD_CURSOR,
    BROKEN_FORM,
    INTERNAL_ERROR,
    NOT_RETOLD,
    UNKNOWN_PATH,
    WRONG_METHOD,
    ApiError,
)
from simulator.front_door import FrontDoor
from simulator.house import House
from simulator.identity.auth import Authenticator, anybody
from simulator.identity.gate import Gate
from simulator.ids import Ids
from simulator.inference.models import Inference
from simulator.jobs.engine import Engine
from simulator.jobs.job import Job, JobEndedError
from simulator.jobs.life import Story, story
from simulator.jobs.retelling import RetellingError
from simulator.lambdas.invoke_app import InvokeApp
from simulator.lambdas.pool import Pool
from simulator.projects import Organization
from simulator.refused import log_refusal
from simulator.responses.lifecycle import Responses
from simulator.routes.nowhere import hint_for, methods_of
from simulator.routes.table import ROUTES, add_routes
from simulator.running import options_for
from simulator.settings import Auth, Settings
from simulator.store.database import Database, UnknownCursorError
from simulator.store.files import Files
from simulator.store.folder import DataFolderError, claimed
from simulator.store.jobs import JobLogs
from simulator.store.models import Models
from simulator.store.projects import Projects
from simulator.store.responses import KeptResponses
from simulator.store.uploads import Uploads
from simulator.upstream.errors import UpstreamError
from simulator.upstream.replay import Replay
from simulator.wire.bodies import WireResponse, hinted, rendered_error
from simulator.wire.objects import announcement

DATABASE: Final = "simulator.sqlite"
UPLOADS: Final = "uploads"


class Simulator:
    """One simulator: an ASGI app and what lives behind it. One a process at a time: moto keeps its state there.

    Use it as a context manager, or call `close`: no thread, process or temporary file outlives it.
    """

    def __init__(self, settings: Settings, *, url: str) -> None:
        """Wire the rooms. `url` is where this simulator will be reached, for functions that call back.

        Raises:
            DataFolderError: the data folder cannot be used.
            UpstreamError: the folder of real outputs cannot be.
        """
        replay = Replay(settings.rollouts, unaliased=unaliased) if settings.rollouts else None
        self._temporary = None if settings.data else Path(mkdtemp(prefix="rft-sim-"))
        folder = settings.data or self._temporary
        assert folder  # noqa: S101  one of the two
        self._lock = claimed(folder)
        try:
            self._database = Database(folder / DATABASE if settings.data else None)
        except DataFolderError:
            self._lock.close()
            raise
        ids, clock = Ids(seed=settings.seed), Clock(epoch=max(settings.epoch, self._database.latest()))
        start = self._database.next_ordinal("starts")
        invocations = _ordinals(start)
        uploads = Uploads(folder / UPLOADS)
        # Each table family is one line here and one in the house.
        files, jobs, models = Files(self._database), JobLogs(self._database), Models(self._database)
        organization = Organization(
            projects=Projects(self._database), clock=clock, ids=ids, region=settings.region, most=settings.max_projects
        )
        self._cloud = Cloud(settings=settings)
        self._pool = Pool(
            new_request_id=lambda: ids.invocation(next(invocations)),
            now=clock.now,
            wall=time,
            max_environments=settings.lambda_workers,
            record=self._cloud.record,
            variables=lambda: {"AWS_ENDPOINT_URL": url},
        )
        self._grading_threads = ThreadPoolExecutor(settings.grading.concurrency, thread_name_prefix="grader")
        self._invoke = InvokeApp(
            pool=self._pool,
            find_function=self._cloud.find_function,
            account_of=self._cloud.account_of,
            refusal=self._cloud.refusal_of_key,
            new_request_id=lambda: ids.invocation(next(invocations)),
            default_region=settings.region,
        )

        def tell(job: Job) -> Story:
            model = ids.tuned_model(job.id, job.order.model, job.order.account)
            return story(job, open_file=uploads.reading, model=model, settings=settings, replay=replay)

        self._engine = Engine(
            logs=jobs,
            clock=clock,
            ids=ids,
            pace=settings.pace,
            places=settings.concurrent_jobs,
            graders=DeployedGraders(
                cloud=self._cloud, pool=self._pool, executor=self._grading_threads, settings=settings.grading
            ),
            tell=tell,
            announced=lambda event: announcement(event) is not None,
        )
        inference = Inference(
            files=files,
            models=models,
            uploads=uploads,
            seed=settings.seed,
            answer_path=settings.answer_path,
            replay=replay,
        )
        self.house = House(
            settings=settings,
            clock=clock,
            ids=ids,
            files=files,
            jobs=jobs,
            models=models,
            organization=organization,
            uploads=uploads,
            engine=self._engine,
            inference=inference,
            responses=Responses(
                kept=KeptResponses(self._database),
                inference=inference,
                ids=ids,
                ordinals=_ordinals(start),
                clock=clock,
                settings=settings,
            ),
            gate=Gate(
                authenticate=anybody(settings.account)
                if settings.auth is Auth.ANY
                else Authenticator(
                    region=settings.region,
                    access_key=self._cloud.access_key,
                    bedrock_key=self._cloud.bedrock_key,
                    wall=time,
                    ready=f"rft-sim env {options_for(url)}",
                ),
                refusal=self._cloud.denial,
                region=settings.region,
                wall=time,
                projects=organization,
                model_of=unaliased,
            ),
            completions=_ordinals(start),
        )
        self.api: App = _RequestIds(_api(self.house), ids=ids, requests=_ordinals(start))
        self.app: App = FrontDoor(api=self.api, invoke=self._invoke, aws=self._cloud, aws_answers=self._cloud.answers)
        self._engine.resume()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm_up(self) -> None:
        """Load what takes long, so that the first AWS call need not wait for it."""
        self._cloud.load()

    def close(self) -> None:
        """Stop: jobs between two events, functions at once.

        With a data folder the jobs go on at the next start, once their functions are deployed again.
        """
        self._engine.closing = True
        self._pool.close()
        self._engine.close()
        self._invoke.close()
        self._grading_threads.shutdown(wait=True, cancel_futures=True)
        self._cloud.close()
        self._database.close()
        self._lock.close()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)


def _ordinals(start: int) -> Iterator[str]:
    """Count what is not worth a write each: the how-many-eth start of this data folder, and from 0 within it."""
    return map(f"{start}-{{}}".format, count())  # a generator could not be asked by two threads at once


def _api(house: House) -> FastAPI:
    # No documentation pages: they load their scripts from the network.
    api = FastAPI(title="Bedrock RFT testbed", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    add_routes(api, house)
    api.add_exception_handler(Exception, _answer_error)
    answered = (ApiError, ClientDisconnect, HTTPException, JobEndedError, RetellingError, UnknownCursorError)
    for kind in (*answered, UpstreamError):
        api.add_exception_handler(kind, _answer_error)
    return api


def _answer_error(request: Request, raised: Exception) -> Response:
    """Turn whatever was raised into the error envelope: the one place where that happens."""
    error = _api_error(request, raised)
    log_refusal(error, method=request.method, path=request.url.path)
    headers = hinted([error.hint] if error.hint else [])
    if isinstance(raised, HTTPException):
        headers |= raised.headers or {}
    if error.kind is WRONG_METHOD:  # Starlette names the first route of that path only
        headers["Allow"] = ", ".join(methods_of(request.url.path, routes=ROUTES))
    return WireResponse(rendered_error(error), status_code=error.kind.status, headers=headers)


def _api_error(request: Request, raised: Exception) -> ApiError:
    match raised:
        case ApiError():
            return raised
        case UnknownCursorError(after=after):
            return BAD_CURSOR(param="after", after=after, hint="pass the id of the last element you were given")
        case JobEndedError(job_id=job_id, status=status):
            return ALREADY_ENDED(job=job_id, status=status)
        case RetellingError():
            hint = "start the simulator with the settings that the job ran under, and keep its files"
            return NOT_RETOLD(why=str(raised), hint=hint)
        case UpstreamError():
            return INTERNAL_ERROR(hint=str(raised))
        case ClientDisconnect():
            return BROKEN_FORM(why="the connection was closed before all of it had arrived")
        case HTTPException(status_code=404):
            path, base = request.url.path, request.base_url
            hint = hint_for(path, routes=ROUTES, origin=f"{base.scheme}://{base.netloc}")
            return UNKNOWN_PATH(method=request.method, path=path, hint=hint)
        case HTTPException(status_code=405):
            return WRONG_METHOD(method=request.method, path=request.url.path)
        case HTTPException(detail=detail):
            return BROKEN_FORM(why=detail)
        case _:
            return INTERNAL_ERROR(hint="a fault of the simulator: standard error says where; please report it")


class _RequestIds:
    """Gives every answer the two headers that name it: OpenAI's (which the SDK reads) and AWS's (OBSERVED)."""

    def __init__(self, app: App, *, ids: Ids, requests: Iterator[str]) -> None:
        self._app = app
        self._ids = ids
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = self._ids.request(next(self._requests)).encode()

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", name), (b"x-amzn-requestid", name)]
            await send(message)

        await self._app(scope, receive, named)
