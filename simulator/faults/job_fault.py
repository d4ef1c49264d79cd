"""What a fault of a job is: which job it is about, where in it, and what happens there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class FailJobEffect:
    """The job fails: where its files were to be validated, or before the rewards of a step are asked for."""

    code: str
    message: str
    param: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelJobEffect:
    """The job is cancelled in the middle of a step: its rewards are there, and the step never completes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDelayEffect:
    """The job is queued for so many simulated seconds, at least."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsOperationEffect:
    """An operation of AWS's that is really carried out in the account before a step: `service` as boto3 names it."""

    service: str
    name: str
    parameters: Mapping[str, Any]


JobFaultEffect: TypeAlias = FailJobEffect | CancelJobEffect | QueueDelayEffect | AwsOperationEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFault:
    """A fault of one job, which it meets once. `step` None is no step's: before there are any.

    `job` is an id, or counts the jobs of the simulator from 1. `source` is the entry of the script, as it was given.
    """

    job: str | int
    step: int | None
    effect: JobFaultEffect
    source: dict[str, Any]
