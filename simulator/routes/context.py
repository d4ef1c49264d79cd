"""What the routes work with: the rooms of one running simulator, wired by the composition root."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from simulator.clock import Clock
from simulator.faults.registry import Book
from simulator.identity.authorization import Authorizer
from simulator.identity.projects import ProjectRegistry
from simulator.ids import Ids
from simulator.inference.model_inference import Inference
from simulator.jobs.clock_control import Steering
from simulator.jobs.engine import Engine
from simulator.jobs.listing import Views
from simulator.responses.lifecycle import Responses
from simulator.settings import Settings
from simulator.store.blobs import BlobStore
from simulator.store.files import FileStore
from simulator.store.job_logs import JobLogStore
from simulator.store.models import ModelStore
from simulator.verdict.auditor import Judge


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The rooms, by name."""

    settings: Settings
    clock: Clock
    ids: Ids
    files: FileStore
    jobs: JobLogStore
    views: Views
    models: ModelStore
    organization: ProjectRegistry
    uploads: BlobStore
    engine: Engine
    steering: Steering
    reset: Callable[[], None]
    inference: Inference
    responses: Responses
    gate: Authorizer
    faults: Book
    judge: Judge
    completions: Iterator[str]  # what tells one chat completion from all others
