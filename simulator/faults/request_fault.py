"""A request fault: the requests that it matches, the matching requests that it applies to, and its effect."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from string import Formatter
from typing import Any, Final, TypeAlias

from simulator.errors import ErrorKind
from simulator.faults.request import IncomingRequest

ANY_PATH: Final = "/**"

_WILDCARD: Final = re.compile(r"(\*\*|\*)")


class ScriptError(Exception):
    """An invalid script. The message names the fault, the field and its valid values."""


class When(StrEnum):
    """Whether a response is lost or replaced before or after the app has handled the request."""

    BEFORE = "before"  # the app does not get the request
    AFTER = "after"  # the app has handled the request, and its response is discarded


class StreamFaultKind(StrEnum):
    """How a stream of server-sent events fails."""

    CUT = "cut_after"  # the connection closes
    END = "end_after"  # the stream ends regularly, but too soon
    STALL = "stall_after"  # nothing more is sent for a while
    BREAK = "break_after"  # the data of the next event is not valid JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAfter:
    """The header `Retry-After`: a number of seconds, or an HTTP date that many seconds after this machine's time."""

    seconds: int
    as_date: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiErrorEffect:
    """An error of the catalogue. `values` fill in its message and take precedence over the request's values."""

    kind: ErrorKind
    values: dict[str, Any] = field(default_factory=dict)
    retry_after: RetryAfter | None = None
    when: When = When.BEFORE


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsErrorEffect:
    """An AWS error in the format of the service that the request is signed for."""

    code: str
    status: int
    message: str
    retry_after: RetryAfter | None = None
    when: When = When.BEFORE


@dataclass(frozen=True, slots=True, kw_only=True)
class DropConnectionEffect:
    """The connection closes without a response."""

    when: When


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEffect:
    """A stream fails after `after` events. Only a stall has `seconds`; None means until the client disconnects."""

    kind: StreamFaultKind
    after: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncateBodyEffect:
    """The connection closes after `after` bytes of the body; the headers are those of the complete response."""

    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensPerMinute:
    """A token quota for model requests (DOCUMENTED: "Quotas for the bedrock-mantle endpoint"). None means no limit."""

    input: int | None
    output: int | None


RequestFaultEffect: TypeAlias = (
    ApiErrorEffect | AwsErrorEffect | DropConnectionEffect | StreamEffect | TruncateBodyEffect | TokensPerMinute
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMatcher:
    """Which requests a fault matches. A field that is None matches every request.

    `path` and `model` are patterns: `*` matches any characters except a slash, `**` matches any characters. `job` is an
    id, or the number of the job in this simulator, from 1.
    """

    method: str | None = None
    service: str | None = None
    path: str = ANY_PATH
    model: str | None = None
    job: str | int | None = None

    def may_match(self, request: IncomingRequest) -> bool:
        """Return whether everything except the body matches."""
        return (
            self.method in (None, request.method)
            and self.service in (None, request.service)
            and self.job in (None, request.job)
            and bool(_compile_pattern(self.path).fullmatch(request.path))
        )

    def matches(self, request: IncomingRequest) -> bool:
        """Return whether a request matches, including its body."""
        return self.may_match(request) and (
            self.model is None
            or (request.model is not None and bool(_compile_pattern(self.model).fullmatch(request.model)))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFault:
    """A request fault. It applies to `times` matching requests, from the `nth` on (counted from 1).

    Attributes:
        matcher: which requests match.
        effect: what happens to them; None if the fault is only a delay.
        nth: the first matching request that it applies to.
        times: to how many it applies; None means to all that follow.
        delay: the delay before the request is handled, in real seconds.
        source: the fault's entry in the script, unchanged.
    """

    matcher: RequestMatcher
    effect: RequestFaultEffect | None
    nth: int = 1
    times: int | None = 1
    delay: float = 0.0
    source: dict[str, Any]

    def applies_to_call(self, call: int) -> bool:
        """Return whether the fault applies to the `call`-th matching request, counted from 1."""
        return self.nth <= call and (self.times is None or call < self.nth + self.times)

    @property
    def needs_body(self) -> bool:
        """Whether the fault depends on the JSON body."""
        match self.effect:
            case TokensPerMinute():
                return True
            case ApiErrorEffect(kind=kind, values=values) if "model" in placeholders(kind) - values.keys():
                return True
            case _:
                return self.matcher.model is not None


def join_quoted(names: Iterable[str]) -> str:
    """Return the names in quotes and in alphabetical order."""
    return ", ".join(f"'{name}'" for name in sorted(names))


def placeholders(kind: ErrorKind) -> set[str]:
    """Return the names of the placeholders in an error's message."""
    return {name for _, name, _, _ in Formatter().parse(kind.message) if name}


@lru_cache(maxsize=256)
def _compile_pattern(glob: str) -> re.Pattern[str]:
    parts = _WILDCARD.split(glob)
    wildcards = {"**": ".*", "*": "[^/]*"}
    return re.compile("".join(wildcards.get(part) or re.escape(part) for part in parts), re.DOTALL)
