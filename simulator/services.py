"""The composition root: every part of one simulator, created and connected. A reset replaces all of them."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
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
from simulator.http.in_flight_requests import InFlightRequests
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
from simulator.lambdas.interpreters import InterpreterFolders, nearest_interpreter
from simulator.lambdas.invoke_app import InvokeApp
from simulator.lambdas.pool import EnvironmentPool
from simulator.lambdas.service_call_middleware import ServiceCallMiddleware
from simulator.lambdas.service_call_recorder import ServiceCallRecorder
from simulator.responses.lifecycle import Responses
from simulator.routes.api import build_api, error_response
from simulator.routes.context import AppContext
from simulator.routes.dispatch import Dispatch
from simulator.settings import Auth, LambdaIsolation, Settings
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


class Services:
    """Every part of a simulator on one state folder.

    Attributes:
        context: the objects that the routes use.
        app: the ASGI app that the server runs.
        api: the same without AWS, for tests without a socket.
        in_flight_requests: counts the requests that these services are answering.
    """

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
        interpreters: InterpreterFolders,
    ) -> None:
        """Create and connect the parts. Unfinished jobs in the folder continue.

        Args:
            settings: the simulator's settings. If they have no data folder, the database is in memory.
            url: the URL of this simulator, for functions that call back.
            folder: the state folder.
            has_state: whether the folder already holds state.
            replay: recorded outputs of a real model for jobs to train on, or None.
            faults: the initial faults.
            reset: replaces these services by new ones.
            interpreters: where the Pythons of Lambda functions are.

        Raises:
            DataFolderError: the content of the folder cannot be used.
            SandboxUnavailableError: the settings require namespaces and this machine does not allow them.
            StoreDamagedError: the database is damaged.
            StoreFullError: the disk is full.
        """
        self._settings = settings
        self._url = url
        self._interpreter_for = partial(nearest_interpreter, folders=interpreters)
        self._folder = folder
        self.in_flight_requests = InFlightRequests()
        self._database = Database(folder / DATABASE_NAME if settings.data else None, must_exist=has_state)
        try:
            self._connect(replay=replay, faults=faults, reset=reset)
        except BaseException:
            self._database.close()
            raise

    def _connect(self, *, replay: ResponseFolder | None, faults: Sequence[Fault], reset: Callable[[], None]) -> None:
        settings = self._settings
        self._stores = _open_stores(self._database, self._folder, durable=settings.data is not None)
        self._paces = PaceRegistry(
            states=ClockStateStore(self._database),
            pace=settings.pace,
            speed=settings.speed,
            epoch=settings.epoch,
            latest_time=self._database.latest_simulated_time(),
            wall_clock=time,
            monotonic=monotonic,
        )
        self._ids = Ids(seed=settings.seed)
        self._start = self._database.next_ordinal("starts")
        self._invocation_ordinals = _ordinals(self._start)
        self._build_aws()
        self._fault_registry = FaultRegistry(
            job_id_for=self._ids.job,
            terminal_status=self._terminal_status,
            advanced_seconds=self._paces.caller_clock.advanced_seconds,
            monotonic=monotonic,
            initial_faults=faults,
        )
        self._build_engine(replay)
        self.context = self._build_context(replay, reset)
        request_ordinals = _ordinals(self._start)
        error_responses = ErrorResponses(
            render_error=error_response,
            request_id=lambda: self._ids.request(next(request_ordinals)),
            aws_request_id=self._new_invocation_id,
            wall_clock=time,
        )

        def inject_faults(app: App) -> App:
            return FaultMiddleware(
                app,
                registry=self._fault_registry,
                error_responses=error_responses,
                max_body_bytes=settings.max_body_bytes,
            )

        api = build_api(self.context, request_ordinals=request_ordinals)
        self.api: App = inject_faults(api)
        dispatch = Dispatch(api=api, invoke=self._invoke, aws=self._aws, is_aws_request=self._aws.supports)
        recorded_app = ServiceCallMiddleware(inject_faults(dispatch), recorder=self._service_calls)
        audited_app = AuditMiddleware(recorded_app, auditor=self.context.auditor, wall_clock=time)
        self.app: App = OriginCheck(audited_app, allowed_hosts=settings.hosts, reject=_reject)
        self._engine.resume()

    def _build_aws(self) -> None:
        """Build the simulated AWS account, and the pool and the API that run its Lambda functions."""
        settings, clock = self._settings, self._paces.clock
        self._service_calls = ServiceCallRecorder()
        self._aws = SimulatedAws(
            settings=settings,
            clock=clock.now,
            caller_clock=self._paces.caller_clock.now,
            journal=_open_journal(self._database, self._folder) if settings.data else None,
        )
        self._pool = EnvironmentPool(
            new_request_id=self._new_invocation_id,
            now=clock.now,
            wall=time,
            max_environments=settings.lambda_workers,
            interpreter_for=self._interpreter_for,
            record=self._aws.record_invocation,
            variables=lambda spec: {"AWS_ENDPOINT_URL": self._url, **self._aws.function_sessions.variables(spec)},
            take_service_calls=self._service_calls.take,
            folder=_remove_folder(self._folder / ENVIRONMENTS_FOLDER),
            isolation=settings.lambda_isolation,
        )
        if settings.lambda_isolation is LambdaIsolation.NAMESPACES:
            self._pool.isolation()
        self._invoke = InvokeApp(
            pool=self._pool,
            find_function=self._aws.find_function,
            account_for_access_key=self._aws.account_for_access_key,
            denial_reason=self._aws.invoke_denial_reason_for_key,
            new_request_id=self._new_invocation_id,
            default_region=settings.region,
            interpreter_for=self._interpreter_for,
        )

    def _build_engine(self, replay: ResponseFolder | None) -> None:
        """Build the engine that runs the jobs."""
        settings, ids, stores = self._settings, self._ids, self._stores
        root = RootClient(url=self._url, region=settings.region)

        def create_lifecycle(job: Job) -> Lifecycle:
            model = ids.tuned_model(job.id, job.spec.model, job.spec.account)
            return job_lifecycle(
                job,
                open_file=stores.uploads.open,
                model=model,
                settings=settings,
                recorded_responses=replay,
            )

        self._grading_threads = ThreadPoolExecutor(settings.grading.concurrency, thread_name_prefix="grader")
        self._engine = Engine(
            logs=stores.job_logs,
            ids=ids,
            paces=self._paces,
            slots=settings.concurrent_jobs,
            graders=DeployedGraders(
                aws=self._aws,
                pool=self._pool,
                executor=self._grading_threads,
                settings=settings,
                interpreter_for=self._interpreter_for,
            ),
            hooks=JobFaultInjector(
                self._fault_registry,
                run_operation=lambda operation: root.execute(operation.service, operation.name, operation.parameters),
            ),
            create_lifecycle=create_lifecycle,
            is_public=lambda event: describe_event(event) is not None,
        )

    def _build_context(self, replay: ResponseFolder | None, reset: Callable[[], None]) -> AppContext:
        """Build the objects that the routes use."""
        settings, ids, stores, clock = self._settings, self._ids, self._stores, self._paces.clock
        inference = Inference(
            files=stores.files,
            models=stores.models,
            uploads=stores.uploads,
            seed=settings.seed,
            answer_path=settings.answer_path,
            response_folder=replay,
        )
        projects = ProjectRegistry(
            store=stores.projects, clock=clock, ids=ids, region=settings.region, max_projects=settings.max_projects
        )
        return AppContext(
            settings=settings,
            clock=clock,
            ids=ids,
            files=stores.files,
            job_logs=stores.job_logs,
            job_listings=JobListings(stores.job_logs, settings.consistency),
            models=stores.models,
            projects=projects,
            uploads=stores.uploads,
            engine=self._engine,
            clock_control=ClockControl(
                engine=self._engine,
                paces=self._paces,
                caller_clock=self._paces.caller_clock,
                keys_expire=settings.auth is Auth.VERIFY,
                sleep=sleep,
            ),
            reset=reset,
            inference=inference,
            responses=Responses(
                store=stores.responses,
                inference=inference,
                ids=ids,
                ordinals=_ordinals(self._start),
                clock=clock,
                settings=settings,
            ),
            authorizer=self._build_authorizer(projects),
            auditor=Auditor(
                settings=settings.verdict,
                clock=monotonic,
                server_state=SimulatorState(engine=self._engine, files=stores.files, logs=stores.job_logs, ids=ids),
            ),
            take_service_calls=self._service_calls.take,
            completion_ordinals=_ordinals(self._start),
            fault_registry=self._fault_registry,
        )

    def _build_authorizer(self, projects: ProjectRegistry) -> Authorizer:
        settings, caller_clock = self._settings, self._paces.caller_clock
        return Authorizer(
            authenticate=make_permissive_authenticator(settings.account)
            if settings.auth is Auth.ANY
            else Authenticator(
                region=settings.region,
                find_access_key=self._aws.find_access_key,
                find_bedrock_key=self._aws.find_bedrock_key,
                caller_clock=caller_clock,
                env_command=f"rft-sim env {connection_options(self._url)}",
            ),
            denial_reason=self._aws.denial_reason,
            region=settings.region,
            now=caller_clock.now,
            projects=projects,
            resolve_model_alias=resolve_alias,
        )

    def _terminal_status(self, job_id: str) -> str | None:
        """Return the status that a job ended with; None for an unfinished or unknown job."""
        projection = self._stores.job_logs.get_projection(job_id)
        job = decode_job(projection) if projection else None
        return job.status.value if job and job.status.is_terminal else None

    def _new_invocation_id(self) -> str:
        return self._ids.invocation(next(self._invocation_ordinals))

    def warm_up(self, *, prepare_functions: bool) -> None:
        """Load moto and prepare the isolation of functions, so that the first request for them need not wait."""
        if prepare_functions:
            self._pool.prepare()
        self._aws.load()

    def stop(self) -> None:
        """Stop the jobs from writing, and end the requests that a fault delays."""
        self._engine.closing = True
        self.context.fault_registry.disconnect_waiting()

    def close(self) -> None:
        """Close everything after `stop`: jobs end between two events, functions end at once."""
        self._pool.close()
        self._engine.close()
        self._invoke.close()
        self._grading_threads.shutdown(wait=True, cancel_futures=True)
        self._aws.close()
        self._database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
    """The stores of one database; each has its own tables."""

    files: FileStore
    uploads: BlobStore
    job_logs: JobLogStore
    models: ModelStore
    projects: ProjectStore
    responses: ResponseStore


def _open_stores(database: Database, folder: Path, *, durable: bool) -> _Stores:
    """Open the stores; check that every uploaded file is complete, and delete unreferenced ones.

    Raises:
        DataFolderError: an uploaded file is missing or damaged.
    """
    files, uploads = FileStore(database), BlobStore(folder / UPLOADS_FOLDER, durable=durable)
    referenced_sha256s = files.referenced_sha256s()
    for sha256 in referenced_sha256s:
        if problem := uploads.find_corruption(sha256):
            raise unusable_folder_error(folder, f"it is damaged: the uploaded file {UPLOADS_FOLDER}/{sha256} {problem}")
    uploads.remove_unreferenced(referenced_sha256s)
    return _Stores(
        files=files,
        uploads=uploads,
        job_logs=JobLogStore(database),
        models=ModelStore(database),
        projects=ProjectStore(database),
        responses=ResponseStore(database),
    )


def _open_journal(database: Database, folder: Path) -> Journal:
    """Return the journal of the AWS account.

    Raises:
        DataFolderError: a part of it is missing or damaged.
    """
    journal = Journal(requests=AwsRequestStore(database), bodies=BlobStore(folder / AWS_REQUESTS_FOLDER, durable=True))
    if problem := journal.find_corruption():
        raise unusable_folder_error(folder, f"it is damaged: the AWS request body {AWS_REQUESTS_FOLDER}/{problem}")
    return journal


def _reject(scope: Scope, reason: str, hint: str) -> App:
    error = ACCESS_DENIED(reason=reason, hint=hint)
    return error_response(error, method=scope["method"], path=scope["path"])


def _remove_folder(folder: Path) -> Path:
    """Remove a folder that a killed simulator has left; return its path."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _ordinals(start: int) -> Iterator[str]:
    """Count from 0, prefixed by the number of this start of the data folder. The counter itself is not stored."""
    return map(f"{start}-{{}}".format, count())  # unlike a generator, `count` is safe with several threads
