"""What a fine-tuning job is and how it moves: one table, one pure function, standard library only.

A job is the fold of its log: `reduce(apply, log, None)`. Every event carries the simulated time at which it
happened (`at`, seconds since the Unix epoch).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

# The log stores the field `spec` under the key `order`. Pydantic reads this from the class (see `codec`).
_STORED_NAMES: Final[Mapping[str, object]] = MappingProxyType(
    {"alias_generator": lambda name: {"spec": "order"}.get(name, name), "serialize_by_alias": True}
)


class Status(StrEnum):
    """The six states of the wire (OPENAI; AWS's text names `succeeded` and the British `cancelled`)."""

    VALIDATING_FILES = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether no event can follow."""
        return not TRANSITIONS[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The job's `error` object. `param` names the request field that is to blame, when there is one."""

    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What the caller asked for, checked and with every default filled in.

    The files are named twice: by their API id and by the SHA-256 of their bytes, so that deleting the file object
    does not touch a job that was made from it. `settings` are those of the simulator that its story is told by, as
    `NAME=VALUE`, where they were not the default ones; None: nobody knows them any more.
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
    """The service began to read the files."""

    at: int
    training_file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesValidated:
    """Both files are well-formed. Counts are records."""

    at: int
    training_records: int
    held_out_records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDelayed:
    """Somebody outside has the job wait in the queue: it starts no earlier than `until`. The API does not show it."""

    at: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStarted:
    """The grader may be invoked and exists; training begins."""

    at: int
    total_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutsGraded:
    """What the reward function really answered: the only thing in the log that came from outside.

    `rewards` holds one tuple a prompt, one number a rollout, in the order in which the rollouts were sampled.
    `step` 0 with `split` `held_out` is the evaluation of the base model. `warnings` tells of retried invocations.
    """

    at: int
    split: str
    step: int
    rewards: tuple[tuple[float, ...], ...]
    invocations: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCompleted:
    """One update of the policy. `metrics` is what Bedrock shows, `truth` what only a simulator can know."""

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
    """The weights after `step` updates, as JSON text, usable for inference under `model` from now on."""

    at: int
    step: int
    model: str
    metrics: Mapping[str, int | float]
    weights: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvergenceDetected:
    """Training stops before its last step because nothing more is being learned (a setting, off by default)."""

    at: int
    step: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCreated:
    """The last checkpoint is about to be published as `model`; it answers once the job has succeeded."""

    at: int
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSucceeded:
    """The good end: from here on `weights`, those of the last checkpoint, answer under the tuned model's name."""

    at: int
    weights: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed:
    """The bad end, with the reason the caller will read."""

    at: int
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelled:
    """The caller's end."""

    at: int


Event = (
    JobCreated
    | ValidationStarted
    | FilesValidated
    | StartDelayed
    | TrainingStarted
    | RolloutsGraded
    | StepCompleted
    | HeldOutEvaluated
    | CheckpointSaved
    | ConvergenceDetected
    | ModelCreated
    | JobSucceeded
    | JobFailed
    | JobCancelled
)

_ENDS: Final[Mapping[type, Status]] = {JobFailed: Status.FAILED, JobCancelled: Status.CANCELLED}

# The whole machine: from a status, by an event, to a status. Whatever is not written here is an illegal move.
TRANSITIONS: Final[Mapping[Status | None, Mapping[type, Status]]] = MappingProxyType(
    {
        None: {JobCreated: Status.VALIDATING_FILES},
        Status.VALIDATING_FILES: {
            ValidationStarted: Status.VALIDATING_FILES,
            FilesValidated: Status.QUEUED,
            **_ENDS,
        },
        Status.QUEUED: {
            StartDelayed: Status.QUEUED,
            TrainingStarted: Status.RUNNING,
            **_ENDS,
        },
        Status.RUNNING: {
            RolloutsGraded: Status.RUNNING,
            StepCompleted: Status.RUNNING,
            HeldOutEvaluated: Status.RUNNING,
            CheckpointSaved: Status.RUNNING,
            ConvergenceDetected: Status.RUNNING,
            ModelCreated: Status.RUNNING,
            JobSucceeded: Status.SUCCEEDED,
            **_ENDS,
        },
        Status.SUCCEEDED: {},
        Status.FAILED: {},
        Status.CANCELLED: {},
    }
)


class JobEndedError(Exception):
    """Something was asked of a job that has ended."""

    def __init__(self, job_id: str, status: Status) -> None:
        super().__init__(f"{job_id} has {status}")
        self.job_id = job_id
        self.status = status


class IllegalTransitionError(Exception):
    """An event that the job's status does not allow; the job is as it was."""

    def __init__(self, status: Status | None, event: Event) -> None:
        super().__init__(f"{type(event).__name__} cannot follow {status or 'nothing'}")
        self.status = status
        self.event = event


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The job as its log tells it. Times are seconds since the Unix epoch; `step` counts completed updates."""

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
    failure: Failure | None = field(default=None)


def apply(job: Job | None, event: Event) -> Job:
    """Return the job after `event`.

    Raises:
        IllegalMoveError: the table has no such move from the job's status; nothing has changed.
    """
    status = job.status if job else None
    try:
        after = TRANSITIONS[status][type(event)]
    except KeyError:
        raise IllegalTransitionError(status, event) from None
    if job is None:
        assert isinstance(event, JobCreated)  # noqa: S101  the only move from nothing
        return Job(id=event.job_id, spec=event.spec, status=after, created_at=event.at, changed_at=event.at)
    job = replace(job, status=after, changed_at=event.at, finished_at=event.at if after.is_terminal else None)
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
