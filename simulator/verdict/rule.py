"""What a rule is: a fold over exchanges that finds cases of one mistake, and the page that explains it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from simulator.verdict.exchange import Exchange, RequestEvidence

MAX_SHOWN_CASES: Final = 3
"""As many cases of a finding are kept of each severity."""

_KILLED: Final = 128  # and the signal's number, as a shell tells it


class Severity(StrEnum):
    """How bad a case is, worst first."""

    FAIL = "fail"
    WARN = "warn"
    NOTE = "note"  # no fault by itself, but worth a look: a verdict with nothing worse is clean

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One mistake, as its page tells of it.

    Attributes:
        id: C1, C2, ... Stable: scripts may rely on it.
        name: what a client did, in two to six words.
        question: what is asked, in one sentence that ends in a question mark.
        detection: how it is told from the requests, with the thresholds.
        impact: what it does to the client at Bedrock.
        remedy: what to do instead.
        exceptions: what looks like it and is not found fault with.
    """

    id: str
    name: str
    question: str
    detection: str
    impact: str
    remedy: str
    exceptions: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One time that a client made the mistake: what it did, and the requests that show it, the earlier first."""

    severity: Severity
    client: str
    what: str
    requests: tuple[RequestEvidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule found: how often, and the first cases, the worst first."""

    rule: str
    name: str
    severity: Severity
    cases: int
    shown: tuple[Case, ...]
    remedy: str


class ServerState(Protocol):
    """What is really so, which no client is told unless it asks."""

    def job_status(self, job_id: str) -> str | None:
        """Return a job's status now; None when there is no such job."""

    def event_ids(self, job_id: str) -> Sequence[str]:
        """Return the ids of a job's events, newest first."""

    def checkpoint_ids(self, job_id: str) -> Sequence[str]:
        """Return the ids of a job's checkpoints, newest first."""

    def file_digest(self, file_id: str) -> str | None:
        """Return what two files of the same bytes share; None when there is no such file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictContext:
    """The moment at which a verdict is asked for.

    Attributes:
        is_final: the clients are done. Otherwise they go on, and what they have not done yet they may still do.
        exit_code: the client's, where it is known. 0 says that it thinks that all went well.
        in_progress: the requests that are not answered yet.
        server_state: what is really so.
    """

    is_final: bool
    exit_code: int | None
    in_progress: tuple[Exchange, ...]
    server_state: ServerState

    @property
    def exited_successfully(self) -> bool:
        """Whether the client said that it was done with what it wanted."""
        return self.is_final and self.exit_code == 0

    @property
    def was_interrupted(self) -> bool:
        """Whether somebody stopped the client."""
        return self.exit_code is not None and not 0 <= self.exit_code < _KILLED


class RuleChecker(Protocol):
    """A rule at work. `observe` is told of every exchange when its fate is settled; `cases` may be asked at any time."""

    rule: Rule

    def observe(self, exchange: Exchange) -> None:
        """Take in one exchange."""

    def cases(self, context: VerdictContext) -> "CaseList":
        """Return what there is to find fault with."""


class CaseList:
    """Cases, all counted and the first few of each severity kept.

    `remedy` says what to do about these very ones, where a rule knows better than its page.
    """

    def __init__(self, cases: Iterable[Case] = (), *, remedy: str | None = None) -> None:
        self._remedy = remedy
        self._counts = dict.fromkeys(Severity, 0)
        self._kept: dict[Severity, list[Case]] = {severity: [] for severity in Severity}
        for case in cases:
            self.add(case)

    def add(self, case: Case) -> None:
        """Count one more case."""
        self._counts[case.severity] += 1
        kept = self._kept[case.severity]
        if len(kept) < MAX_SHOWN_CASES:
            kept.append(case)

    def extended_with(self, cases: Iterable[Case]) -> "CaseList":
        """Return these and more cases; these stay as they are."""
        more = CaseList(remedy=self._remedy)
        for severity in Severity:
            more._counts[severity] = self._counts[severity]
            more._kept[severity] = list(self._kept[severity])
        for case in cases:
            more.add(case)
        return more

    def as_finding(self, rule: Rule) -> Finding | None:
        """Return all of them as one finding of a rule; None where there are none."""
        shown = [case for severity in Severity for case in self._kept[severity]]
        if not shown:
            return None
        return Finding(
            rule=rule.id,
            name=rule.name,
            severity=shown[0].severity,
            cases=sum(self._counts.values()),
            shown=tuple(shown[:MAX_SHOWN_CASES]),
            remedy=self._remedy or rule.remedy,
        )
