"""A job fault: its job, its step and its effect."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class FailJobEffect:
    """The job fails: when its files are validated, or before the rewards of a step are requested."""

    code: str
    message: str
    param: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelJobEffect:
    """The job is cancelled during a step: the step has its rewards and never completes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDelayEffect:
    """The job stays queued for at least `seconds` of simulated time."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsOperationEffect:
    """An AWS operation that is carried out in the account before a step. `service` is its name in boto3."""

    service: str
    name: str
    parameters: Mapping[str, Any]


JobFaultEffect: TypeAlias = FailJobEffect | CancelJobEffect | QueueDelayEffect | AwsOperationEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFault:
    """A fault of one job, which takes effect once.

    `job` is an id, or the number of the job in this simulator, from 1. `step` None means before training. `source` is
    the fault's entry in the script, unchanged.
    """

    job: str | int
    step: int | None
    effect: JobFaultEffect
    source: dict[str, Any]
