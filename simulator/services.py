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
from simulator.faults.error_responses import Answers
from simulator.faults.job_fault_injector import ScriptedInterventions
from simulator.faults.middleware import Edge
from simulator.faults.registry import Book
from simulator.faults.script import Fault
from simulator.http.asgi import App, Scope
from simulator.http.origin_check import NoWebPages
from simulator.http.server_discovery import options_for
from simulator.identity.authentication import Authenticator, make_permissive_authenticator
from simulator.identity.authorization import Authorizer
from simulator.identity.projects import ProjectRegistry
from simulator.ids import Ids
from simulator.inference.model_catalogue import unaliased
from simulator.inference.model_inference import Inference
from simulator.jobs.clock_control import Steering
from simulator.jobs.codec import decode_job
from simulator.jobs.engine import Engine
from simulator.jobs.job import Job
from simulator.jobs.lifecycle import Story, story
from simulator.jobs.listing import Views
from simulator.jobs.pace import Paces
from simulator.lambdas.invoke_app import InvokeApp
from simulator.lambdas.pool import EnvironmentPool
from simulator.responses.lifecycle import Responses
from simulator.routes.api import api_of, refusal
from simulator.routes.context import House
from simulator.routes.dispatch import FrontDoor
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
from simulator.upstream.response_folder import Replay
from simulator.verdict.audit_middleware import Watching
from simulator.verdict.auditor import Judge
from simulator.verdict.server_state import Jobs
from simulator.wire.objects import announcement

DATABASE: Final = "simulator.sqlite"
UPLOADS: Final = "uploads"
REQUESTS: Final = "requests"
ENVIRONMENTS: Final = "environments"


class Visitors:
    """Counts the requests that are under way in some rooms: enter for each one's length."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._inside = 0

    def __enter__(self) -> None:
        with self._changed:
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def gone(self, *, within: float) -> bool:
        """Wait until there are none, for so many seconds at most; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._inside, timeout=within)


