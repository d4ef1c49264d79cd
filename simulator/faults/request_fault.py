"""What a fault is: which requests it is about, which of them it hits, and what becomes of those."""

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
    """A script that cannot be used; the message names the entry, the field and what is allowed there."""


class When(StrEnum):
    """On which side of the work an answer is lost or replaced."""

    BEFORE = "before"  # nothing has been done
    AFTER = "after"  # the work was done, and its answer goes nowhere


class StreamFaultKind(StrEnum):
    """What becomes of a stream of server-sent events."""

    CUT = "cut_after"  # the connection closes
    END = "end_after"  # the stream ends as HTTP streams do, but too soon
    STALL = "stall_after"  # nothing more comes for a while
    BREAK = "break_after"  # the data of the next event is no JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAfter:
    """The header: so many `seconds`, or an HTTP date that is so many seconds ahead of the callers' own clocks."""

    seconds: int
    as_date: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiErrorEffect:
    """A row of the catalogue as the answer. `values` fill in its message, before what the request gives."""

    kind: ErrorKind
    values: dict[str, Any] = field(default_factory=dict)
    retry_after: RetryAfter | None = None
    when: When = When.BEFORE


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsErrorEffect:
    """An error of an AWS service as the answer, in the shape of the service that the request is signed for."""

    code: str
    status: int
    message: str
    retry_after: RetryAfter | None = None
    when: When = When.BEFORE


@dataclass(frozen=True, slots=True, kw_only=True)
class DropConnectionEffect:
    """The connection closes, with no byte of an answer."""

    when: When


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEffect:
    """What happens once `after` events of a stream have gone out. Only a stall has `seconds`; None: for good."""

    kind: StreamFaultKind
    after: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncateBodyEffect:
    """The connection closes once so many bytes of an answer's body have gone out, under the headers of all of it."""

    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensPerMinute:
    """The quota of an inference request (DOCUMENTED: "Quotas for the bedrock-mantle endpoint"). None: no limit."""

    input: int | None
    output: int | None


RequestFaultEffect: TypeAlias = (
    ApiErrorEffect | AwsErrorEffect | DropConnectionEffect | StreamEffect | TruncateBodyEffect | TokensPerMinute
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMatcher:
    """Which requests. What is None is not looked at.

    `path` and `model` are patterns: `*` stands for any characters but a slash, `**` for any. `job` is an id, or counts
    the jobs of the simulator from 1.
    """

    method: str | None = None
    service: str | None = None
    path: str = ANY_PATH
    model: str | None = None
    job: str | int | None = None

    def may_match(self, request: IncomingRequest) -> bool:
        """Whether a request fits in all that its body does not say."""
        return (
            self.method in (None, request.method)
            and self.service in (None, request.service)
            and self.job in (None, request.job)
            and bool(_pattern(self.path).fullmatch(request.path))
        )

    def matches(self, request: IncomingRequest) -> bool:
        """Whether a request, with its body as far as it was read, is one of these."""
        return self.may_match(request) and (
            self.model is None or (request.model is not None and bool(_pattern(self.model).fullmatch(request.model)))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFault:
    """A fault of requests: of those that fit, it hits the `nth` (from 1) and what follows, `times` in all.

    `times` None: from then on. `delay` in seconds of real time. `source` is the entry of the script, as it was given.
    """

    matcher: RequestMatcher
    effect: RequestFaultEffect | None
    nth: int = 1
    times: int | None = 1
    delay: float = 0.0
    source: dict[str, Any]

    def applies_to_call(self, call: int) -> bool:
        """Whether it hits the `call`-th (from 1) of the requests that fit."""
        return self.nth <= call and (self.times is None or call < self.nth + self.times)

    @property
    def needs_body(self) -> bool:
        """Whether the JSON body says something that matters to it."""
        match self.effect:
            case TokensPerMinute():
                return True
            case ApiErrorEffect(kind=kind, values=values) if "model" in placeholders(kind) - values.keys():
                return True
            case _:
                return self.matcher.model is not None


def join_quoted(names: Iterable[str]) -> str:
    """Return names in quotes, in alphabetical order."""
    return ", ".join(f"'{name}'" for name in sorted(names))


def placeholders(kind: ErrorKind) -> set[str]:
    """Return the names that the message of an error has places for."""
    return {name for _, name, _, _ in Formatter().parse(kind.message) if name}


@lru_cache(maxsize=256)
def _pattern(glob: str) -> re.Pattern[str]:
    parts = _WILDCARD.split(glob)
    wild = {"**": ".*", "*": "[^/]*"}
    return re.compile("".join(wild.get(part) or re.escape(part) for part in parts), re.DOTALL)
