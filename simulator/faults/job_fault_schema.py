"""The schema of a job fault in a script, and its conversion to a `JobFault`."""

import json
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from simulator.clock import DURATION_FORMAT, parse_duration
from simulator.faults.job_fault import (
    AwsOperationEffect,
    CancelJobEffect,
    FailJobEffect,
    JobFault,
    JobFaultEffect,
    QueueDelayEffect,
)
from simulator.faults.request_fault import join_quoted
from simulator.settings import MAX_EPOCH_SECONDS
from simulator.wire.strict_model import StrictModel

_EFFECTS: Final = ("fail", "cancel", "queue", "aws")
_STEP_EFFECTS: Final = ("cancel", "aws")

# OPENAI: the code and message of a job that fails because of an internal error.
_CODE: Final = "internal_server_error"
_MESSAGE: Final = "The server had an error while processing your request"

# What each field takes, for error messages and for `docs/faults.md`.
JOB_FIELD_DESCRIPTIONS: Final = {
    "note": "a string",
    "job": "a job's id, or its number in this simulator, from 1",
    "step": "a whole number from 1",
    "fail": "an object; {} is an internal error",
    "fail.code": "a string",
    "fail.message": "a string",
    "fail.param": "a string",
    "cancel": "true",
    "queue": DURATION_FORMAT,
    "aws": "an object with service, operation and parameters",
    "aws.service": "a service as boto3 names it, such as lambda or iam",
    "aws.operation": "the name of an operation, such as DeleteFunction",
    "aws.parameters": "an object",
}

Name = Annotated[str, Field(min_length=1, max_length=200)]
Ordinal = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(max_length=4_000)]


class ScriptedFailure(StrictModel):
    """`fail`."""

    code: Name = _CODE
    message: Text = _MESSAGE
    param: Name | None = None


class ScriptedOperation(StrictModel):
    """`aws`."""

    service: Name
    operation: Name
    parameters: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_operation(self) -> "ScriptedOperation":
        # botocore is slow to load, so only scripts that name an operation load it.
        from botocore.exceptions import UnknownServiceError  # noqa: PLC0415
        from botocore.session import get_session  # noqa: PLC0415
        from botocore.validate import ParamValidator  # noqa: PLC0415

        try:
            service = get_session().get_service_model(self.service)
        except UnknownServiceError:
            raise ValueError(f"service: boto3 knows no service {self.service!r}") from None
        if self.operation not in service.operation_names:
            raise ValueError(f"operation: {self.service} has no operation {self.operation!r}")
        shape = service.operation_model(self.operation).input_shape
        if shape is not None and (report := ParamValidator().validate(self.parameters, shape)).has_errors():
            raise ValueError(f"parameters: {report.generate_report().splitlines()[0]}")
        return self


class ScriptedJobFault(StrictModel):
    """A job fault in a script."""

    note: str | None = None
    job: Name | Ordinal
    step: Ordinal | None = None
    fail: ScriptedFailure | None = None
    cancel: Literal[True] | None = None
    queue: int | str | None = None
    aws: ScriptedOperation | None = None

    @model_validator(mode="after")
    def _check_one_effect(self) -> "ScriptedJobFault":
        effects = [name for name in _EFFECTS if getattr(self, name) is not None]
        if len(effects) != 1:
            raise ValueError(
                f"it takes exactly one of {join_quoted(_EFFECTS)}; it has {join_quoted(effects) or 'none'}"
            )
        (effect,) = effects
        if effect in _STEP_EFFECTS and self.step is None:
            raise ValueError(f"'{effect}' happens during a step: name it in 'step'")
        if effect == "queue":
            if self.step is not None:
                raise ValueError("'queue' happens before the first step: leave out 'step'")
            if not 0 <= self._queue_seconds <= MAX_EPOCH_SECONDS:
                raise ValueError(f"queue: it takes from 0 to {MAX_EPOCH_SECONDS} seconds")
        return self

    @property
    def _queue_seconds(self) -> int:
        duration = self.queue or 0
        if isinstance(duration, int):
            return duration
        try:
            return parse_duration(duration)
        except ValueError:
            raise ValueError(f"queue: it takes {DURATION_FORMAT}; got {json.dumps(duration)}") from None

    def to_fault(self, source: dict[str, Any]) -> JobFault:
        """Return the fault. `source` is the fault's entry in the script, unchanged."""
        return JobFault(job=self.job, step=self.step, effect=self._build_effect(), source=source)

    def _build_effect(self) -> JobFaultEffect:
        if self.fail:
            return FailJobEffect(code=self.fail.code, message=self.fail.message, param=self.fail.param)
        if self.aws:
            return AwsOperationEffect(service=self.aws.service, name=self.aws.operation, parameters=self.aws.parameters)
        return CancelJobEffect() if self.cancel else QueueDelayEffect(seconds=self._queue_seconds)
