"""The interface of a rule's checker, and its inputs: exchanges, the server's state, the verdict's context."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from simulator.verdict.case import CaseList
from simulator.verdict.exchange import Exchange
from simulator.verdict.rule import Rule

_FIRST_SIGNAL_EXIT_CODE: Final = 128  # a shell adds the signal's number to it


class ServerState(Protocol):
    """The true state of jobs and files, which a client knows only if it requests it."""

    def job_status(self, job_id: str) -> str | None:
        """Return a job's current status; None if there is no such job."""

    def event_ids(self, job_id: str) -> Sequence[str]:
        """Return the ids of a job's events, newest first."""

    def checkpoint_ids(self, job_id: str) -> Sequence[str]:
        """Return the ids of a job's checkpoints, newest first."""

    def file_digest(self, file_id: str) -> str | None:
        """Return a digest of a file's content; None if there is no such file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictContext:
    """The circumstances under which a verdict is requested.

    Attributes:
        is_final: the clients are done. Otherwise a missing request may still come.
        exit_code: the client's exit code, if known. 0 means that the client reports success.
        in_progress: the requests that have no complete answer yet.
        server_state: the true state of jobs and files.
    """

    is_final: bool
    exit_code: int | None
    in_progress: tuple[Exchange, ...]
    server_state: ServerState

    @property
    def exited_successfully(self) -> bool:
        """Whether the client ended and reported success."""
        return self.is_final and self.exit_code == 0

    @property
    def was_interrupted(self) -> bool:
        """Whether a signal ended the client."""
        return self.exit_code is not None and not 0 <= self.exit_code < _FIRST_SIGNAL_EXIT_CODE


class RuleChecker(Protocol):
    """Applies one rule. `observe` gets every finished exchange; `cases` can be called at any time."""

    rule: Rule

    def observe(self, exchange: Exchange) -> None:
        """Process one exchange."""

    def cases(self, context: VerdictContext) -> CaseList:
        """Return the cases so far."""
