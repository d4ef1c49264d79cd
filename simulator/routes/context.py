"""The application context: the parts of a running simulator that the routes use."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from simulator.clock import Clock
from simulator.faults.registry import FaultRegistry
from simulator.http.service_calls import ServiceCalls
from simulator.identity.authorization import Authorizer
from simulator.identity.projects import ProjectRegistry
from simulator.ids import Ids
from simulator.inference.model_inference import Inference
from simulator.jobs.clock_control import ClockControl
from simulator.jobs.engine import Engine
from simulator.jobs.listing import JobListings
from simulator.responses.lifecycle import Responses
from simulator.settings import Settings
from simulator.store.blobs import BlobStore
from simulator.store.files import FileStore
from simulator.store.job_logs import JobLogStore
from simulator.store.models import ModelStore
from simulator.verdict.auditor import Auditor


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """The parts, created by `simulator.services`."""

    settings: Settings
    clock: Clock
    ids: Ids
    files: FileStore
    job_logs: JobLogStore
    job_listings: JobListings
    models: ModelStore
    projects: ProjectRegistry
    uploads: BlobStore
    engine: Engine
    clock_control: ClockControl
    reset: Callable[[], None]
    inference: Inference
    responses: Responses
    authorizer: Authorizer
    fault_registry: FaultRegistry
    auditor: Auditor
    take_service_calls: Callable[[str], tuple[ServiceCalls, ...]]
    completion_ordinals: Iterator[str]  # distinguish the chat completions
