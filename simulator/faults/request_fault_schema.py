"""The schema of a request fault in a script, and its conversion to a `RequestFault`."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from simulator.errors import CATALOGUE
from simulator.faults.aws_error_defaults import default_status_and_message
from simulator.faults.request import CONTROL_PREFIX
from simulator.faults.request_fault import (
    ANY_PATH,
    ApiErrorEffect,
    AwsErrorEffect,
    DropConnectionEffect,
    RequestFault,
    RequestFaultEffect,
    RequestMatcher,
    RetryAfter,
    StreamEffect,
    StreamFaultKind,
    TokensPerMinute,
    TruncateBodyEffect,
    When,
    join_quoted,
    placeholders,
)
from simulator.faults.signing_names import unknown_service_reason
from simulator.wire.strict_model import StrictModel

_EFFECTS: Final = ("error", "aws_error", "drop", "stream", "body", "tokens_per_minute")
# Fields that are allowed only with one of these effects.
_DEPENDENT_FIELDS: Final = {
    "values": ("error",),
    "status": ("aws_error",),
    "message": ("aws_error",),
    "retry_after": ("error", "aws_error"),
    "when": ("error", "aws_error"),
}

# What each field takes, for error messages and for `docs/faults.md`.
FIELD_DESCRIPTIONS: Final = {
    "note": "a string",
    "request": "an object that says which requests",
    "request.method": "DELETE, GET, HEAD, OPTIONS, PATCH, POST or PUT",
    "request.service": "a service's name in lower case, such as s3, iam, sts, lambda, logs or bedrock-mantle",
    "request.path": "a pattern of paths that begins with / or *",
    "request.model": "a pattern of model ids",
    "request.job": "a job's id, or its number in this simulator, from 1",
    "nth": "a whole number from 1",
    "times": "a whole number from 1, or null for no limit",
    "delay": "seconds above 0, to 86400",
    "error": "the name of an error of the catalogue",
    "values": "an object of strings and numbers",
    "aws_error": "an AWS error code: letters, digits and dots",
    "status": "a whole number from 400 to 599",
    "message": "a string",
    "retry_after": 'whole seconds from 0, or {"date_in": SECONDS} for a date',
    "retry_after.date_in": "whole seconds from now; a negative number is in the past",
    "when": "before or after",
    "drop": "before or after",
    "stream": "an object with one of cut_after, end_after, stall_after and break_after",
    "stream.cut_after": "a number of events, from 0",
    "stream.end_after": "a number of events, from 0",
    "stream.stall_after": "a number of events, from 0",
    "stream.seconds": "seconds above 0, to 86400, or null for no limit",
    "stream.break_after": "a number of events, from 0",
    "body": "an object with cut_after",
    "body.cut_after": "a number of bytes, from 0",
    "tokens_per_minute": "an object with input, output or both",
    "tokens_per_minute.input": "a whole number from 1",
    "tokens_per_minute.output": "a whole number from 1",
}

Count = Annotated[int, Field(ge=0)]
Ordinal = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Status = Annotated[int, Field(ge=400, le=599)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
AwsCode = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9.]{0,99}$")]
Side = Literal["before", "after"]
Method = Literal["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


class ScriptedRequests(StrictModel):
    """`request`."""

    method: Method | None = None
    service: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")] | None = None
    path: str = ANY_PATH
    model: Name | None = None
    job: Name | Ordinal | None = None

    @field_validator("service")
    @classmethod
    def _check_service(cls, service: str | None) -> str | None:
        if service is not None and (reason := unknown_service_reason(service)):
            raise ValueError(reason)
        return service

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        if not path.startswith(("/", "*")):
            raise ValueError("a path begins with '/', or with '*' for any beginning")
        if path.startswith(CONTROL_PREFIX):
            raise ValueError("the control plane has no faults, so that every fault can be removed")
        return path


class ScriptedStream(StrictModel):
    """`stream`: exactly one of four fields."""

    cut_after: Count | None = None
    end_after: Count | None = None
    stall_after: Count | None = None
    seconds: Seconds | None = None
    break_after: Count | None = None

    @model_validator(mode="after")
    def _check_one_effect(self) -> "ScriptedStream":
        effects = [name for name in StreamFaultKind if getattr(self, name) is not None]
        if len(effects) != 1:
            raise ValueError(
                f"it takes exactly one of {join_quoted(StreamFaultKind)}; it has {join_quoted(effects) or 'none'}"
            )
        if self.seconds is not None and effects != [StreamFaultKind.STALL]:
            raise ValueError("'seconds' belongs to 'stall_after'")
        return self


class ScriptedBody(StrictModel):
    """`body`."""

    cut_after: Count


class ScriptedTokens(StrictModel):
    """`tokens_per_minute`."""

    input: Ordinal | None = None
    output: Ordinal | None = None

    @model_validator(mode="after")
    def _check_not_empty(self) -> "ScriptedTokens":
        if self.input is None and self.output is None:
            raise ValueError("it takes 'input', 'output' or both")
        return self


class DateIn(StrictModel):
    """`retry_after` as a date: a number of seconds from now; a negative number is in the past."""

    date_in: int


class ScriptedFault(StrictModel):
    """A request fault in a script."""

    note: str | None = None
    request: ScriptedRequests
    nth: Ordinal = 1
    times: Ordinal | None = 1
    delay: Seconds | None = None
    error: str | None = None
    values: dict[str, str | int | float] | None = None
    aws_error: AwsCode | None = None
    status: Status | None = None
    message: str | None = None
    retry_after: Count | DateIn | None = None
    when: Side | None = None
    drop: Side | None = None
    stream: ScriptedStream | None = None
    body: ScriptedBody | None = None
    tokens_per_minute: ScriptedTokens | None = None

    @field_validator("error")
    @classmethod
    def _check_error_name(cls, name: str | None) -> str | None:
        if name is not None and name not in CATALOGUE:
            raise ValueError(f"there is no such error; there are {', '.join(sorted(CATALOGUE))}")
        return name

    @model_validator(mode="after")
    def _check_one_effect(self) -> "ScriptedFault":
        effects = [name for name in _EFFECTS if getattr(self, name) is not None]
        if len(effects) > 1:
            raise ValueError(f"it takes one of {join_quoted(effects)}: write one fault for each")
        if not effects and self.delay is None:
            raise ValueError(f"it has no effect: give 'delay', or one of {join_quoted(_EFFECTS)}")
        for field, allowed_effects in _DEPENDENT_FIELDS.items():
            if getattr(self, field) is not None and not set(effects) & set(allowed_effects):
                raise ValueError(f"'{field}' goes with {join_quoted(allowed_effects)}, which is missing")
        if self.error and self.values:
            allowed = placeholders(CATALOGUE[self.error]) | {"param"}
            if unknown := set(self.values) - allowed:
                raise ValueError(f"values: {self.error} has no {join_quoted(unknown)}; it has {join_quoted(allowed)}")
        return self

    def to_fault(self, source: dict[str, Any]) -> RequestFault:
        """Return the fault. `source` is the fault's entry in the script, unchanged."""
        request = self.request
        is_endless = self.tokens_per_minute and "times" not in self.model_fields_set
        return RequestFault(
            matcher=RequestMatcher(
                method=request.method, service=request.service, path=request.path, model=request.model, job=request.job
            ),
            effect=self._build_effect(),
            nth=self.nth,
            times=None if is_endless else self.times,
            delay=self.delay or 0.0,
            source=source,
        )

    def _build_effect(self) -> RequestFaultEffect | None:
        when = When(self.when or When.BEFORE)
        if self.error:
            kind, values = CATALOGUE[self.error], dict(self.values or {})
            return ApiErrorEffect(kind=kind, values=values, retry_after=self._retry_after, when=when)
        if self.aws_error:
            status, message = default_status_and_message(self.aws_error)
            return AwsErrorEffect(
                code=self.aws_error,
                status=self.status or status,
                message=message if self.message is None else self.message,
                retry_after=self._retry_after,
                when=when,
            )
        if self.drop:
            return DropConnectionEffect(when=When(self.drop))
        if self.stream:
            stream_fault = next(name for name in StreamFaultKind if getattr(self.stream, name) is not None)
            return StreamEffect(
                kind=stream_fault, after=getattr(self.stream, stream_fault), seconds=self.stream.seconds
            )
        if self.body:
            return TruncateBodyEffect(after=self.body.cut_after)
        if self.tokens_per_minute:
            return TokensPerMinute(input=self.tokens_per_minute.input, output=self.tokens_per_minute.output)
        return None

    @property
    def _retry_after(self) -> RetryAfter | None:
        match self.retry_after:
            case None:
                return None
            case DateIn(date_in=seconds):
                return RetryAfter(seconds=seconds, as_date=True)
            case seconds:
                return RetryAfter(seconds=seconds)
