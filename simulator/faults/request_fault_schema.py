"""An entry of a script as it is written: its fields, what each takes, and the fault that it comes to."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator, model_validator

from simulator.errors import CATALOGUE
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

# What AWS answers with an error ("Common errors" of its API references, and the services' own lists).
_AWS_ERRORS: Final = {
    "ExpiredToken": (403, "The security token included in the request is expired"),
    "ExpiredTokenException": (403, "The security token included in the request is expired"),
    "InternalFailure": (500, "The request processing has failed because of an unknown error, exception or failure."),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server."),
    "SlowDown": (503, "Please reduce your request rate."),
    "Throttling": (400, "Rate exceeded"),
    "ThrottlingException": (400, "Rate exceeded"),
    "TooManyRequestsException": (429, "Rate Exceeded."),
}
_DEFAULT_AWS_ERROR: Final = (400, "Scripted fault")

_EFFECTS: Final = ("error", "aws_error", "drop", "stream", "body", "tokens_per_minute")
# A field that says more of an effect, and of which ones.
_DEPENDENT_FIELDS: Final = {
    "values": ("error",),
    "status": ("aws_error",),
    "message": ("aws_error",),
    "retry_after": ("error", "aws_error"),
    "when": ("error", "aws_error"),
}

# What each field takes, in words.
FIELD_DESCRIPTIONS: Final = {
    "note": "a text",
    "request": "an object that says which requests",
    "request.method": "DELETE, GET, HEAD, OPTIONS, PATCH, POST or PUT",
    "request.service": "a service's name in lower case, such as s3, iam, sts, lambda, logs or bedrock-mantle",
    "request.path": "a pattern of paths that begins with / or *",
    "request.model": "a pattern of model ids",
    "request.job": "a job's id, or its number in this simulator, from 1",
    "nth": "a whole number from 1",
    "times": "a whole number from 1, or null for ever after",
    "delay": "seconds above 0, to 86400",
    "error": "the name of an error of the catalogue",
    "values": "an object of texts and numbers",
    "aws_error": "an error code of AWS's: letters, digits and dots",
    "status": "a whole number from 400 to 599",
    "message": "a text",
    "retry_after": 'whole seconds from 0, or {"date_in": SECONDS} for a date',
    "retry_after.date_in": "whole seconds from now; below 0 is the past",
    "when": "before or after",
    "drop": "before or after",
    "stream": "an object with one of cut_after, end_after, stall_after and break_after",
    "stream.cut_after": "a number of events, from 0",
    "stream.end_after": "a number of events, from 0",
    "stream.stall_after": "a number of events, from 0",
    "stream.seconds": "seconds above 0, to 86400, or null for good",
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
        if service is not None and (why := unknown_service_reason(service)):
            raise ValueError(why)
        return service

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        if not path.startswith(("/", "*")):
            raise ValueError("a path begins with '/' (or with '*', for any beginning)")
        if path.startswith(CONTROL_PREFIX):
            raise ValueError("the control plane has no faults, so that every fault can be taken back")
        return path


class ScriptedStream(StrictModel):
    """`stream`: one of four."""

    cut_after: Count | None = None
    end_after: Count | None = None
    stall_after: Count | None = None
    seconds: Seconds | None = None
    break_after: Count | None = None

    @model_validator(mode="after")
    def _check_one_effect(self) -> "ScriptedStream":
        given = [name for name in StreamFaultKind if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"it takes exactly one of {join_quoted(StreamFaultKind)}; here: {join_quoted(given) or 'none'}"
            )
        if self.seconds is not None and given != [StreamFaultKind.STALL]:
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
    """`retry_after` as a date: so many seconds from now, or before."""

    date_in: int


class ScriptedFault(StrictModel):
    """An entry of a script: a fault of requests."""

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
            raise ValueError(f"no error has that name. Those that have one: {', '.join(sorted(CATALOGUE))}")
        return name

    @model_validator(mode="after")
    def _check_one_effect(self) -> "ScriptedFault":
        given = [name for name in _EFFECTS if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"it takes one of {join_quoted(given)}: make a fault of each")
        if not given and self.delay is None:
            raise ValueError(f"it does nothing: give 'delay', or one of {join_quoted(_EFFECTS)}")
        for field, effects in _DEPENDENT_FIELDS.items():
            if getattr(self, field) is not None and not set(given) & set(effects):
                raise ValueError(f"'{field}' says more of {join_quoted(effects)}, which is not there")
        if self.error and self.values:
            known = placeholders(CATALOGUE[self.error]) | {"param"}
            if unknown := set(self.values) - known:
                raise ValueError(f"values: {self.error} has no {join_quoted(unknown)}; it has {join_quoted(known)}")
        return self

    def to_fault(self, source: dict[str, Any]) -> RequestFault:
        """The entry in the terms of the edge."""
        asked = self.request
        endless = self.tokens_per_minute and "times" not in self.model_fields_set
        return RequestFault(
            matcher=RequestMatcher(
                method=asked.method, service=asked.service, path=asked.path, model=asked.model, job=asked.job
            ),
            effect=self._effect,
            nth=self.nth,
            times=None if endless else self.times,
            delay=self.delay or 0.0,
            source=source,
        )

    @property
    def _effect(self) -> RequestFaultEffect | None:
        when = When(self.when or When.BEFORE)
        if self.error:
            kind, values = CATALOGUE[self.error], dict(self.values or {})
            return ApiErrorEffect(kind=kind, values=values, retry_after=self._retry_after, when=when)
        if self.aws_error:
            status, message = _AWS_ERRORS.get(self.aws_error, _DEFAULT_AWS_ERROR)
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
            tampering = next(name for name in StreamFaultKind if getattr(self.stream, name) is not None)
            return StreamEffect(kind=tampering, after=getattr(self.stream, tampering), seconds=self.stream.seconds)
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
