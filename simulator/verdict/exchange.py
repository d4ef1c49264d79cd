"""One request and what became of it, as the caller saw it: all that the rules are told."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from simulator.jobs.job import Status

_TIMED_OUT: Final = 408
_SLOW_DOWN: Final = 429
_REFUSED: Final = 400
_SERVERS_FAULT: Final = 500
_OK: Final = 200

TERMINAL_STATUSES: Final = frozenset(status.value for status in Status if status.is_terminal)
"""The statuses that a job does not leave again."""


class Operation(StrEnum):
    """What was asked for, as far as a rule cares."""

    CREATE_JOB = "create a job"
    RETRIEVE_JOB = "retrieve a job"
    CANCEL_JOB = "cancel a job"
    LIST_JOBS = "list jobs"
    LIST_EVENTS = "list events"
    LIST_CHECKPOINTS = "list checkpoints"
    UPLOAD_FILE = "upload a file"
    INVOKE_MODEL = "ask a model"
    RETRIEVE_MODEL = "retrieve a model"
    OTHER = "something else"


class Outcome(StrEnum):
    """How an exchange ended."""

    ANSWERED = "answered"  # whole
    NO_ANSWER = "no answer"  # the connection ended before an answer began
    CUT_OFF = "cut off"  # it ended in the middle of one
    DISCONNECTED = "hung up"  # the caller was gone before all of it was there
    IN_PROGRESS = "under way"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """What an answer showed of a job. `label`: its training file and metadata as one text, where a list showed it."""

    job_id: str
    status: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a listing: its ids in the order of the wire, and whether it said that there is more."""

    ids: tuple[str, ...]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRequest:
    """What a request asked.

    Attributes:
        request_line: method, path, and what its query says of a page, as a report shows it.
        job_id: the job that the path names.
        after: the cursor of a listing.
        limit: of a listing, when the caller gave one.
        fingerprint: a digest that two requests share when they are alike in method, path, query and body; None when the body
            was too large to be read along.
        job_spec_digest: a digest of what a job is to be made of, but for its files; two that differ in labels alone share it.
        job_files: the ids of the files that a job is to be made of, by their places in the order.
        job_label: of a job that is to be made; a job that is shown with it may be the one.
        has_no_model: it asks a model, and names none: null, an empty text, or the word that a template makes of null.
    """

    operation: Operation
    request_line: str
    job_id: str | None = None
    after: str | None = None
    limit: int | None = None
    fingerprint: bytes | None = None
    job_spec_digest: bytes | None = None
    job_files: tuple[tuple[str, str], ...] = ()
    job_label: str = ""
    has_no_model: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedAnswer:
    """What a whole answer told.

    Attributes:
        jobs: those that it described.
        page: of a listing of jobs, events or checkpoints.
        end_status: the end that an event of the job announced.
    """

    jobs: tuple[JobView, ...] = ()
    page: Page | None = None
    end_status: str | None = None


EMPTY_ANSWER: Final = ParsedAnswer()

FIRST_REQUESTS: Final = "first"
"""The lane of all first requests of connections."""

NAMED_CLIENT: Final = "named"
"""The one lane of a client that has named itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its fate. Times are seconds of the callers' clock since the watch began.

    Attributes:
        client: who asked, as a report may name it: never a secret.
        key_digest: a digest of the very key or signature.
        is_named: the client has named itself, so it is told apart from all others.
        connection: what it came on; `is_first`: as the first request there.
        started_at: when the request reached us; `ended_at`: when its fate was settled.
        longest_silence: the longest time within in which the caller waited and nothing came.
        retry_after: seconds that the answer asked to wait.
    """

    client: str
    key_digest: bytes
    is_named: bool
    connection: str
    is_first: bool
    request: ParsedRequest
    started_at: float
    ended_at: float
    longest_silence: float = 0.0
    outcome: Outcome = Outcome.ANSWERED
    status: int | None = None
    retry_after: float | None = None
    answer: ParsedAnswer = field(default=EMPTY_ANSWER)

    @property
    def program_keys(self) -> tuple[str, ...]:
        """What it has in common with other requests of its program: a name or a connection; or that it is a first one.

        What comes again on a connection is one program's. Who makes a connection for each request sends nothing but
        first ones; so do many programs that begin, and what is found on `FIRST` alone is therefore uncertain.
        """
        if self.is_named:
            return (NAMED_CLIENT,)
        return (self.connection, FIRST_REQUESTS) if self.is_first else (self.connection,)

    @property
    def operation(self) -> Operation:
        """What was asked for."""
        return self.request.operation

    @property
    def is_answered(self) -> bool:
        """Whether a whole answer came, whatever it said."""
        return self.outcome is Outcome.ANSWERED

    @property
    def is_successful(self) -> bool:
        """Whether a whole answer came that did what was asked."""
        return self.is_answered and self.status is not None and _OK <= self.status < _REFUSED

    @property
    def is_retryable(self) -> bool:
        """Whether it failed in a way that asking again may cure."""
        if not self.is_answered:
            return self.outcome is not Outcome.IN_PROGRESS
        return self.status in {_TIMED_OUT, _SLOW_DOWN} or (self.status or 0) >= _SERVERS_FAULT

    @property
    def is_effect_unknown(self) -> bool:
        """Whether it failed in a way that leaves open if it was done: whoever is throttled at the door was not."""
        return self.is_retryable and not (self.is_answered and self.status == _SLOW_DOWN)

    def evidence(self, note: str = "") -> "RequestEvidence":
        """Return this exchange as a report shows it."""
        answer = self.outcome.value if self.status is None or not self.is_answered else str(self.status)
        if self.status is not None and not self.is_answered:
            answer = f"{self.status}, {answer}"
        if self.retry_after is not None:
            answer = f"{answer}, Retry-After {self.retry_after:g}"
        return RequestEvidence(
            at=self.started_at,
            lasted=self.ended_at - self.started_at,
            request=self.request.request_line,
            answer=f"{answer}, {note}" if note else answer,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEvidence:
    """A request as a report shows it.

    Attributes:
        at: when it began, in seconds since the watch began.
        lasted: seconds.
        request: method, path, and what its query says of a page, on one line and without a secret.
        answer: the status, or what became of it, and what matters of what was said.
    """

    at: float
    lasted: float
    request: str
    answer: str
