"""Everything that one simulator is made of and that a reset makes anew: the rooms, wired."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Condition
from time import monotonic, sleep, time
from typing import Final

from simulator.aws.deployed_graders import DeployedGraders
from simulator.aws.journal import Journal
from simulator.aws.root_client import RootClient
from simulator.aws.simulated_aws import SimulatedAws
from simulator.errors import ACCESS_DENIED
from simulator.faults.error_responses import ErrorResponses
from simulator.faults.job_fault_injector import JobFaultInjector
from simulator.faults.middleware import FaultMiddleware
from simulator.faults.registry import FaultRegistry
from simulator.faults.script import Fault
from simulator.http.asgi import App, Scope
from simulator.http.origin_check import OriginCheck
from simulator.http.server_discovery import connection_options
from simulator.identity.authentication import Authenticator, make_permissive_authenticator
from simulator.identity.authorization import Authorizer
from simulator.identity.projects import ProjectRegistry
from simulator.ids import Ids
from simulator.inference.model_catalogue import resolve_alias
from simulator.inference.model_inference import Inference
from simulator.jobs.clock_control import ClockControl
from simulator.jobs.codec import decode_job
from simulator.jobs.engine import Engine
from simulator.jobs.job import Job
from simulator.jobs.lifecycle import Lifecycle, job_lifecycle
from simulator.jobs.listing import JobListings
from simulator.jobs.pace import PaceRegistry
from simulator.lambdas.invoke_app import InvokeApp
from simulator.lambdas.pool import EnvironmentPool
from simulator.responses.lifecycle import Responses
from simulator.routes.api import build_api, error_response
from simulator.routes.context import AppContext
from simulator.routes.dispatch import Dispatch
from simulator.settings import Auth, Settings
from simulator.store.aws_requests import AwsRequestStore
from simulator.store.blobs import BlobStore
from simulator.store.clock_state import ClockStateStore
from simulator.store.data_folder import unusable_folder_error
from simulator.store.database import Database
from simulator.store.files import FileStore
from simulator.store.job_logs import JobLogStore
from simulator.store.models import ModelStore
from simulator.store.projects import ProjectStore
from simulator.store.responses import ResponseStore
from simulator.upstream.response_folder import ResponseFolder
from simulator.verdict.audit_middleware import AuditMiddleware
from simulator.verdict.auditor import Auditor
from simulator.verdict.server_state import SimulatorState
from simulator.wire.objects import describe_event

DATABASE_NAME: Final = "simulator.sqlite"
UPLOADS_FOLDER: Final = "uploads"
AWS_REQUESTS_FOLDER: Final = "requests"
ENVIRONMENTS_FOLDER: Final = "environments"


class InFlightRequests:
    """Counts the requests that are under way in some rooms: enter for each one's length."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._count = 0

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_until_none(self, *, timeout: float) -> bool:
        """Wait until there are none, for so many seconds at most; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._count, timeout=timeout)


class Services:
    """The rooms of a simulator on one folder: what answers requests (`app`, `api`), and what works behind it."""

    def __init__(
        self,
        settings: Settings,
        *,
        url: str,
        folder: Path,
        has_state: bool,
        replay: ResponseFolder | None,
        faults: Sequence[Fault],
        reset: Callable[[], None],
    ) -> None:
        """Wire the rooms; jobs that were left unfinished in the folder go on.

        Args:
            settings: those of the simulator; without a data folder in them the database lives in memory.
            url: where this simulator will be reached, for functions that call back.
            folder: where the state is.
            has_state: there is state in it already.
            replay: a real model's outputs, if jobs are to train on such.
            faults: those to begin with.
            reset: puts other rooms in the place of these.

        Raises:
            DataFolderError: what the folder holds cannot be used.
            StoreDamagedError: likewise.
            StoreFullError: the disk is full.
        """
        self.in_flight_requests = InFlightRequests()
        self._database = Database(folder / DATABASE_NAME if settings.data else None, must_exist=has_state)
        try:
            self._wire(settings, url=url, folder=folder, replay=replay, faults=faults, reset=reset)
        except BaseException:
            self._database.close()
            raise

    def _wire(
        self,
        settings: Settings,
        *,
        url: str,
        folder: Path,
        replay: ResponseFolder | None,
        faults: Sequence[Fault],
        reset: Callable[[], None],
    ) -> None:
        uploads, files = (
            BlobStore(folder / UPLOADS_FOLDER, durable=settings.data is not None),
            FileStore(self._database),
        )
        _check_uploads(files, uploads, folder)
        journal = _journal(self._database, folder) if settings.data else None
        paces = PaceRegistry(
            states=ClockStateStore(self._database),
            pace=settings.pace,
            speed=settings.speed,
            epoch=settings.epoch,
            latest_time=self._database.latest_simulated_time(),
            wall_clock=time,
            monotonic=monotonic,
        )
        ids, clock, callers = Ids(seed=settings.seed), paces.clock, paces.caller_clock
        start = self._database.next_ordinal("starts")
        invocations = _ordinals(start)
        # Each table family is one line here and one in the house.
        jobs, models = JobLogStore(self._database), ModelStore(self._database)
        organization = ProjectRegistry(
            store=ProjectStore(self._database),
            clock=clock,
            ids=ids,
            region=settings.region,
            max_projects=settings.max_projects,
        )
        self._cloud = SimulatedAws(settings=settings, clock=clock.now, caller_clock=callers.now, journal=journal)
        self._pool = EnvironmentPool(
            new_request_id=lambda: ids.invocation(next(invocations)),
            now=clock.now,
            wall=time,
            max_environments=settings.lambda_workers,
            record=self._cloud.record_invocation,
            variables=lambda: {"AWS_ENDPOINT_URL": url},
            folder=_remove_folder(folder / ENVIRONMENTS_FOLDER),
        )
        self._grading_threads = ThreadPoolExecutor(settings.grading.concurrency, thread_name_prefix="grader")
        self._invoke = InvokeApp(
            pool=self._pool,
            find_function=self._cloud.find_function,
            account_for_access_key=self._cloud.account_for_access_key,
            denial_reason=self._cloud.invoke_denial_reason_for_key,
            new_request_id=lambda: ids.invocation(next(invocations)),
            default_region=settings.region,
        )

        def tell(job: Job) -> Lifecycle:
            model = ids.tuned_model(job.id, job.spec.model, job.spec.account)
            return job_lifecycle(job, open_file=uploads.open, model=model, settings=settings, replay=replay)

        def ended(job_id: str) -> str | None:
            text = jobs.get_projection(job_id)
            job = decode_job(text) if text else None
            return job.status.value if job and job.status.is_terminal else None

        book = FaultRegistry(
            job_id_for=ids.job,
            terminal_status=ended,
            lapsed_seconds=callers.lapsed_seconds,
            monotonic=monotonic,
            initial_faults=faults,
        )
        root = RootClient(url=url, region=settings.region)
        self._engine = Engine(
            logs=jobs,
            ids=ids,
            paces=paces,
            slots=settings.concurrent_jobs,
            graders=DeployedGraders(
                aws=self._cloud, pool=self._pool, executor=self._grading_threads, settings=settings.grading
            ),
            hooks=JobFaultInjector(
                book, run_operation=lambda asked: root.execute(asked.service, asked.name, asked.parameters)
            ),
            create_lifecycle=tell,
            is_public=lambda event: describe_event(event) is not None,
        )
        inference = Inference(
            files=files,
            models=models,
            uploads=uploads,
            seed=settings.seed,
            answer_path=settings.answer_path,
            response_folder=replay,
        )
        self.context = AppContext(
            settings=settings,
            clock=clock,
            ids=ids,
            files=files,
            job_logs=jobs,
            job_listings=JobListings(jobs, settings.consistency),
            models=models,
            projects=organization,
            uploads=uploads,
            engine=self._engine,
            clock_control=ClockControl(
                engine=self._engine,
                paces=paces,
                caller_clock=callers,
                keys_expire=settings.auth is Auth.VERIFY,
                sleep=sleep,
            ),
            reset=reset,
            inference=inference,
            responses=Responses(
                store=ResponseStore(self._database),
                inference=inference,
                ids=ids,
                ordinals=_ordinals(start),
                clock=clock,
                settings=settings,
            ),
            authorizer=Authorizer(
                authenticate=make_permissive_authenticator(settings.account)
                if settings.auth is Auth.ANY
                else Authenticator(
                    region=settings.region,
                    find_access_key=self._cloud.find_access_key,
                    find_bedrock_key=self._cloud.find_bedrock_key,
                    caller_time=callers,
                    env_command=f"rft-sim env {connection_options(url)}",
                ),
                denial_reason=self._cloud.denial_reason,
                region=settings.region,
                now=callers.now,
                projects=organization,
                resolve_model_alias=resolve_alias,
            ),
            auditor=Auditor(
                settings=settings.verdict,
                clock=monotonic,
                server_state=SimulatorState(engine=self._engine, files=files, logs=jobs, ids=ids),
            ),
            completion_ordinals=_ordinals(start),
            fault_registry=book,
        )
        requests = _ordinals(start)
        answers = ErrorResponses(
            render_error=error_response,
            request_id=lambda: ids.request(next(requests)),
            aws_request_id=lambda: ids.invocation(next(invocations)),
            wall_clock=time,
        )

        def edge(app: App) -> App:
            return FaultMiddleware(app, registry=book, error_responses=answers, max_body_bytes=settings.max_body_bytes)

        api = build_api(self.context, request_ordinals=requests)
        self.api: App = edge(api)
        door = Dispatch(api=api, invoke=self._invoke, aws=self._cloud, is_aws_request=self._cloud.supports)
        watched = AuditMiddleware(edge(door), auditor=self.context.auditor, wall_clock=time)
        self.app: App = OriginCheck(watched, allowed_hosts=settings.hosts, reject=_reject)
        self._engine.resume()

    def warm_up(self) -> None:
        """Load what takes long, so that the first AWS call need not wait for it."""
        self._cloud.load()

    def stop(self) -> None:
        """Let no job write any more, and cut off whom a fault holds up."""
        self._engine.closing = True
        self.context.fault_registry.disconnect_waiting()

    def close(self) -> None:
        """End what `stop` has stopped: jobs between two events, functions at once."""
        self._pool.close()
        self._engine.close()
        self._invoke.close()
        self._grading_threads.shutdown(wait=True, cancel_futures=True)
        self._cloud.close()
        self._database.close()


def _reject(scope: Scope, reason: str, hint: str) -> App:
    error = ACCESS_DENIED(reason=reason, hint=hint)
    return error_response(error, method=scope["method"], path=scope["path"])


def _check_uploads(files: FileStore, uploads: BlobStore, folder: Path) -> None:
    """See that all bytes are there that something kept still needs, and no others.

    Raises:
        DataFolderError: some are not.
    """
    needed = files.referenced_sha256s()
    for sha256 in needed:
        if fault := uploads.find_corruption(sha256):
            raise unusable_folder_error(folder, f"it is damaged: the uploaded file {UPLOADS_FOLDER}/{sha256} {fault}")
    uploads.remove_unreferenced(needed)


def _journal(database: Database, folder: Path) -> Journal:
    """Return the journal of the AWS account.

    Raises:
        DataFolderError: a part of it is damaged or not there.
    """
    journal = Journal(requests=AwsRequestStore(database), bodies=BlobStore(folder / AWS_REQUESTS_FOLDER, durable=True))
    if fault := journal.find_corruption():
        raise unusable_folder_error(folder, f"it is damaged: of the requests to AWS, {AWS_REQUESTS_FOLDER}/{fault}")
    return journal


def _remove_folder(folder: Path) -> Path:
    """Remove what a simulator that was killed has left of a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _ordinals(start: int) -> Iterator[str]:
    """Count what is not worth a write each: the how-many-eth start of this data folder, and from 0 within it."""
    return map(f"{start}-{{}}".format, count())  # a generator could not be asked by two threads at once
