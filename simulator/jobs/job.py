"""The state machine of a fine-tuning job: one table and one pure function.

A job is the fold of its log: `reduce(apply, log, None)`. Every event carries the simulated time at which it
happened (`at`, seconds since the Unix epoch).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

from simulator.http.service_calls import ServiceCalls
from simulator.training.arithmetic import ORIGINAL_ARITHMETIC

# The log stores the field `spec` under the key `order`. Pydantic reads this from the class (see `codec`).
_STORED_NAMES: Final[Mapping[str, object]] = MappingProxyType(
    {"alias_generator": lambda name: {"spec": "order"}.get(name, name), "serialize_by_alias": True}
)


class Status(StrEnum):
    """The six statuses of the API (OPENAI; AWS's documentation names `succeeded` and the British `cancelled`)."""

    VALIDATING_FILES = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Return whether no event can follow."""
        return not TRANSITIONS[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The job's `error` object. `param` names the request field that caused the failure, if there is one."""

    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """The caller's request, validated and with every default filled in.

    Each file has two names: its API id and the SHA-256 of its bytes. A job therefore still has its files after the
    file objects are deleted. `settings` holds, as `NAME=VALUE`, the simulator's settings that affect the job and that
    differ from the defaults. None means that they were not recorded.
    """

    model: str
    training_file: str
    training_sha256: str
    validation_file: str | None = None
    validation_sha256: str | None = None
    grader_function: str
    hyperparameters: Mapping[str, int | float | str]
    seed: int
    metadata: Mapping[str, str] | None = None
    caller: str
    account: str
    project: str  # its ARN
    settings: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCreated:
    """The first entry of every log."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STORED_NAMES

    at: int
    job_id: str
    spec: JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationStarted:
    """The service started to read the files."""

    at: int
    training_file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesValidated:
    """The files are valid. The counts are numbers of records."""

    at: int
    training_records: int
    held_out_records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDelayed:
    """A scripted fault keeps the job queued: it starts no earlier than `until`. The API does not show this event."""

    at: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningIssued:
    """The simulator runs the job's function in another way than AWS, so its rewards may differ there."""

    at: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStarted:
    """The grader exists and may be invoked. Training starts.

    `arithmetic` is the version of the arithmetic of all following numbers. Logs that do not have it are older.
    """

    at: int
    total_steps: int
    arithmetic: int = ORIGINAL_ARITHMETIC


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutsGraded:
    """The rewards that the reward function returned. A replay reads them here instead of invoking the function.

    `rewards` has one tuple per prompt with one number per rollout, in the order of sampling. `step` 0 with `split`
    `held_out` is the evaluation of the base model. `warnings` describes invocations that were retried, and
    `retry_seconds` is how long the rewards came later because of them. `service_calls` are the function's calls to the
    AWS services of which a call has failed so far. The log omits these two when they are empty or 0.
    """

    at: int
    split: str
    step: int
    rewards: tuple[tuple[float, ...], ...]
    invocations: int
    warnings: tuple[str, ...] = ()
    retry_seconds: int = 0
    service_calls: tuple[ServiceCalls, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCallsFailed:
    """Calls of the reward function to an AWS service failed, and it returned scores all the same.

    The event follows the first grading with such a call. If later calls change the totals, another one precedes the
    end of the job.
    """

    at: int
    step: int
    service_calls: ServiceCalls


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCompleted:
    """One update of the policy. `metrics` is what Bedrock reports; `truth` is what only a simulator can know."""

    at: int
    step: int
    tokens: int
    metrics: Mapping[str, int | float]
    truth: Mapping[str, int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutEvaluated:
    """The policy's mean results on the held-out records after `step` updates."""

    at: int
    step: int
    metrics: Mapping[str, int | float]
    truth: Mapping[str, int | float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved:
    """The weights after `step` updates, as JSON text. `model` serves inference from now on."""

    at: int
    step: int
    model: str
    metrics: Mapping[str, int | float]
    weights: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvergenceDetected:
    """Training stops before its last step because the reward no longer improves (a setting, off by default)."""

    at: int
    step: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCreated:
    """The last checkpoint gets the name `model`. That model serves inference once the job has succeeded."""

    at: int
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSucceeded:
    """The job succeeded. `weights`, those of the last checkpoint, now serve inference under the tuned model's name."""

    at: int
    weights: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed:
    """The job failed. `failure` is the reason that the API reports."""

    at: int
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled:
    """The job was cancelled."""

    at: int


Event = (
    JobCreated
    | ValidationStarted
    | FilesValidated
    | StartDelayed
    | WarningIssued
    | TrainingStarted
    | RolloutsGraded
    | ServiceCallsFailed
    | StepCompleted
    | HeldOutEvaluated
    | CheckpointSaved
    | ConvergenceDetected
    | ModelCreated
    | JobSucceeded
    | JobFailed
    | JobCancelled
)

_TERMINAL_TRANSITIONS: Final[Mapping[type, Status]] = {JobFailed: Status.FAILED, JobCancelled: Status.CANCELLED}

# The state machine: status -> event -> next status. Every other transition is illegal.
TRANSITIONS: Final[Mapping[Status | None, Mapping[type, Status]]] = MappingProxyType(
    {
        None: {JobCreated: Status.VALIDATING_FILES},
        Status.VALIDATING_FILES: {
            ValidationStarted: Status.VALIDATING_FILES,
            FilesValidated: Status.QUEUED,
            **_TERMINAL_TRANSITIONS,
        },
        Status.QUEUED: {
            StartDelayed: Status.QUEUED,
            WarningIssued: Status.QUEUED,
            TrainingStarted: Status.RUNNING,
            **_TERMINAL_TRANSITIONS,
        },
        Status.RUNNING: {
            RolloutsGraded: Status.RUNNING,
            ServiceCallsFailed: Status.RUNNING,
            StepCompleted: Status.RUNNING,
            HeldOutEvaluated: Status.RUNNING,
            CheckpointSaved: Status.RUNNING,
            ConvergenceDetected: Status.RUNNING,
            ModelCreated: Status.RUNNING,
            JobSucceeded: Status.SUCCEEDED,
            **_TERMINAL_TRANSITIONS,
        },
        Status.SUCCEEDED: {},
        Status.FAILED: {},
        Status.CANCELLED: {},
    }
)


class JobEndedError(Exception):
    """The operation needs a job that has not ended."""

    def __init__(self, job_id: str, status: Status) -> None:
        super().__init__(f"{job_id} has {status}")
        self.job_id = job_id
        self.status = status


class IllegalTransitionError(Exception):
    """The job's status does not allow the event. The job is unchanged."""

    def __init__(self, status: Status | None, event: Event) -> None:
        super().__init__(f"{type(event).__name__} cannot follow {status or 'nothing'}")
        self.status = status
        self.event = event


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The state of a job, as computed from its log.

    Times are seconds since the Unix epoch. `step` counts completed updates. `changed_at` is the time of the last event.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STORED_NAMES

    id: str
    spec: JobSpec
    status: Status
    created_at: int
    changed_at: int
    finished_at: int | None = None
    fine_tuned_model: str | None = None
    trained_tokens: int = 0
    step: int = 0
    total_steps: int | None = None
    failure: Failure | None = None


def apply(job: Job | None, event: Event) -> Job:
    """Return the job after `event`. `job` is None for the first event.

    Raises:
        IllegalTransitionError: the job's status does not allow the event.
    """
    status = job.status if job else None
    try:
        next_status = TRANSITIONS[status][type(event)]
    except KeyError:
        raise IllegalTransitionError(status, event) from None
    if job is None:
        assert isinstance(event, JobCreated)  # noqa: S101  the only event of a job that does not exist yet
        return Job(id=event.job_id, spec=event.spec, status=next_status, created_at=event.at, changed_at=event.at)
    job = replace(
        job, status=next_status, changed_at=event.at, finished_at=event.at if next_status.is_terminal else None
    )
    match event:
        case TrainingStarted(total_steps=total_steps):
            return replace(job, total_steps=total_steps)
        case StepCompleted(step=step, tokens=tokens):
            return replace(job, step=step, trained_tokens=job.trained_tokens + tokens)
        case ModelCreated(model=model):
            return replace(job, fine_tuned_model=model)
        case JobFailed(failure=failure):
            return replace(job, failure=failure, fine_tuned_model=None)
        case JobCancelled():
            return replace(job, fine_tuned_model=None)
        case _:
            return job