class Rooms:
    """The rooms of a simulator on one folder: what answers requests (`app`, `api`), and what works behind it."""

    def __init__(
        self,
        settings: Settings,
        *,
        url: str,
        folder: Path,
        known: bool,
        replay: Replay | None,
        faults: Sequence[Fault],
        reset: Callable[[], None],
    ) -> None:
        """Wire the rooms; jobs that were left unfinished in the folder go on.

        Args:
            settings: those of the simulator; without a data folder in them the database lives in memory.
            url: where this simulator will be reached, for functions that call back.
            folder: where the state is.
            known: there is state in it already.
            replay: a real model's outputs, if jobs are to train on such.
            faults: those to begin with.
            reset: puts other rooms in the place of these.

        Raises:
            DataFolderError: what the folder holds cannot be used.
            StoreDamagedError: likewise.
            StoreFullError: the disk is full.
        """
        self.visitors = Visitors()
        self._database = Database(folder / DATABASE if settings.data else None, must_exist=known)
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
        replay: Replay | None,
        faults: Sequence[Fault],
        reset: Callable[[], None],
    ) -> None:
        uploads, files = BlobStore(folder / UPLOADS, durable=settings.data is not None), FileStore(self._database)
        _check_uploads(files, uploads, folder)
        journal = _journal(self._database, folder) if settings.data else None
        paces = Paces(
            states=ClockStateStore(self._database),
            pace=settings.pace,
            speed=settings.speed,
            epoch=settings.epoch,
            latest=self._database.latest_simulated_time(),
            wall=time,
            seconds=monotonic,
        )
        ids, clock, callers = Ids(seed=settings.seed), paces.clock, paces.callers
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
            folder=_emptied(folder / ENVIRONMENTS),
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

        def tell(job: Job) -> Story:
            model = ids.tuned_model(job.id, job.order.model, job.order.account)
            return story(job, open_file=uploads.open, model=model, settings=settings, replay=replay)

        def ended(job_id: str) -> str | None:
            text = jobs.get_projection(job_id)
            job = decode_job(text) if text else None
            return job.status.value if job and job.status.ended else None

        book = Book(job_id=ids.job, ended=ended, lapsed=callers.lapsed, seconds=monotonic, begins_with=faults)
        root = RootClient(url=url, region=settings.region)
        self._engine = Engine(
            logs=jobs,
            ids=ids,
            paces=paces,
            places=settings.concurrent_jobs,
            graders=DeployedGraders(
                aws=self._cloud, pool=self._pool, executor=self._grading_threads, settings=settings.grading
            ),
            interventions=ScriptedInterventions(
                book, carry_out=lambda asked: root.execute(asked.service, asked.name, asked.parameters)
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
            views=Views(jobs, settings.consistency),
            models=models,
            organization=organization,
            uploads=uploads,
            engine=self._engine,
            steering=Steering(
                engine=self._engine,
                paces=paces,
                callers=callers,
                keys_age=settings.auth is Auth.VERIFY,
                sleep=sleep,
            ),
            reset=reset,
            inference=inference,
            responses=Responses(
                kept=ResponseStore(self._database),
                inference=inference,
                ids=ids,
                ordinals=_ordinals(start),
                clock=clock,
                settings=settings,
            ),
            gate=Authorizer(
                authenticate=make_permissive_authenticator(settings.account)
                if settings.auth is Auth.ANY
                else Authenticator(
                    region=settings.region,
                    find_access_key=self._cloud.find_access_key,
                    find_bedrock_key=self._cloud.find_bedrock_key,
                    caller_time=callers,
                    env_command=f"rft-sim env {options_for(url)}",
                ),
                denial_reason=self._cloud.denial_reason,
                region=settings.region,
                now=callers.now,
                projects=organization,
                resolve_model_alias=unaliased,
            ),
            judge=Judge(
                settings=settings.verdict,
                clock=monotonic,
                truth=Jobs(engine=self._engine, files=files, logs=jobs, ids=ids),
            ),
            completions=_ordinals(start),
            faults=book,
        )
        requests = _ordinals(start)
        answers = Answers(
            rendered=refusal,
            request_id=lambda: ids.request(next(requests)),
            aws_request_id=lambda: ids.invocation(next(invocations)),
            wall=time,
        )

        def edge(app: App) -> App:
            return Edge(app, book=book, answers=answers, max_body_bytes=settings.max_body_bytes)

        api = api_of(self.house, requests=requests)
        self.api: App = edge(api)
        door = FrontDoor(api=api, invoke=self._invoke, aws=self._cloud, aws_answers=self._cloud.supports)
        watched = Watching(edge(door), judge=self.house.judge, wall=time)
        self.app: App = NoWebPages(watched, hosts=settings.hosts, refused=_unwelcome)
        self._engine.resume()

    def warm_up(self) -> None:
        """Load what takes long, so that the first AWS call need not wait for it."""
        self._cloud.load()

    def stop(self) -> None:
        """Let no job write any more, and cut off whom a fault holds up."""
        self._engine.closing = True
        self.house.faults.cut_off()

    def close(self) -> None:
        """End what `stop` has stopped: jobs between two events, functions at once."""
        self._pool.close()
        self._engine.close()
        self._invoke.close()
        self._grading_threads.shutdown(wait=True, cancel_futures=True)
        self._cloud.close()
        self._database.close()


def _unwelcome(scope: Scope, reason: str, hint: str) -> App:
    error = ACCESS_DENIED(reason=reason, hint=hint)
    return refusal(error, method=scope["method"], path=scope["path"])


def _check_uploads(files: FileStore, uploads: BlobStore, folder: Path) -> None:
    """See that all bytes are there that something kept still needs, and no others.

    Raises:
        DataFolderError: some are not.
    """
    needed = files.referenced_sha256s()
    for sha256 in needed:
        if fault := uploads.find_corruption(sha256):
            raise unusable_folder_error(folder, f"it is damaged: the uploaded file {UPLOADS}/{sha256} {fault}")
    uploads.remove_unreferenced(needed)


def _journal(database: Database, folder: Path) -> Journal:
    """Return the journal of the AWS account.

    Raises:
        DataFolderError: a part of it is damaged or not there.
    """
    journal = Journal(requests=AwsRequestStore(database), bodies=BlobStore(folder / REQUESTS, durable=True))
    if fault := journal.find_corruption():
        raise unusable_folder_error(folder, f"it is damaged: of the requests to AWS, {REQUESTS}/{fault}")
    return journal


def _emptied(folder: Path) -> Path:
    """Remove what a simulator that was killed has left of a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _ordinals(start: int) -> Iterator[str]:
    """Count what is not worth a write each: the how-many-eth start of this data folder, and from 0 within it."""
    return map(f"{start}-{{}}".format, count())  # a generator could not be asked by two threads at once
