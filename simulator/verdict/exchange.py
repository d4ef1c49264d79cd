"""One request and its outcome as the client saw it: the input of the rules."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from simulator.jobs.job import Status

_OK: Final = 200
_BAD_REQUEST: Final = 400
_REQUEST_TIMEOUT: Final = 408
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500

TERMINAL_STATUSES: Final = frozenset(status.value for status in Status if status.is_terminal)
"""The statuses that never change again."""


class Operation(StrEnum):
    """The operations that the rules distinguish."""

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

    ANSWERED = "answered"  # completely
    NO_ANSWER = "no answer"  # the server closed the connection before the answer started
    CUT_OFF = "cut off"  # the server closed the connection within the answer
    DISCONNECTED = "hung up"  # the client closed the connection before the answer was complete
    IN_PROGRESS = "under way"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """A job in an answer. `label`: its training file and metadata as one text, if the answer is a list."""

    job_id: str
    status: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a list: its ids in the order of the answer, and `has_more`."""

    ids: tuple[str, ...]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRequest:
    """The content of a request.

    Attributes:
        request_line: method, path and the query parameters of a page, as a report prints them.
        job_id: the job in the path.
        after: the cursor of a list request.
        limit: the limit of a list request, if the client set one.
        fingerprint: a digest of method, path, query and body; None if the body was too large to record.
        job_spec_digest: a digest of a job's specification without its files and labels (metadata, suffix).
        job_files: the files of a new job as pairs of field name and id.
        job_label: the training file and metadata of a new job; a listed job with the same label may be this job.
        has_no_model: the request needs a model but names none: null, an empty text, or a null that became text.
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
    """The content of a complete answer.

    Attributes:
        jobs: the jobs that it describes.
        page: the page of a list of jobs, events or checkpoints.
        end_status: the job's terminal status, if an event announces it.
    """

    jobs: tuple[JobView, ...] = ()
    page: Page | None = None
    end_status: str | None = None


EMPTY_ANSWER: Final = ParsedAnswer()

FIRST_REQUESTS: Final = "first"
"""The program key that all first requests of connections share."""

NAMED_CLIENT: Final = "named"
"""The only program key of a client that names itself in a header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and its outcome. Times are seconds of the clients' clock since the audit started.

    Attributes:
        client: the client's name for a report, never a secret.
        key_digest: a digest of the key or signature as it was sent.
        is_named: the client names itself in a header, which distinguishes it from all others.
        connection: the client's address and port; `is_first`: this is the connection's first request.
        started_at: when the request arrived; `ended_at`: when its outcome was known.
        longest_silence: the longest time that the client waited and received nothing.
        retry_after: seconds to wait according to the answer.
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
        """Keys that other requests of the same program have too: its name, its connection, or `FIRST_REQUESTS`.

        Requests on one connection come from one program. A program that opens a connection for each request sends
        only first requests, but so do many programs that send one request each. Cases that rest on `FIRST_REQUESTS`
        alone are therefore uncertain.
        """
        if self.is_named:
            return (NAMED_CLIENT,)
        return (self.connection, FIRST_REQUESTS) if self.is_first else (self.connection,)

    @property
    def operation(self) -> Operation:
        """The requested operation."""
        return self.request.operation

    @property
    def is_answered(self) -> bool:
        """Whether the client received a complete answer, whatever its status."""
        return self.outcome is Outcome.ANSWERED

    @property
    def is_successful(self) -> bool:
        """Whether the client received a complete answer with a 2xx or 3xx status."""
        return self.is_answered and self.status is not None and _OK <= self.status < _BAD_REQUEST

    @property
    def is_retryable(self) -> bool:
        """Whether it failed in a way that may pass: no complete answer, 408, 429, or 500 and above."""
        if not self.is_answered:
            return self.outcome is not Outcome.IN_PROGRESS
        return self.status in {_REQUEST_TIMEOUT, _TOO_MANY_REQUESTS} or (self.status or 0) >= _SERVER_ERROR

    @property
    def is_effect_unknown(self) -> bool:
        """Whether it failed and the server may still have carried it out. A 429 excludes that."""
        return self.is_retryable and not (self.is_answered and self.status == _TOO_MANY_REQUESTS)

    def evidence(self, note: str = "") -> "RequestEvidence":
        """Return this exchange as a report prints it."""
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
    """A request as a report prints it.

    Attributes:
        at: when it started, in seconds since the audit started.
        lasted: seconds.
        request: method, path and the query parameters of a page, on one line and without secrets.
        answer: the status or other outcome, and the part of the answer that matters.
    """

    at: float
    lasted: float
    request: str
    answer: str
